"""Where things lie: every on-disk name of a run.

::

    <root>/runs/<run_id>/
      bundle.manifest.json
      tables/<table>/manifest.json
      tables/<table>/bucket=000123/part-<32 hex digits>.parquet
      artifacts/lab/{tidy,probes,policy,audit}/…

No path leaves the root: run ids are checked by every function. A bad argument is an `IoArgumentError`, which is a
`ValueError`.
"""

import uuid
from typing import NamedTuple

from crv import _native
from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io.config import IoSettings

__all__ = [
    "PartPaths",
    "bucket_dir",
    "bucket_id_for_tick",
    "format_bucket_dir",
    "manifest_path",
    "normalize_run_id",
    "part_paths",
    "run_root",
    "table_dir",
    "tables_root",
    "validate_run_id",
]


class PartPaths(NamedTuple):
    """A part's file while it is written, and when it is complete."""

    tmp_path: str
    final_path: str


def bucket_id_for_tick(tick: int, tick_bucket_size: int) -> int:
    """The bucket of a tick: ``tick // tick_bucket_size``.

    >>> bucket_id_for_tick(101, 100)
    1
    """
    return _native.bucket_id_for_tick(tick, tick_bucket_size)


def format_bucket_dir(bucket_id: int) -> str:
    """The name of a bucket's directory.

    >>> format_bucket_dir(123)
    'bucket=000123'
    """
    return _native.format_bucket_dir(bucket_id)


def run_root(settings: IoSettings, run_id: str) -> str:
    """The directory of a run.

    >>> run_root(IoSettings(root_dir="out"), "20250101-000000")
    'out/runs/20250101-000000'
    """
    return _native.run_root(settings, run_id)


def tables_root(settings: IoSettings, run_id: str) -> str:
    """The directory of a run's tables."""
    return _native.tables_root(settings, run_id)


def table_dir(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """The directory of a table."""
    return _native.table_dir(settings, run_id, table)


def manifest_path(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """The manifest of a table."""
    return _native.manifest_path(settings, run_id, table)


def bucket_dir(settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int) -> str:
    """The directory of a bucket."""
    return _native.bucket_dir(settings, run_id, table, bucket_id)


def part_paths(
    settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int, part_id: str | None = None
) -> PartPaths:
    """The paths of a part. ``part_id`` is the 32 hex digits of its name; without one, they are of a new part."""
    final_path = _native.part_path(settings, run_id, table, bucket_id, part_id or uuid.uuid4().hex)
    return PartPaths(tmp_path=f"{final_path}.tmp", final_path=final_path)


def validate_run_id(run_id: str) -> RunId:
    """The run id, if it is one: 1 to 255 of ``A-Z a-z 0-9 . _ : -``, and neither ``.`` nor ``..``.

    >>> validate_run_id("../etc")
    Traceback (most recent call last):
    crv.io.errors.IoArgumentError: invalid run id `../etc`: ...
    """
    return RunId(_native.validate_run_id(run_id))


def normalize_run_id(text: str) -> RunId:
    """The run id a text becomes when it is trimmed and its blanks are turned into ``_``.

    >>> normalize_run_id(" my first run ")
    'my_first_run'
    """
    return RunId(_native.normalize_run_id(text))
