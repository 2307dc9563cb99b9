"""What all models have in common: strict fields, and errors that carry the broken rule as their cause."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from crv.core.errors import GrammarError, SchemaError
from crv.core.grammar import TableName

__all__ = ["Model", "TableRow"]


class Model(BaseModel):
    """A payload or row. Unknown fields are refused, and values do not change after they were checked.

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
        """Make a model of a mapping or of another model; arguments as pydantic's."""
        try:
            return super().model_validate(*args, **kwargs)
        except ValidationError as error:
            _raise(cls, error)

    @classmethod
    def model_validate_json(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a model of a JSON text; arguments as pydantic's."""
        try:
            return super().model_validate_json(*args, **kwargs)
        except ValidationError as error:
            _raise(cls, error)


class TableRow(Model):
    """A row of a canonical table: the table's columns without ``bucket``, which follows from ``tick``."""

    TABLE: ClassVar[TableName]
    """The table whose rows these are."""


def _raise(model: type[Model], error: ValidationError) -> NoReturn:
    """Raise ``error`` from the first rule of ours that was broken, or from what pydantic found, as a SchemaError."""
    details = error.errors(include_url=False)
    broken = (detail.get("ctx", {}).get("error") for detail in details)
    cause = next((rule for rule in broken if isinstance(rule, GrammarError | SchemaError)), None)
    if cause is None:
        first = details[0]
        path = ".".join(str(step) for step in first["loc"])
        cause = SchemaError(f"{model.__name__}: `{path}`: {first['msg'][:1].lower()}{first['msg'][1:]}")
    raise error from cause
