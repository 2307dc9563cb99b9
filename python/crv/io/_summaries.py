"""Results of appends, as types for type checkers; at run time they are plain dicts."""

from typing import TypedDict


class PartSummary(TypedDict):
    """A part that was written."""

    bucket_id: int
    path: str
    """The part's final path."""
    rows: int
    bytes: int
    tick_min: int
    tick_max: int


class AppendSummary(TypedDict):
    """The result of an append to one table."""

    table: str
    run_id: str
    rows: int
    buckets: list[int]
    """The buckets of the rows, sorted."""
    parts: list[PartSummary]
    commit: int | None
    """The number of the commit that made the rows visible; None if there were no rows."""


class TransactionSummary(TypedDict):
    """The result of a transaction."""

    commit: int | None
    """The number of the commit that made all rows visible; None if there were no rows."""
    tables: list[AppendSummary]
    """The result of each append, in the order of the calls."""
