"""Functions that read one table of a run, as Polars frames. For more than one read, a `Dataset` is faster."""

from typing import TYPE_CHECKING

from crv.core.grammar import TableName
from crv.io._frames import Where
from crv.io.config import IoSettings
from crv.io.dataset import Dataset

if TYPE_CHECKING:
    import polars as pl

__all__ = ["read", "scan"]


def scan(settings: IoSettings, run_id: str, table: TableName | str, where: Where | None = None) -> "pl.LazyFrame":
    """Returns a LazyFrame of the rows of a table; see `Dataset.scan`."""
    return Dataset(settings, run_id).scan(table, where)


def read(
    settings: IoSettings, run_id: str, table: TableName | str, where: Where | None = None, limit: int | None = None
) -> "pl.DataFrame":
    """Reads the rows of a table; see `Dataset.read`."""
    return Dataset(settings, run_id).read(table, where, limit)
