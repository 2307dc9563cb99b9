"""Rows as plain Python values: a list of dicts, or a dict of columns.

Columns of numbers get the widest type of their kind, and the core casts them to the type of the table. Columns with
structs or lists, and columns that the table does not have, are built from their values, so that no field is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame
from crv.io._tables import name_of
from crv.io.errors import IoArgumentError, IoError, IoSchemaError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Empty", "frame_of"]

Empty = Callable[[TableName | str], _native.RowFrame]
"""Returns a frame of a table without rows."""


def frame_of(table: TableName | str, rows: object, empty: Empty) -> Frame:
    """Converts rows of ``table`` to a frame."""
    import polars as pl

    columns = rows if isinstance(rows, Mapping) else _columns(rows)
    try:
        types: Mapping[str, Any] = pl.DataFrame(empty(table)).schema
    except IoError:
        # Not declared yet: the append says so, or declares it.
        types = {}
    series = [_series(table, name, values, types.get(name)) for name, values in columns.items()]
    heights = {column.name: len(column) for column in series}
    if len(set(heights.values())) > 1:
        told = ", ".join(f"`{name}` has {height}" for name, height in heights.items())
        raise IoSchemaError(
            f"table `{name_of(table)}`: the columns differ in length: {told}\nhint: pass one value a row"
        )
    return pl.DataFrame(series)


def _columns(rows: object) -> dict[str, list[Any]]:
    """Returns the columns of a list of dicts. A key that a row lacks is None."""
    assert isinstance(rows, Sequence)
    names: dict[str, None] = {}
    for at, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise IoArgumentError(
                f"item {at} of the rows is a {type(row).__name__}, and the first is a dict\nhint: pass only dicts"
            )
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}


def _series(table: TableName | str, name: object, values: Any, dtype: Any) -> "pl.Series":
    import polars as pl

    if not isinstance(name, str):
        raise IoArgumentError(f"table `{name_of(table)}`: a column has the name {name!r}, which is no text")
    if not isinstance(values, list | tuple):
        if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
            raise IoArgumentError(
                f"table `{name_of(table)}`: column `{name}` is of type {type(values).__name__}\n"
                "hint: a dict of columns has a list or an array for each column"
            )
        return pl.Series(name, values)
    if dtype is None or dtype.is_nested():
        # Structs are built by the core: Polars leaves out fields that the first rows do not have.
        try:
            return pl.DataFrame(_native.json_column(name, list(values))).to_series()
        except IoSchemaError as error:
            if dtype is None and not any(isinstance(value, dict | list) for value in values):
                # Dates, bytes and numbers of numpy: Polars finds their type.
                return _typed(table, name, values, None)
            raise IoSchemaError(f"table `{name_of(table)}`: {error}") from None
    return _typed(table, name, values, _wide(dtype))


def _wide(dtype: Any) -> Any:
    """Returns the type that Polars gives to the values: the core casts them, and never changes one."""
    import polars as pl

    if dtype.is_float():
        return pl.Float64()
    if dtype.is_integer():
        return dtype if dtype == pl.UInt64 else pl.Int64()
    return None


def _typed(table: TableName | str, name: str, values: Sequence[Any], dtype: Any) -> "pl.Series":
    import polars as pl

    try:
        return pl.Series(name, values, dtype=dtype, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        told = str(error).partition("\n")[0]
        values_that = f"are no {dtype}" if dtype is not None else "have no common type"
        raise IoSchemaError(
            f"table `{name_of(table)}`: column `{name}` has values that {values_that}: {told}\n"
            "hint: convert them first"
        ) from None
