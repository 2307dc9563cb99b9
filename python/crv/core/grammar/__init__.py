"""The closed vocabularies of the model, and the spelling rules that hold for all of them.

Every enum is a list of lower_snake values in a fixed order. The value is what is stored; the member name is
UPPER_SNAKE. A value that is not in an enum raises ``GrammarError``, which is a ``ValueError``.

>>> ActionKind("gift_token")
<ActionKind.GIFT_TOKEN: 'gift_token'>

``EBNF_GRAMMAR`` is the text of the grammar that defines the arguments of actions and patches. ``PARSED_GRAMMAR`` is the
parsed grammar:

>>> from crv.core.grammar import PARSED_GRAMMAR
>>> PARSED_GRAMMAR.production("utterance").expression
'String'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crv.core.grammar._actions import ActionKind
from crv.core.grammar._channels import ChannelType, Visibility
from crv.core.grammar._edges import PatchOp, RepresentationEdgeKind, TopologyEdgeKind
from crv.core.grammar._exchanges import ExchangeKind
from crv.core.grammar._helpers import (
    action_kind_from_value,
    action_value,
    canonical_action_key,
    edge_kind_from_value,
    edge_value,
    exchange_kind_from_value,
    exchange_value,
    normalize_channel_type,
    normalize_visibility,
)
from crv.core.grammar._spelling import (
    assert_lower_snake,
    ensure_all_enum_values_lower_snake,
    is_lower_snake,
)
from crv.core.grammar._table_names import TableName

if TYPE_CHECKING:
    from crv.core.grammar.ebnf import ParsedGrammar

__all__ = [
    "EBNF_GRAMMAR",
    "PARSED_GRAMMAR",
    "ActionKind",
    "ChannelType",
    "ExchangeKind",
    "PatchOp",
    "RepresentationEdgeKind",
    "TableName",
    "TopologyEdgeKind",
    "Visibility",
    "action_kind_from_value",
    "action_value",
    "assert_lower_snake",
    "canonical_action_key",
    "edge_kind_from_value",
    "edge_value",
    "ensure_all_enum_values_lower_snake",
    "exchange_kind_from_value",
    "exchange_value",
    "is_lower_snake",
    "normalize_channel_type",
    "normalize_visibility",
]

EBNF_GRAMMAR: str
PARSED_GRAMMAR: ParsedGrammar

if not TYPE_CHECKING:
    # Loaded on first use: code that only needs an enum reads no file, and loads no native module.
    def __getattr__(name: str) -> object:
        if name == "EBNF_GRAMMAR":
            from crv.core.grammar.ebnf import read_grammar

            value = read_grammar()
        elif name == "PARSED_GRAMMAR":
            from crv.core.grammar.ebnf import load_grammar, read_grammar

            value = load_grammar(read_grammar())
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value
