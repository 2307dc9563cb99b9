"""A function that appends to one table of a run. All rows of an append become visible together, or none."""

from crv.core.grammar import TableName
from crv.io._frames import Frame
from crv.io._summaries import AppendSummary, PartSummary, TransactionSummary
from crv.io.config import IoSettings
from crv.io.dataset import Dataset

__all__ = ["AppendSummary", "PartSummary", "TransactionSummary", "append"]


def append(
    settings: IoSettings,
    run_id: str,
    table: TableName | str,
    frame: Frame,
    *,
    validate_schema: bool = True,
    validate_rows: bool = False,
) -> AppendSummary:
    """Appends rows to one table of a run; see `Dataset.append`. For more than one append, a `Dataset` is faster."""
    with Dataset(settings, run_id) as dataset:
        return dataset.append(table, frame, validate_schema=validate_schema, validate_rows=validate_rows)
