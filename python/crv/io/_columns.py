"""The columns of a declaration, from what a caller has: type names, a schema, a frame, a dataclass or a model."""

import dataclasses
import datetime
import enum
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from crv.io._frames import ArrowSchemaExportable, Frame
from crv.io.errors import IoArgumentError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Column", "ColumnType", "Columns", "native_columns"]

ColumnType = str | type | Mapping[str, Any] | Sequence[Any] | object
"""The type of a column: a name of the format, a Python type or annotation, a Polars or pyarrow type, a dict of fields
(a struct), or a list of one type."""

Columns = Mapping[str, ColumnType] | ArrowSchemaExportable | Frame | type
"""The columns of a table: by name, or those of a schema, a frame, a dataclass or a pydantic model."""

_PLAIN: dict[object, str] = {
    bool: "bool",
    int: "i64",
    float: "f64",
    str: "str",
    bytes: "binary",
    # A datetime is a date: it comes first.
    datetime.datetime: "timestamp",
    datetime.date: "date",
    datetime.time: "time",
    datetime.timedelta: "duration",
    dict: "struct",
}
_HINT = "annotate it with a type such as int, float, str, list[float], a dataclass or a dict"
_LEVELS = 64


class Column(NamedTuple):
    """A column of a table."""

    type: str
    """Its type, as the format names it. A struct may have further fields."""
    required: bool
    """Whether it is never null."""



def native_columns(columns: Columns, required: Sequence[str] | None) -> tuple[Any, list[str]]:
    """Returns the columns in the form that the core takes, and the names of the required ones.

    In a dataclass or a model, a field that cannot be None is required, unless ``required`` names the required ones.
    """
    if isinstance(columns, type):
        fields = _annotations(columns)
        if fields is None:
            raise IoArgumentError(
                f"columns cannot be read from the class {columns.__name__}\n"
                "hint: pass a dataclass, a TypedDict, a pydantic model, a schema, or a dict of type names"
            )
        named = {name: _of_annotation(name, annotation, _LEVELS) for name, annotation in fields.items()}
        if required is None:
            # A TypedDict says which keys may be left out.
            always = getattr(columns, "__required_keys__", fields)
            required = [name for name, of in fields.items() if name in always and not _optional(of)[1]]
        return named, list(required)
    if isinstance(columns, Mapping) and not _is_of(columns, "polars"):
        return {name: _of(name, ty, _LEVELS) for name, ty in columns.items()}, list(required or ())
    if _is_of(columns, "polars") and isinstance(columns, Mapping):
        return _typed_frame(dict(columns)), list(required or ())
    if _is_of(columns, "polars"):
        _typed_frame(dict(getattr(columns, "schema", {})))
    return columns, list(required or ())


def _typed_frame(schema: dict[str, Any]) -> "pl.DataFrame":
    """Returns an empty frame of Polars with this schema. Refuses columns of Python objects."""
    import polars as pl

    objects = [name for name, dtype in schema.items() if dtype == pl.Object]
    if objects:
        raise IoArgumentError(f"column `{objects[0]}` has Python objects, which no table can hold\nhint: give it a type")
    return pl.DataFrame(schema=schema)


def _of(path: object, ty: ColumnType, levels: int) -> object:
    """Returns the type of one column for the core."""
    if levels == 0:
        raise IoArgumentError(f"the type of `{path}` is nested too deeply")
    if isinstance(ty, str):
        return ty
    if _is_of(ty, "polars"):
        return ("arrow", _typed_frame({str(path): ty}))
    if _is_of(ty, "pyarrow"):
        import pyarrow as pa

        return ("arrow", pa.schema([("_", ty)]))
    if isinstance(ty, Mapping):
        return {name: _of(f"{path}.{name}", field, levels - 1) for name, field in ty.items()}
    if isinstance(ty, list) and len(ty) == 1:
        return [_of(f"{path}[]", ty[0], levels - 1)]
    return _of_annotation(path, ty, levels)


def _of_annotation(path: object, annotation: object, levels: int) -> object:
    """Returns the type of one column for the core, from an annotation."""
    if levels == 0:
        raise IoArgumentError(f"the type of `{path}` is nested too deeply")
    annotation, _ = _optional(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is typing.Literal:
        kinds = {type(value) for value in arguments}
        if len(kinds) == 1:
            return _of_annotation(path, kinds.pop(), levels - 1)
    if origin in (list, tuple, set, frozenset) or (origin is not None and _is_sequence(origin)):
        items = [item for item in arguments if item is not Ellipsis]
        if items and all(item == items[0] for item in items):
            return [_of_annotation(f"{path}[]", items[0], levels - 1)]
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return "struct"
    if isinstance(annotation, type):
        if issubclass(annotation, enum.Enum):
            kinds = {type(member.value) for member in annotation}
            if len(kinds) == 1:
                return _of_annotation(path, kinds.pop(), levels - 1)
        numpy = _numpy_name(annotation)
        if numpy is not None:
            return numpy
        fields = _annotations(annotation)
        if fields is not None:
            return {name: _of_annotation(f"{path}.{name}", field, levels - 1) for name, field in fields.items()}
        for base, name in _PLAIN.items():
            if isinstance(base, type) and issubclass(annotation, base):
                return name
    shown = getattr(annotation, "__name__", None) or repr(annotation)
    raise IoArgumentError(f"`{path}` has type {shown}, which is not the type of a column\nhint: {_HINT}")


def _annotations(cls: type) -> dict[str, object] | None:
    """Returns the fields of a dataclass, a TypedDict or a pydantic model; None for any other class."""
    if dataclasses.is_dataclass(cls):
        hints = typing.get_type_hints(cls, include_extras=False)
        return {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    if typing.is_typeddict(cls):
        return typing.get_type_hints(cls, include_extras=False)
    fields = getattr(cls, "model_fields", None)
    if isinstance(fields, Mapping):
        return {name: field.annotation for name, field in fields.items()}
    return None


def _optional(annotation: object) -> tuple[object, bool]:
    """Returns the annotation without None and without metadata, and whether None was part of it."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        arguments = typing.get_args(annotation)
        left = [argument for argument in arguments if argument is not type(None)]
        if len(left) == 1:
            return _optional(left[0])[0], len(left) < len(arguments)
    return annotation, False


def _is_sequence(origin: object) -> bool:
    return isinstance(origin, type) and issubclass(origin, Sequence)


def _is_of(value: object, package: str) -> bool:
    """Returns whether the value, or the class that it is, comes from a package. Does not import the package."""
    cls = value if isinstance(value, type) else type(value)
    return cls.__module__.partition(".")[0] == package and package in sys.modules


def _numpy_name(cls: type) -> str | None:
    """Returns the name of a numpy scalar type in the format."""
    if cls.__module__ != "numpy":
        return None
    name = cls.__name__.rstrip("_")
    widths = (8, 16, 32, 64)
    names = {f"int{bits}": f"i{bits}" for bits in widths} | {f"uint{bits}": f"u{bits}" for bits in widths}
    names |= {"float32": "f32", "float64": "f64", "bool": "bool", "str": "str"}
    return names.get(name)
