"""Artifacts: files beside a run's tables, and files written with the discipline of parts.

`write_parquet_atomic` and `write_text_atomic` write any path: to a temporary file beside it, which is synced and renamed
into place. A reader sees the file before or the file after, never half of one, and what was written survives power
loss. Where a run's artifacts lie say `artifacts_root` and `lab_dir`; the bundle lists what is in there.
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
    """The directory of a run's artifacts. It is not made.

    >>> artifacts_root(IoSettings(root_dir="out"), "r")
    'out/runs/r/artifacts'
    """
    return _native.artifacts_root(settings, run_id)


def lab_dir(settings: IoSettings, run_id: str, subdir: LabSubdir | str) -> str:
    """The directory of the lab's artifacts called ``subdir``, which is made.

    Any other name than ``tidy``, ``probes``, ``policy`` and ``audit`` is an `IoArgumentError`, which is a `ValueError`.
    """
    return _native.lab_dir(settings, run_id, subdir)


def write_parquet_atomic(path: str | os.PathLike[str], df: Frame) -> WrittenParquet:
    """Writes a Polars DataFrame, or anything else that speaks Arrow, as a Parquet file at ``path``.

    Missing directories are made. After an error, what was there is still there.

    >>> import tempfile
    >>> import polars as pl
    >>> written = write_parquet_atomic(f"{tempfile.mkdtemp()}/tidy.parquet", pl.DataFrame({"a": [1, 2]}))
    >>> written["rows"], pl.read_parquet(written["path"])["a"].to_list()
    (2, [1, 2])
    """
    return _native.write_parquet_atomic(path, df)


def write_text_atomic(path: str | os.PathLike[str], text: str) -> WrittenText:
    """Writes ``text`` in UTF-8 at ``path``, with the promises of `write_parquet_atomic`."""
    return _native.write_text_atomic(path, text)


def file_stat(path: str | os.PathLike[str]) -> FileStat:
    """The size of a file, and when its content came to be. An `IoReadError` when there is no such file."""
    return _native.file_stat(path)
