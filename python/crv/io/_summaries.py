"""What an append comes to, for type checkers; at run time these are plain dicts."""

from typing import TypedDict


class PartSummary(TypedDict):
    """A part that was made."""

    bucket_id: int
    path: str
    """The part's final path."""
    rows: int
    bytes: int
    tick_min: int
    tick_max: int


class AppendSummary(TypedDict):
    """What was appended to one table."""

    table: str
    run_id: str
    rows: int
    buckets: list[int]
    """The buckets the rows lie in, sorted."""
    parts: list[PartSummary]
    commit: int | None
    """The commit that made the rows visible; None when there were none."""


class TransactionSummary(TypedDict):
    """What a transaction came to."""

    commit: int | None
    """The one commit that made everything visible; None when there was nothing to append."""
    tables: list[AppendSummary]
    """What was appended, in the order of the calls."""
