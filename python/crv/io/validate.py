"""Checking rows before they are appended. `Dataset.append` makes the same checks; nothing here writes."""

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame

__all__ = ["validate_frame"]


def validate_frame(
    table: TableName | str, frame: Frame, *, strict_schema: bool = True, validate_rows: bool = False
) -> None:
    """Raises an `IoSchemaError` when a new table would refuse these rows.

    ``strict_schema`` refuses columns that the table does not have, ``validate_rows`` checks values as well. Whether
    payloads fit those that a run already has is known only to an append.

    >>> import polars as pl
    >>> validate_frame("holdings", pl.DataFrame({"tick": [0], "agent_id": ["A0"], "token_id": ["T0"], "quantity": [1]}))
    """
    _native.validate_frame(table, frame, strict_schema=strict_schema, validate_rows=validate_rows)
