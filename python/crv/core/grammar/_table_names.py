"""The names of the canonical tables."""

from __future__ import annotations

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["TableName"]


class TableName(Vocabulary):
    """A canonical table. The order is the registry's."""

    EXCHANGE = "exchange"
    """Trades, orders, swaps, gifts, offers and votes."""
    IDENTITY_EDGES = "identity_edges"
    """The weighted edges of each agent's representation."""
    SCENARIOS_SEEN = "scenarios_seen"
    """The context in which an agent decided."""
    MESSAGES = "messages"
    """What agents said."""
    DECISIONS = "decisions"
    """What agents chose, and among what."""
    ORACLE_CALLS = "oracle_calls"
    """Calls to an outside model, with cost and cache use."""
    HOLDINGS = "holdings"
    """How much of a token an agent holds."""
    HOLDINGS_VALUATION = "holdings_valuation"
    """What those holdings cost and are worth."""
