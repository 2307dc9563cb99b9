"""The run bundle: one JSON document that says what a run is, what is in it, and where it came from.

``bundle.manifest.json`` is a copy for people and other programs, as of when it was written. What is in a table now,
`Dataset.manifest` says.
"""

import json
import platform
from collections.abc import Mapping
from typing import Any, TypedDict

from crv import _native
from crv.io._bundles import ArtifactEntry, ArtifactsIndex, LabIndex, TableIndex
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
    """The version of the tables."""

    major: int
    minor: int
    date: str


class GitState(TypedDict):
    """The Git repository around the current directory; None where there is none, or Git does not say."""

    sha: str | None
    dirty: bool | None
    """Whether a tracked file differs from ``sha``."""


class BundleRun(TypedDict):
    """Which run it is."""

    run_id: str
    created_at: str
    """When the run began: the earliest of its tables and of the bundles before."""
    core_schema_v: CoreSchemaVersion
    git: GitState


class BundleEnv(TypedDict):
    """Versions of the programs that wrote the bundle; None for what is not installed."""

    python: str | None
    polars: str | None
    pyarrow: str | None
    crv: str | None
    rust: str | None
    os: str | None


class BundleIo(TypedDict):
    """The settings that say where and how."""

    root_dir: str
    partitioning: str
    tick_bucket_size: int
    row_group_size: int
    compression: str


class BundleTable(TableIndex):
    """A table's totals; the last two repeat ``rows`` and ``bytes``."""

    total_rows: int
    total_bytes: int


class RunBundle(TypedDict):
    """What ``bundle.manifest.json`` says."""

    schema_version: int
    run: BundleRun
    env: BundleEnv
    io: BundleIo
    tables: dict[str, BundleTable]
    artifacts: ArtifactsIndex
    meta: dict[str, Any]


def write_run_bundle_manifest(
    settings: IoSettings, run_id: str, *, meta: Mapping[str, Any] | None = None
) -> RunBundle:
    """Writes the bundle of a run in place of the one before, atomically and durably, and returns what it says.

    ``meta`` is any JSON object of up to 16 MiB, nested up to 64 levels deep; data belongs into artifacts. Without it, that
    of the bundle before is kept; ``{}`` drops it.

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
        python=platform.python_version(),
        polars=_installed("polars"),
        pyarrow=_installed("pyarrow"),
    )
    bundle: RunBundle = json.loads(written)
    return bundle


def bundle_manifest_path(settings: IoSettings, run_id: str) -> str:
    """The path of a run's bundle.

    >>> bundle_manifest_path(IoSettings(root_dir="out"), "r")
    'out/runs/r/bundle.manifest.json'
    """
    return _native.bundle_manifest_path(settings, run_id)


def collect_tables_index(settings: IoSettings, run_id: str) -> dict[str, TableIndex]:
    """The totals of each table of a run, from manifests and the commit log alone: no Parquet file is opened."""
    return _native.collect_tables_index(settings, run_id)


def collect_artifacts_index(settings: IoSettings, run_id: str) -> ArtifactsIndex:
    """The artifacts of a run, each with its size, and the rows of Parquet files by their footers."""
    return _native.collect_artifacts_index(settings, run_id)


def _json_object(meta: object) -> str:
    if not isinstance(meta, Mapping):
        raise IoArgumentError(f"`meta` is a mapping, not {type(meta).__name__}\nhint: {_META_HINT}")
    try:
        return json.dumps(dict(meta), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise IoArgumentError(f"`meta` is no JSON: {error}\nhint: {_META_HINT}") from error


_META_HINT = "pass a dict of strings, numbers, booleans, None, lists and dicts"


def _installed(package: str) -> str | None:
    """The version of a package, which is not imported for it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
