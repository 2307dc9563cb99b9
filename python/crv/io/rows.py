"""Conversion between row models of `crv.core.schema` and frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import ArrowScan, Frame, Rows
from crv.io._plain import Empty, exported, frame_of
from crv.io._tables import name_of
from crv.io.errors import IoArgumentError, IoSchemaError

if TYPE_CHECKING:
    from crv.core.schema import TableRow

__all__ = ["rows_from_arrow", "rows_to_arrow"]

R = TypeVar("R", bound="TableRow")


def rows_to_arrow(rows: Sequence["TableRow"]) -> ArrowScan:
    """Converts rows to a frame that can be appended, with the types of their table.

    There must be at least one row, and all of one model. Payloads become structs with the fields of their values;
    ``{}`` becomes a struct without fields.

    Raises:
        IoArgumentError: there are no rows, or an item is not a row model.
        IoSchemaError: the rows are of several tables, or a payload cannot be stored.

    >>> from crv.core.schema import HoldingsRow
    >>> import polars as pl
    >>> row = HoldingsRow(tick=0, agent_id="A0", token_id="T0", quantity=5)
    >>> pl.DataFrame(rows_to_arrow([row]))["quantity"].to_list()
    [5]
    """
    if not rows:
        raise IoArgumentError("without rows, their table is unknown\nhint: pass at least one row")
    return _to_arrow(_table_of(rows), rows)


def rows_from_arrow(model: type[R], frame: Frame) -> list[R]:
    """Converts the rows of ``frame``, which has the columns of the model's table, to models.

    Null fields of payloads are left out: a table does not distinguish a null field from a missing one.

    Raises:
        IoArgumentError: ``model`` is not the row model of a table.
        IoSchemaError: ``frame`` lacks columns of the table.
        pydantic.ValidationError: the values of a row break a rule of ``model``.

    >>> from crv.core.schema import HoldingsRow
    >>> row = HoldingsRow(tick=0, agent_id="A0", token_id="T0", quantity=5)
    >>> rows_from_arrow(HoldingsRow, rows_to_arrow([row])) == [row]
    True
    """
    table = getattr(model, "TABLE", None)
    if not isinstance(table, TableName):
        raise IoArgumentError(f"{model!r} is not a row model\nhint: pass a model of a table, such as HoldingsRow")
    return [model.model_validate(row) for row in _native.rows_from_arrow(table, frame)]


def as_frame(table: TableName | str, frame: Frame | Rows, empty: Empty) -> Frame:
    """Returns ``frame`` unchanged, or converts rows of ``table`` to a frame: row models, dicts, or a dict of columns.

    ``empty`` returns a frame of the table without rows.
    """
    if isinstance(frame, dict) or (isinstance(frame, list | tuple) and frame and isinstance(frame[0], dict)):
        return frame_of(table, frame, empty)
    if type(frame).__module__.startswith("polars."):
        _refuse_objects(table, frame)
    if not isinstance(frame, list | tuple):
        # Sequences of rows are lists and tuples. The core refuses any other object that does not export Arrow.
        return frame  # type: ignore[return-value]
    if not frame:
        # An empty list has no columns; the core checks the name of the table.
        return _native.no_rows()
    found = _table_of(frame)
    wanted = table.value if isinstance(table, TableName) else table
    if found.value != wanted:
        raise IoSchemaError(
            f"rows of table `{found.value}` ({type(frame[0]).__name__}) cannot be appended to table `{wanted}`\n"
            f"hint: append them to `{found.value}`"
        )
    return _to_arrow(found, frame)


def _refuse_objects(table: TableName | str, frame: Any) -> None:
    """Refuses a frame of Polars with a column of Python objects."""
    import polars as pl

    if isinstance(frame, pl.DataFrame) and pl.Object in frame.dtypes:
        for series in frame.get_columns():
            exported(f"table `{name_of(table)}`: column `{series.name}`", series)


def _to_arrow(table: TableName, rows: Sequence["TableRow"]) -> _native.RowFrame:
    # The fields are passed unchanged: the core converts payloads to columns.
    return _native.rows_to_arrow(table, [dict(row) for row in rows])


def _table_of(rows: Sequence["TableRow"]) -> TableName:
    """Returns the table of the rows. There is at least one row, and all must be of the same table."""
    first = _table(0, rows[0])
    for at, row in enumerate(rows):
        table = _table(at, row)
        if table is not first:
            raise IoSchemaError(
                f"row {at} is of table `{table.value}`, and the rows before it are of `{first.value}`\n"
                "hint: append the rows of each table separately"
            )
    return first


def _table(at: int, row: object) -> TableName:
    table = getattr(type(row), "TABLE", None)
    if isinstance(table, TableName):
        return table
    raise IoArgumentError(
        f"rows cannot be read from a list whose item {at} is a {type(row).__name__} and not a row model\n"
        "hint: pass dicts, models of crv.core.schema, such as HoldingsRow, or a frame"
    )
