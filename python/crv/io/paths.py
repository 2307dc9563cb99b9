"""Paths: every on-disk name of a run.

::

    <root>/runs/<run_id>/
      bundle.manifest.json
      tables/<table>/manifest.json
      tables/<table>/bucket=000123/part-<32 hex digits>.parquet
      artifacts/lab/{tidy,probes,policy,audit}/…

No path leaves the root: every function checks the run id. An invalid argument is an `IoArgumentError`, which is a
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
    """The paths of a part while it is written, and when it is complete."""

    tmp_path: str
    final_path: str


def bucket_id_for_tick(tick: int, tick_bucket_size: int) -> int:
    """Returns the bucket of a tick: ``tick // tick_bucket_size``.

    >>> bucket_id_for_tick(101, 100)
    1
    """
    return _native.bucket_id_for_tick(tick, tick_bucket_size)


def format_bucket_dir(bucket_id: int) -> str:
    """Returns the name of a bucket's directory.

    >>> format_bucket_dir(123)
    'bucket=000123'
    """
    return _native.format_bucket_dir(bucket_id)


def run_root(settings: IoSettings, run_id: str) -> str:
    """Returns the directory of a run.

    >>> run_root(IoSettings(root_dir="out"), "20250101-000000")
    'out/runs/20250101-000000'
    """
    return _native.run_root(settings, run_id)


def tables_root(settings: IoSettings, run_id: str) -> str:
    """Returns the directory of a run's tables."""
    return _native.tables_root(settings, run_id)


def table_dir(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """Returns the directory of a table."""
    return _native.table_dir(settings, run_id, table)


def manifest_path(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """Returns the path of a table's manifest."""
    return _native.manifest_path(settings, run_id, table)


def bucket_dir(settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int) -> str:
    """Returns the directory of a bucket."""
    return _native.bucket_dir(settings, run_id, table, bucket_id)


def part_paths(
    settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int, part_id: str | None = None
) -> PartPaths:
    """Returns the paths of a part. ``part_id`` is the 32 hex digits of its name; without it, a new id is made."""
    final_path = _native.part_path(settings, run_id, table, bucket_id, part_id or uuid.uuid4().hex)
    return PartPaths(tmp_path=f"{final_path}.tmp", final_path=final_path)


def validate_run_id(run_id: str) -> RunId:
    """Returns the run id if it is valid: 1 to 255 of ``A-Z a-z 0-9 . _ : -``, and neither ``.`` nor ``..``.

    >>> validate_run_id("../etc")
    Traceback (most recent call last):
    crv.io.errors.IoArgumentError: invalid run id `../etc`: ...
    """
    return RunId(_native.validate_run_id(run_id))


def normalize_run_id(text: str) -> RunId:
    """Trims a text and replaces its blanks by ``_``; the result must be a valid run id.

    >>> normalize_run_id(" my first run ")
    'my_first_run'
    """
    return RunId(_native.normalize_run_id(text))
