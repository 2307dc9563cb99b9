"""The run bundle: one JSON document that describes a run, its contents and its origin.

``bundle.manifest.json`` is for people and other programs, and describes the run as of when it was written.
`Dataset.manifest` returns the current contents of a table.
"""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from crv import _native
from crv.io._bundles import ArtifactEntry, ArtifactsIndex, LabIndex, TableIndex
from crv.io._versions import versions
from crv.io.config import IoSettings
from crv.io.errors import IoArgumentError

__all__ = [
    "ArtifactEntry",
    "ArtifactsIndex",
    "BundleEnv",
    "BundleIo",
    "BundleRun",
    "BundleTable",
    "CoreSchemaVersion",
    "GitState",
    "LabIndex",
    "RunBundle",
    "TableIndex",
    "bundle_manifest_path",
    "collect_artifacts_index",
    "collect_tables_index",
    "write_run_bundle_manifest",
]


class CoreSchemaVersion(TypedDict):
    """The schema version of the tables."""

    major: int
    minor: int
    date: str


class GitState(TypedDict):
    """The state of the Git repository of the current directory; None without one, or if Git fails."""

    sha: str | None
    dirty: bool | None
    """Whether a tracked file differs from ``sha``."""


class BundleRun(TypedDict):
    """The identity of the run."""

    run_id: str
    created_at: str
    """When the run began: the earliest time in its tables and in earlier bundles, ISO-8601 in UTC."""
    core_schema_v: CoreSchemaVersion
    git: GitState


class BundleEnv(TypedDict):
    """The versions of the programs that wrote the bundle; None for a program that is not installed."""

    python: str | None
    polars: str | None
    pyarrow: str | None
    crv: str | None
    rust: str | None
    os: str | None


class BundleIo(TypedDict):
    """The settings of the run: where it is stored, and how."""

    root_dir: str
    partitioning: str
    tick_bucket_size: int
    row_group_size: int
    compression: str


class BundleTable(TableIndex):
    """The totals of a table. ``total_rows`` and ``total_bytes`` repeat ``rows`` and ``bytes``."""

    total_rows: int
    total_bytes: int


class RunBundle(TypedDict):
    """The content of ``bundle.manifest.json``."""

    schema_version: int
    run: BundleRun
    env: BundleEnv
    io: BundleIo
    tables: dict[str, BundleTable]
    artifacts: ArtifactsIndex
    facts: dict[str, Any] | None
    """What the run is, as ``run.json`` says; None if `start_run` did not begin it."""
    status: dict[str, Any] | None
    """How it was doing when the bundle was written."""
    meta: dict[str, Any]


def write_run_bundle_manifest(
    settings: IoSettings, run_id: str, *, meta: Mapping[str, Any] | None = None
) -> RunBundle:
    """Writes the bundle of a run in place of the earlier one, atomically and durably, and returns its content.

    ``meta`` is a JSON object of at most 16 MiB, nested at most 64 levels deep; put data into artifacts. Without it, the
    ``meta`` of the earlier bundle is kept; ``{}`` drops it.

    Raises:
        IoArgumentError: the run id is invalid, or ``meta`` is not such an object.
        IoManifestError: a manifest of the run is damaged.

    >>> import tempfile
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> bundle = write_run_bundle_manifest(settings, "r", meta={"seed": 7})
    >>> bundle["schema_version"], bundle["tables"], bundle["meta"]
    (1, {}, {'seed': 7})
    >>> write_run_bundle_manifest(settings, "r")["meta"]
    {'seed': 7}
    """
    written = _native.write_run_bundle_manifest(
        settings,
        run_id,
        None if meta is None else _json_object(meta),
        **versions(),
    )
    bundle: RunBundle = json.loads(written)
    return bundle


def bundle_manifest_path(settings: IoSettings, run_id: str) -> str:
    """Returns the path of a run's bundle.

    >>> bundle_manifest_path(IoSettings(root_dir="out"), "r")
    'out/runs/r/bundle.manifest.json'
    """
    return _native.bundle_manifest_path(settings, run_id)


def collect_tables_index(settings: IoSettings, run_id: str) -> dict[str, TableIndex]:
    """Returns the totals of each table of a run, from manifests and the log: no Parquet file is opened."""
    return _native.collect_tables_index(settings, run_id)


def collect_artifacts_index(settings: IoSettings, run_id: str) -> ArtifactsIndex:
    """Lists the artifacts of a run, each with its size; Parquet files with the number of rows in their footers."""
    return _native.collect_artifacts_index(settings, run_id)


def _json_object(meta: object) -> str:
    if not isinstance(meta, Mapping):
        raise IoArgumentError(f"`meta` is a mapping, not {type(meta).__name__}\nhint: {_META_HINT}")
    try:
        return json.dumps(dict(meta), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise IoArgumentError(f"`meta` is not JSON: {error}\nhint: {_META_HINT}") from error


_META_HINT = "pass a dict of strings, numbers, booleans, None, lists and dicts"
