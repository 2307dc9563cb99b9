"""The canonical tables: their columns, dtypes, and which columns are required."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.tables.decisions import DECISIONS_DESC
from crv.core.tables.exchange import EXCHANGE_DESC
from crv.core.tables.holdings import HOLDINGS_DESC
from crv.core.tables.holdings_valuation import HOLDINGS_VALUATION_DESC
from crv.core.tables.identity_edges import IDENTITY_EDGES_DESC
from crv.core.tables.messages import MESSAGES_DESC
from crv.core.tables.oracle_calls import ORACLE_CALLS_DESC
from crv.core.tables.scenarios_seen import SCENARIOS_SEEN_DESC

__all__ = [
    "DECISIONS_DESC",
    "EXCHANGE_DESC",
    "HOLDINGS_DESC",
    "HOLDINGS_VALUATION_DESC",
    "IDENTITY_EDGES_DESC",
    "MESSAGES_DESC",
    "ORACLE_CALLS_DESC",
    "SCENARIOS_SEEN_DESC",
    "TableDescriptor",
    "TableName",
    "get_table",
    "list_tables",
]

_REGISTRY: Final = MappingProxyType(
    {
        table.name: table
        for table in (
            EXCHANGE_DESC,
            IDENTITY_EDGES_DESC,
            SCENARIOS_SEEN_DESC,
            MESSAGES_DESC,
            DECISIONS_DESC,
            ORACLE_CALLS_DESC,
            HOLDINGS_DESC,
            HOLDINGS_VALUATION_DESC,
        )
    }
)


def get_table(name: TableName | str) -> TableDescriptor:
    """Look up the descriptor of a table, by member or by value.

    Raises:
        GrammarError: there is no such table. The message lists the tables.

    >>> get_table("holdings").required == ["bucket", "tick", "agent_id", "token_id", "quantity"]
    True
    >>> get_table(TableName.IDENTITY_EDGES).columns["edge_weight"]
    'f64'
    """
    return _REGISTRY[TableName(name)]


def list_tables() -> list[TableDescriptor]:
    """List all descriptors in registry order.

    >>> [table.name.value for table in list_tables()][:3]
    ['exchange', 'identity_edges', 'scenarios_seen']
    """
    return list(_REGISTRY.values())
