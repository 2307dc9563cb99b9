"""Checks rows without writing them. `Dataset.append` makes the same checks."""

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame

__all__ = ["validate_frame"]


def validate_frame(
    table: TableName | str, frame: Frame, *, strict_schema: bool = True, validate_rows: bool = False
) -> None:
    """Checks rows of a canonical table as an append to a new table does.

    ``strict_schema`` refuses columns that the table does not have; ``validate_rows`` also checks values. Only an append
    can check whether payloads fit those that a run already has.

    Raises:
        IoSchemaError: the rows do not fit the table.
        IoArgumentError: the table is not canonical, or the frame does not export Arrow.

    >>> import polars as pl
    >>> validate_frame("holdings", pl.DataFrame({"tick": [0], "agent_id": ["A0"], "token_id": ["T0"], "quantity": [1]}))
    """
    _native.validate_frame(table, frame, strict_schema=strict_schema, validate_rows=validate_rows)
