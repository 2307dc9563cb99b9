"""Field types with rules of the Rust core. They raise GrammarError or SchemaError; pydantic collects those."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo

from crv import _native

__all__ = [
    "ActionWord",
    "EdgeKindWord",
    "EnvelopeKindWord",
    "EnvelopeStatusWord",
    "ExchangeKindWord",
    "Integer",
    "PatchOpWord",
    "Payload",
    "Payloads",
    "RowTick",
    "SideWord",
    "UnitInterval",
    "Values",
    "VisibilityWord",
]


def _value(word: object) -> object:
    """Replace a member of an enum by its value."""
    return word.value if isinstance(word, Enum) else word


def _plain(payload: object) -> object:
    """Replace a model by its fields, also within lists."""
    if isinstance(payload, BaseModel):
        return payload.model_dump()
    if isinstance(payload, list | tuple):
        return [_plain(item) for item in payload]
    return payload


def _unit(value: float, info: ValidationInfo) -> float:
    return _native.check_unit_interval(info.field_name or "value", value)


def _payload(value: Any, info: ValidationInfo) -> Any:
    _native.check_payload(info.field_name or "value", value)
    return value


def _word(check: Callable[[str], str]) -> tuple[BeforeValidator, AfterValidator]:
    return BeforeValidator(_value), AfterValidator(check)


UnitInterval: TypeAlias = Annotated[float, AfterValidator(_unit)]
"""A number from 0 to 1, both included."""

Integer: TypeAlias = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
"""A 64-bit integer."""

RowTick: TypeAlias = Annotated[Integer, AfterValidator(_native.check_tick)]
"""The tick of a row: zero or more."""

Payload: TypeAlias = Annotated[dict[str, Any], BeforeValidator(_plain), AfterValidator(_payload)]
"""An object of JSON values, or a model, which stands for its fields."""

Payloads: TypeAlias = Annotated[list[dict[str, Any]], BeforeValidator(_plain), AfterValidator(_payload)]
"""A list of objects of JSON values."""

Values: TypeAlias = Annotated[list[Any], BeforeValidator(_plain), AfterValidator(_payload)]
"""A list of JSON values."""

ActionWord: TypeAlias = Annotated[str, *_word(_native.check_action_kind)]
"""Exactly an ``ActionKind`` value, or a member."""

EdgeKindWord: TypeAlias = Annotated[str, *_word(_native.check_edge_kind)]
"""Exactly a ``RepresentationEdgeKind`` value, or a member."""

ExchangeKindWord: TypeAlias = Annotated[str, *_word(_native.check_exchange_kind)]
"""Exactly an ``ExchangeKind`` value, or a member."""

PatchOpWord: TypeAlias = Annotated[str, *_word(_native.check_patch_op)]
"""Exactly a ``PatchOp`` value, or a member."""

SideWord: TypeAlias = Annotated[str, *_word(_native.normalize_side)]
"""``buy`` or ``sell``, in any case."""

VisibilityWord: TypeAlias = Annotated[str, *_word(_native.normalize_visibility)]
"""A ``Visibility`` value in any case, or a member."""

EnvelopeKindWord: TypeAlias = Annotated[str, *_word(_native.normalize_envelope_kind)]
"""``action`` or ``observation``, in any case."""

EnvelopeStatusWord: TypeAlias = Annotated[str, *_word(_native.normalize_envelope_status)]
"""``pending``, ``executed`` or ``rejected``, in any case."""
