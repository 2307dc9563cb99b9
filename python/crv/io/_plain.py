"""Rows as plain Python values: a list of dicts, or a dict of columns.

A column gets the type of its values, and the core casts it to the type of the table: neither changes a value. Columns
with structs or lists are built by the core, so that no field is left out.
"""

import datetime
import decimal
import enum
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame
from crv.io._tables import name_of
from crv.io.errors import IoArgumentError, IoError, IoSchemaError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Empty", "exported", "frame_of"]

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

    where = f"table `{name_of(table)}`: column `{name}`"
    if not isinstance(name, str):
        raise IoArgumentError(f"table `{name_of(table)}`: a column has the name {name!r}, which is no text")
    if not isinstance(values, list | tuple):
        if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
            raise IoArgumentError(
                f"{where} is of type {type(values).__name__}\n"
                "hint: a dict of columns has a list or an array for each column"
            )
        return exported(where, pl.Series(name, values))
    # Of types there are few, of values many.
    kinds = set(map(type, values))
    if (dtype is not None and dtype.is_nested()) or any(issubclass(kind, dict | list | tuple) for kind in kinds):
        # Structs are built by the core: Polars leaves out fields that the first rows do not have.
        try:
            return pl.DataFrame(_native.json_column(name, list(values))).to_series()
        except IoSchemaError as error:
            raise IoSchemaError(f"table `{name_of(table)}`: {error}") from None
    return _scalars(where, name, values, kinds)


def exported(where: str, series: "pl.Series") -> "pl.Series":
    """Returns the series. Refuses objects, which Polars exports as their addresses."""
    import polars as pl

    if series.dtype == pl.Object:
        raise IoSchemaError(f"{where} has Python objects\nhint: convert them to numbers, texts, bytes or times first")
    return series


def _scalars(where: str, name: str, values: Sequence[Any], kinds: set[type]) -> "pl.Series":
    """Returns a series of values of one kind. No value is changed: the core casts it to the type of the table.

    ``kinds`` are the types of the values.
    """
    import polars as pl

    has_nulls = type(None) in kinds
    kinds = kinds - {type(None)}
    exact: Sequence[Any] = values
    # A time may have a zone, which no column holds.
    if not kinds.issubset(_KINDS) or datetime.time in kinds:
        exact = [None if value is None else _exact(where, row, value) for row, value in enumerate(values)]
        kinds = {type(value) for value in exact if value is not None}
    if kinds == {int, float}:
        for row, value in enumerate(exact):
            if isinstance(value, int) and int(float(value)) != value:
                raise IoSchemaError(f"{where}: {value} at row {row} is not exact as a float\nhint: round it first")
        exact = [None if value is None else float(value) for value in exact]
    elif kinds == {datetime.datetime}:
        aware = {value.tzinfo is not None for value in exact if value is not None}
        if len(aware) > 1:
            raise IoSchemaError(f"{where} mixes times with and without a time zone\nhint: give all of them one")
        if aware == {True}:
            exact = [None if value is None else value.astimezone(datetime.UTC) for value in exact]
    elif len(kinds) > 1:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise IoSchemaError(f"{where} has values of the types {names}\nhint: convert them to one type first")
    dtype: Any = None
    if kinds == {int}:
        largest = max(value for value in exact if value is not None) if has_nulls else max(exact)
        dtype = pl.UInt64() if largest >= 2**63 else pl.Int64()
    try:
        return exported(where, pl.Series(name, exact, dtype=dtype, strict=True))
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        told = str(error).partition("\n")[0]
        raise IoSchemaError(f"{where} has values that no column can hold: {told}\nhint: convert them first") from None


def _exact(where: str, row: int, value: Any) -> Any:
    """Returns the value as one of the types of `_KINDS`, unchanged."""
    if type(value) in _KINDS and not (type(value) is datetime.time and value.tzinfo is not None):
        return value
    if isinstance(value, enum.Enum):
        return _exact(where, row, value.value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if type(value).__module__ == "numpy" and not type(value).__name__.startswith(("datetime", "timedelta")):
        item = value.item()
        if type(item) in _KINDS:
            return item
    # A time of pandas is a datetime with nanoseconds.
    if isinstance(value, datetime.datetime) and not getattr(value, "nanosecond", 0):
        return datetime.datetime.combine(value.date(), value.time(), value.tzinfo).replace(fold=value.fold)
    for kind in _BASES:
        if isinstance(value, kind):
            return kind(value)
    raise IoSchemaError(
        f"{where}: {value!r} at row {row} is of type {type(value).__name__}, which no column can hold unchanged\n"
        "hint: convert it to a number, a text, bytes, a date, a time or a dict first"
    )


_KINDS: tuple[type, ...] = (
    bool,
    int,
    float,
    str,
    bytes,
    datetime.datetime,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
)
"""The types of plain values."""

_BASES: tuple[Any, ...] = (int, float, str, bytes)
"""Plain types whose subclasses are converted to them."""
