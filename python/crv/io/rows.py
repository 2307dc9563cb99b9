"""Row models of `crv.core.schema` as frames, and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import ArrowScan, Frame, Rows
from crv.io.errors import IoArgumentError, IoSchemaError

if TYPE_CHECKING:
    from crv.core.schema import TableRow

__all__ = ["rows_from_arrow", "rows_to_arrow"]

R = TypeVar("R", bound="TableRow")


def rows_to_arrow(rows: Rows) -> ArrowScan:
    """The rows, all of one model and at least one, as a frame that can be appended, in the types of their table.

    Payloads become structs with the fields that their values have; ``{}`` is one without fields.

    >>> from crv.core.schema import HoldingsRow
    >>> import polars as pl
    >>> row = HoldingsRow(tick=0, agent_id="A0", token_id="T0", quantity=5)
    >>> pl.DataFrame(rows_to_arrow([row]))["quantity"].to_list()
    [5]
    """
    if not rows:
        raise IoArgumentError("no rows say which table they are of\nhint: pass at least one row")
    return _to_arrow(_table_of(rows), rows)


def rows_from_arrow(model: type[R], frame: Frame) -> list[R]:
    """The rows of ``frame``, which has the columns of the model's table, as models.

    A field that is null in a payload is left out: to a table it is the same as none.

    >>> from crv.core.schema import HoldingsRow
    >>> row = HoldingsRow(tick=0, agent_id="A0", token_id="T0", quantity=5)
    >>> rows_from_arrow(HoldingsRow, rows_to_arrow([row])) == [row]
    True
    """
    table = getattr(model, "TABLE", None)
    if not isinstance(table, TableName):
        raise IoArgumentError(f"{model!r} is no row model\nhint: pass a model of a table, such as HoldingsRow")
    return [model.model_validate(row) for row in _native.rows_from_arrow(table, frame)]


def as_frame(table: TableName | str, frame: Frame | Rows) -> Frame:
    """``frame`` as it is; a list of row models as a frame of ``table``, which must be theirs."""
    if not isinstance(frame, list | tuple):
        # Sequences of rows are lists and tuples; whatever else is here has to be Arrow, and the core says so if not.
        return frame  # type: ignore[return-value]
    if not frame:
        return _native.rows_to_arrow(table, [])
    found = _table_of(frame)
    wanted = table.value if isinstance(table, TableName) else table
    if found.value != wanted:
        raise IoSchemaError(
            f"rows of table `{found.value}` ({type(frame[0]).__name__}) cannot be appended to table `{wanted}`\n"
            f"hint: append them to `{found.value}`"
        )
    return _to_arrow(found, frame)


def _to_arrow(table: TableName, rows: Sequence["TableRow"]) -> _native.RowFrame:
    # The fields as they are: payloads are turned into columns by the core.
    return _native.rows_to_arrow(table, [dict(row) for row in rows])


def _table_of(rows: Sequence["TableRow"]) -> TableName:
    """The one table that all rows, of which there is one at least, are of."""
    first = _table(0, rows[0])
    for at, row in enumerate(rows):
        table = _table(at, row)
        if table is not first:
            raise IoSchemaError(
                f"row {at} is of table `{table.value}`, and those before it are of `{first.value}`\n"
                "hint: append the rows of each table on their own"
            )
    return first


def _table(at: int, row: object) -> TableName:
    table = getattr(type(row), "TABLE", None)
    if isinstance(table, TableName):
        return table
    raise IoArgumentError(
        f"rows cannot be read from a list whose item {at} is no row model but a {type(row).__name__}\n"
        "hint: pass models of crv.core.schema, such as HoldingsRow, or a frame"
    )
