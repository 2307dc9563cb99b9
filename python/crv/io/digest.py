"""A hash of what a run holds, and where two runs part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._shown import Shown
from crv.io._tables import table_of

if TYPE_CHECKING:
    from crv.io.dataset import Dataset

__all__ = ["BucketDigest", "ColumnDifference", "Difference", "RunDiff", "RunDigest", "TableDiff", "TableDigest", "diff"]


@dataclass(frozen=True, kw_only=True, repr=False)
class BucketDigest(Shown):
    """The digest of the rows of 1,024 ticks."""

    first_tick: int
    """The first of the ticks, a multiple of 1,024."""
    digest: str
    rows: int


@dataclass(frozen=True, kw_only=True, repr=False)
class TableDigest(Shown):
    """The digest of a table."""

    table: TableName | str
    digest: str
    rows: int
    buckets: tuple[BucketDigest, ...]
    """Those with rows, in order."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RunDigest(Shown):
    """The digest of a run: SHA-256 as 64 hex digits, of the rows alone."""

    digest: str
    rows: int
    tables: tuple[TableDigest, ...]
    """The tables that have rows, sorted by name."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a digest of what the core returns."""

        def table(of: Mapping[str, Any]) -> TableDigest:
            buckets = tuple(BucketDigest(**bucket) for bucket in of["buckets"])
            return TableDigest(table=table_of(of["table"]), digest=of["digest"], rows=of["rows"], buckets=buckets)

        return cls(digest=obj["digest"], rows=obj["rows"], tables=tuple(table(of) for of in obj["tables"]))


@dataclass(frozen=True, kw_only=True, repr=False)
class ColumnDifference(Shown):
    """The values of a column, or of a field in it, in a row that differs, as text."""

    column: str
    """Its path: ``additional_payload.price``."""
    left: str
    right: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Difference(Shown):
    """The first tick of a table at which two runs differ."""

    table: TableName | str
    tick: int
    """All earlier ticks are equal."""
    row: int
    """The first row that differs, counted from 0 within the tick; or the first that only one run has."""
    left_rows: int
    """Rows of the first run at that tick."""
    right_rows: int
    columns: tuple[ColumnDifference, ...]
    """What differs in that row; empty if only one run has the row."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TableDiff(Shown):
    """A table of two runs."""

    table: TableName | str
    first: Difference | None
    """None if the rows are equal."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RunDiff(Shown):
    """What `diff` found."""

    left: RunId
    right: RunId
    equal: bool
    first: Difference | None
    """The earliest difference: the lowest tick, and of several tables the first by name."""
    tables: tuple[TableDiff, ...]
    """Every table that one of the runs has, sorted by name."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a diff of what the core returns."""

        def first(of: Mapping[str, Any] | None) -> Difference | None:
            if of is None:
                return None
            columns = tuple(ColumnDifference(**column) for column in of["columns"])
            return Difference(**{**of, "table": table_of(of["table"]), "columns": columns})

        return cls(
            left=RunId(obj["left"]),
            right=RunId(obj["right"]),
            equal=obj["equal"],
            first=first(obj["first"]),
            tables=tuple(TableDiff(table=table_of(of["table"]), first=first(of["first"])) for of in obj["tables"]),
        )


def diff(left: "Dataset", right: "Dataset") -> RunDiff:
    """Compares the rows of two runs as of now, whatever their layouts.

    They are equal if their digests are. The rows of a table are read up to its first difference, those of both runs side
    by side, in bounded memory.

    >>> import tempfile
    >>> from crv.io import Dataset, IoSettings
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> one, other = Dataset(settings, "one"), Dataset(settings, "other")
    >>> for dataset, wealth in ((one, [1.0, 2.0]), (other, [1.0, 2.5])):
    ...     _ = dataset.append("agents", {"tick": [0, 1], "wealth": wealth}, declare=True)
    >>> first = diff(one, other).first
    >>> first.tick, first.columns
    (1, (ColumnDifference(column='wealth', left='2.0', right='2.5'),))
    """
    return RunDiff.from_json_obj(left._own().diff(right._own()))
