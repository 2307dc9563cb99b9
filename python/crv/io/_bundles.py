"""The contents of a run, as types for type checkers; at run time they are plain dicts."""

from typing import NotRequired, TypedDict


class TableIndex(TypedDict):
    """The totals of a table."""

    rows: int
    bytes: int
    tick_min: int | None
    tick_max: int | None
    buckets: list[int]
    """The buckets that have rows, sorted."""


class ArtifactEntry(TypedDict):
    """One artifact."""

    path: str
    """The path, relative to the run's directory."""
    bytes: int
    rows: NotRequired[int]
    """The number of rows; only for Parquet files."""


class LabIndex(TypedDict):
    """The lab's artifacts, each directory sorted by path."""

    tidy: list[ArtifactEntry]
    probes: list[ArtifactEntry]
    policy: list[ArtifactEntry]
    audit: list[ArtifactEntry]


class ArtifactsIndex(TypedDict):
    """The artifacts of a run, by their producer. ``world`` and ``mind`` are empty so far."""

    lab: LabIndex
    world: dict[str, list[ArtifactEntry]]
    mind: dict[str, list[ArtifactEntry]]


class FileStat(TypedDict):
    """The size and time of a file."""

    path: str
    """The path, as it was given."""
    bytes: int
    created_at: str
    """When its content was last modified, ISO-8601 in UTC."""


class WrittenParquet(FileStat):
    """A Parquet file that `write_parquet_atomic` wrote."""

    rows: int


class WrittenText(FileStat):
    """A text file that `write_text_atomic` wrote."""

    wrote_text: bool
    """Always True."""
