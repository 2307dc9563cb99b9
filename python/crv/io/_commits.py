"""A run commit by commit: as of an earlier one, and as they come."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import ArrowScan, Where, row_count
from crv.io._tables import table_of

if TYPE_CHECKING:
    import polars as pl

    from crv.io.dataset import Dataset

__all__ = ["DatasetAt", "followed"]


class DatasetAt:
    """A run as of one of its commits, for reading. `Dataset.at` returns it."""

    def __init__(self, dataset: "Dataset", commit: int) -> None:
        self._dataset = dataset
        self.commit = commit

    def __repr__(self) -> str:
        return f"{self._dataset!r}.at({self.commit})"

    def scan(self, table: TableName | str, where: Where | None = None) -> "pl.LazyFrame":
        """Returns a LazyFrame of the rows of ``table``; see `Dataset.scan`.

        Raises:
            IoArgumentError: there is no such commit, or it was pruned.
            IoNotFoundError: the table was not written then.
        """
        from crv.io._polars import lazy_frame

        return lazy_frame(self._scan(table, where))

    def read(self, table: TableName | str, where: Where | None = None, limit: int | None = None) -> "pl.DataFrame":
        """Reads the rows of ``table``; see `Dataset.read`."""
        from crv.io._polars import frame

        return frame(self._scan(table, where), None if limit is None else row_count(limit))

    def scan_arrow(self, table: TableName | str, where: Where | None = None) -> ArrowScan:
        """Returns the rows of ``table`` as an Arrow stream, without Polars; see `Dataset.scan_arrow`."""
        return self._scan(table, where)

    def _scan(self, table: TableName | str, where: Where | None) -> _native.Scan:
        return self._dataset._own().scan_at(table, where, self.commit)


def followed(
    follow: _native.Follow, poll: float, forever: bool
) -> Iterator[tuple[int, "dict[TableName | str, pl.DataFrame]"]]:
    """Returns what `Dataset.follow` does."""
    from crv.io._polars import frame

    while True:
        # Short, so that an interrupt is noticed.
        found = follow.next(poll, 0.2)
        if found is not None:
            commit, scans = found
            yield commit, {table_of(table): frame(scan, None) for table, scan in scans}
        elif not forever and follow.is_over():
            return
