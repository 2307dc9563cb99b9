"""What is in a run, for type checkers; at run time these are plain dicts."""

from typing import NotRequired, TypedDict


class TableIndex(TypedDict):
    """A table's totals."""

    rows: int
    bytes: int
    tick_min: int | None
    tick_max: int | None
    buckets: list[int]
    """The buckets that have rows, sorted."""


class ArtifactEntry(TypedDict):
    """One artifact."""

    path: str
    """Relative to the run's directory."""
    bytes: int
    rows: NotRequired[int]
    """Only of Parquet files."""


class LabIndex(TypedDict):
    """The lab's artifacts, each directory sorted by path."""

    tidy: list[ArtifactEntry]
    probes: list[ArtifactEntry]
    policy: list[ArtifactEntry]
    audit: list[ArtifactEntry]


class ArtifactsIndex(TypedDict):
    """A run's artifacts, by who made them. The world and the mind have none yet."""

    lab: LabIndex
    world: dict[str, list[ArtifactEntry]]
    mind: dict[str, list[ArtifactEntry]]


class FileStat(TypedDict):
    """A file."""

    path: str
    """As it was given."""
    bytes: int
    created_at: str
    """When its content came to be, ISO-8601 in UTC."""


class WrittenParquet(FileStat):
    """A Parquet file that was written."""

    rows: int


class WrittenText(FileStat):
    """A text file that was written."""

    wrote_text: bool
    """Always True."""
