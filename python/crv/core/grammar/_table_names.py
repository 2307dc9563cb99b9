"""The names of the canonical tables."""

from __future__ import annotations

from crv.core.grammar._vocabulary import Vocabulary

__all__ = ["TableName"]


class TableName(Vocabulary):
    """A canonical table, in the order of the registry."""

    EXCHANGE = "exchange"
    """Trades, orders, swaps, gifts, offers and votes."""
    IDENTITY_EDGES = "identity_edges"
    """The weighted edges of each agent's representation."""
    SCENARIOS_SEEN = "scenarios_seen"
    """The context in which an agent decided."""
    MESSAGES = "messages"
    """The messages of agents."""
    DECISIONS = "decisions"
    """The actions that agents chose, and the candidates."""
    ORACLE_CALLS = "oracle_calls"
    """Calls to an outside model, with cost and cache use."""
    HOLDINGS = "holdings"
    """How much of a token an agent holds."""
    HOLDINGS_VALUATION = "holdings_valuation"
    """Cost and value of holdings."""
