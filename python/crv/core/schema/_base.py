"""The base classes of all models: strict fields, and errors with the broken rule as their cause."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from crv.core.errors import GrammarError, SchemaError
from crv.core.grammar import TableName

__all__ = ["Model", "TableRow"]


class Model(BaseModel):
    """A payload or row. Unknown fields are refused, and instances are immutable.

    A value that breaks a rule raises ``pydantic.ValidationError``, whose ``__cause__`` is the ``GrammarError`` or
    ``SchemaError`` of the first broken rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            _raise(type(self), error)

    @classmethod
    def model_validate(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a model from a mapping or another model; the arguments are those of pydantic."""
        try:
            return super().model_validate(*args, **kwargs)
        except ValidationError as error:
            _raise(cls, error)

    @classmethod
    def model_validate_json(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a model from a JSON text; the arguments are those of pydantic."""
        try:
            return super().model_validate_json(*args, **kwargs)
        except ValidationError as error:
            _raise(cls, error)


class TableRow(Model):
    """A row of a canonical table: its columns without ``bucket``, which is computed from ``tick``."""

    TABLE: ClassVar[TableName]
    """The table of these rows."""


def _raise(model: type[Model], error: ValidationError) -> NoReturn:
    """Raise ``error`` from the first broken rule of the core, or from a SchemaError with the text of pydantic."""
    details = error.errors(include_url=False)
    broken = (detail.get("ctx", {}).get("error") for detail in details)
    cause = next((rule for rule in broken if isinstance(rule, GrammarError | SchemaError)), None)
    if cause is None:
        first = details[0]
        path = ".".join(str(step) for step in first["loc"])
        cause = SchemaError(f"{model.__name__}: `{path}`: {first['msg'][:1].lower()}{first['msg'][1:]}")
    raise error from cause
