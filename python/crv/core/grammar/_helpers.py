"""Functions that convert between members and values."""

from __future__ import annotations

from typing import TypeVar

from crv.core.grammar._actions import ActionKind
from crv.core.grammar._channels import ChannelType, Visibility
from crv.core.grammar._edges import RepresentationEdgeKind
from crv.core.grammar._exchanges import ExchangeKind
from crv.core.grammar._vocabulary import Vocabulary

__all__ = [
    "action_kind_from_value",
    "action_value",
    "canonical_action_key",
    "edge_kind_from_value",
    "edge_value",
    "exchange_kind_from_value",
    "exchange_value",
    "normalize_channel_type",
    "normalize_visibility",
]

V = TypeVar("V", bound=Vocabulary)


def action_value(kind: ActionKind) -> str:
    """Return the value of an action kind."""
    return kind.value


def exchange_value(kind: ExchangeKind) -> str:
    """Return the value of an exchange kind."""
    return kind.value


def edge_value(kind: RepresentationEdgeKind) -> str:
    """Return the value of an edge kind."""
    return kind.value


def action_kind_from_value(s: str) -> ActionKind:
    """Return the action kind with exactly this value.

    Raises:
        GrammarError: there is none. The message lists the values.

    >>> action_kind_from_value("acquire_token")
    <ActionKind.ACQUIRE_TOKEN: 'acquire_token'>
    """
    return ActionKind(s)


def exchange_kind_from_value(s: str) -> ExchangeKind:
    """Return the exchange kind with exactly this value.

    Raises:
        GrammarError: there is none. The message lists the values.
    """
    return ExchangeKind(s)


def edge_kind_from_value(s: str) -> RepresentationEdgeKind:
    """Return the edge kind with exactly this value.

    Raises:
        GrammarError: there is none. The message lists the values.
    """
    return RepresentationEdgeKind(s)


def normalize_visibility(s: str) -> str:
    """Return the visibility value for a text in any case.

    Raises:
        GrammarError: there is none. The message lists the values.

    >>> normalize_visibility("Public")
    'public'
    """
    return _in_any_case(Visibility, s).value


def normalize_channel_type(s: str) -> str:
    """Return the channel type value for a text in any case.

    Raises:
        GrammarError: there is none. The message lists the values.
    """
    return _in_any_case(ChannelType, s).value


def _in_any_case(vocabulary: type[V], s: str) -> V:
    lowered = s.lower() if isinstance(s, str) else s
    for member in vocabulary:
        if member.value == lowered:
            return member
    # Looked up unchanged, so that the message shows the given text.
    return vocabulary(s)


def canonical_action_key(kind: ActionKind, **params: object) -> str:
    """Return a readable label for an action and its parameters, sorted by name and joined with ``|``.

    The label is for logs and dashboards. Nothing is escaped, so it cannot be parsed back.

    >>> canonical_action_key(ActionKind.ACQUIRE_TOKEN, token_id="Alpha", mode="buy")
    'acquire_token:mode=buy|token_id=Alpha'
    >>> canonical_action_key(ActionKind.GIFT_TOKEN)
    'gift_token'
    """
    if not params:
        return kind.value
    return f"{kind.value}:" + "|".join(f"{name}={params[name]}" for name in sorted(params))
