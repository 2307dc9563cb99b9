"""Artifacts: files beside a run's tables, written as atomically and durably as parts.

`write_parquet_atomic` and `write_text_atomic` write to a temporary file beside the path, sync it and rename it into
place. A reader sees the old file or the complete new one, and the new one survives power loss. `artifacts_root` and
`lab_dir` return the directories of a run's artifacts; the bundle lists the files there.
"""

import os
from typing import Literal

from crv import _native
from crv.io._bundles import FileStat, WrittenParquet, WrittenText
from crv.io._frames import Frame
from crv.io.config import IoSettings

__all__ = [
    "FileStat",
    "LabSubdir",
    "WrittenParquet",
    "WrittenText",
    "artifacts_root",
    "file_stat",
    "lab_dir",
    "write_parquet_atomic",
    "write_text_atomic",
]

LabSubdir = Literal["tidy", "probes", "policy", "audit"]
"""A directory of the lab's artifacts."""


def artifacts_root(settings: IoSettings, run_id: str) -> str:
    """Returns the directory of a run's artifacts. Does not create it.

    >>> artifacts_root(IoSettings(root_dir="out"), "r")
    'out/runs/r/artifacts'
    """
    return _native.artifacts_root(settings, run_id)


def lab_dir(settings: IoSettings, run_id: str, subdir: LabSubdir | str) -> str:
    """Creates the directory ``subdir`` of the lab's artifacts, if it does not exist, and returns its path.

    Raises:
        IoArgumentError: ``subdir`` is not ``tidy``, ``probes``, ``policy`` or ``audit``, or the run id is invalid.
        IoWriteError: the directory could not be created.
    """
    return _native.lab_dir(settings, run_id, subdir)


def write_parquet_atomic(path: str | os.PathLike[str], df: Frame) -> WrittenParquet:
    """Writes a Polars DataFrame, or any other object that exports Arrow, to a Parquet file at ``path``.

    Creates missing directories. After an error, the old file is unchanged.

    Raises:
        IoArgumentError: ``df`` does not export Arrow.
        IoSchemaError: a type of ``df`` cannot be written to Parquet.
        IoWriteError: storage refused the write.

    >>> import tempfile
    >>> import polars as pl
    >>> written = write_parquet_atomic(f"{tempfile.mkdtemp()}/tidy.parquet", pl.DataFrame({"a": [1, 2]}))
    >>> written["rows"], pl.read_parquet(written["path"])["a"].to_list()
    (2, [1, 2])
    """
    return _native.write_parquet_atomic(path, df)


def write_text_atomic(path: str | os.PathLike[str], text: str) -> WrittenText:
    """Writes ``text`` in UTF-8 to ``path``, as atomically and durably as `write_parquet_atomic`."""
    return _native.write_text_atomic(path, text)


def file_stat(path: str | os.PathLike[str]) -> FileStat:
    """Returns the size of a file in bytes, and when its content was last modified.

    Raises:
        IoReadError: there is no such file.
    """
    return _native.file_stat(path)
