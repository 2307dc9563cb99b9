"""Manifests: the parts and totals of a table, by bucket.

``manifest.json`` may be older than the run's log; the result of `load_manifest` includes every commit.
"""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from crv import _native
from crv.core.grammar import TableName
from crv.io._shown import Shown
from crv.io._tables import name_of
from crv.io.config import IoSettings
from crv.io.errors import IoLostRowsWarning

__all__ = [
    "PartMeta",
    "PartitionMeta",
    "TableManifest",
    "load_manifest",
    "new_manifest",
    "rebuild_manifest_from_fs",
    "update_with_new_part",
    "write_manifest",
]


@dataclass(kw_only=True, repr=False)
class PartMeta(Shown):
    """A part: one Parquet file of a bucket."""

    path: str
    """The file's name, relative to the bucket's directory."""
    rows: int
    bytes: int
    tick_min: int
    tick_max: int
    created_at: str
    """When it was written, ISO-8601 in UTC."""

    def to_json_obj(self) -> dict[str, Any]:
        """Returns the entry of this part in manifest.json."""
        return asdict(self)

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a part from its entry; the inverse of `to_json_obj`."""
        return cls(**_known(cls, obj))


@dataclass(kw_only=True, repr=False)
class PartitionMeta(Shown):
    """A bucket: its totals, and its parts in the order they were appended."""

    bucket_id: int
    state: str = "ready"
    tick_min: int
    tick_max: int
    row_count: int
    byte_size: int
    parts: list[PartMeta] = field(default_factory=list)

    def to_json_obj(self) -> dict[str, Any]:
        """Returns the entry of this bucket in manifest.json."""
        return asdict(self)

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The inverse of `to_json_obj`; unknown keys are ignored."""
        parts = [PartMeta.from_json_obj(part) for part in obj["parts"]]
        return cls(**(_known(cls, obj) | {"parts": parts}))


@dataclass(kw_only=True, repr=False)
class TableManifest(Shown):
    """A manifest: the buckets of a table, by their number as text of at least six digits."""

    table: str
    version: int = 1
    created_at: str
    """When the table was created, ISO-8601 in UTC."""
    updated_at: str
    """When the table last changed, ISO-8601 in UTC."""
    partitions: dict[str, PartitionMeta] = field(default_factory=dict)

    def to_json_obj(self) -> dict[str, Any]:
        """Returns the object of manifest.json, with the keys that every reader knows."""
        return asdict(self)

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The inverse of `to_json_obj`; unknown keys are ignored."""
        partitions = {key: PartitionMeta.from_json_obj(value) for key, value in obj["partitions"].items()}
        return cls(**(_known(cls, obj) | {"partitions": partitions}))


def load_manifest(settings: IoSettings, run_id: str, table: TableName | str) -> TableManifest | None:
    """Returns the current state of a table, or None if the run has no such table."""
    found = _native.load_manifest(settings, run_id, table)
    return None if found is None else TableManifest.from_json_obj(found)


def write_manifest(settings: IoSettings, run_id: str, manifest: TableManifest) -> None:
    """Makes ``manifest`` the state of its table, as one commit.

    Raises:
        IoManifestError: the manifest is invalid, or its entry of a part differs from the part.
        IoReadError: a part that it names is missing or damaged.
    """
    _native.write_manifest(settings, run_id, manifest.to_json_obj())


def rebuild_manifest_from_fs(settings: IoSettings, run_id: str, table: TableName | str) -> TableManifest:
    """Rebuilds the manifest of a table from the footers of the parts on disk; see `Dataset.rebuild_manifest`."""
    return rebuilt(_native.Dataset(settings, run_id), table)


def rebuilt(dataset: _native.Dataset, table: TableName | str) -> TableManifest:
    """Rebuilds the manifest of ``table``, and warns of committed parts that are no longer on disk."""
    manifest, missing = dataset.rebuild_manifest(table)
    if missing:
        warnings.warn(
            f"parts that were committed are not on disk, and their rows are lost: {', '.join(missing)}",
            IoLostRowsWarning,
            stacklevel=3,
        )
    return TableManifest.from_json_obj(manifest)


def new_manifest(table: TableName | str) -> TableManifest:
    """Returns the manifest of a table without parts. Writes nothing.

    >>> new_manifest("messages").partitions
    {}
    """
    now = _now()
    return TableManifest(table=name_of(table), created_at=now, updated_at=now)


def update_with_new_part(manifest: TableManifest, bucket_id: int, part_meta: PartMeta) -> None:
    """Adds a part to the entry of its bucket, in place. Writes nothing."""
    entry = manifest.partitions.get(key := f"{bucket_id:06d}")
    if entry is None:
        entry = manifest.partitions[key] = PartitionMeta(
            bucket_id=bucket_id, tick_min=part_meta.tick_min, tick_max=part_meta.tick_max, row_count=0, byte_size=0
        )
    entry.parts.append(part_meta)
    entry.tick_min = min(entry.tick_min, part_meta.tick_min)
    entry.tick_max = max(entry.tick_max, part_meta.tick_max)
    entry.row_count += part_meta.rows
    entry.byte_size += part_meta.bytes
    manifest.updated_at = _now()


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _known(cls: type, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the entries of ``obj`` that are fields of the dataclass ``cls``."""
    return {name: obj[name] for name in (item.name for item in fields(cls)) if name in obj}
