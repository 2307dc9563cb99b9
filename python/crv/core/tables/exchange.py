"""The ``exchange`` table. Events of ownership and opinion.

``exchange_event_type`` is an ``ExchangeKind`` value.
"""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["EXCHANGE_DESC"]

EXCHANGE_DESC: Final = TableDescriptor(
    name=TableName.EXCHANGE,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "venue_id": "str",
        "token_id": "str",
        "exchange_event_type": "str",
        "side": "str",
        "quantity": "f64",
        "price": "f64",
        "actor_agent_id": "str",
        "counterparty_agent_id": "str",
        "baseline_value": "f64",
        "additional_payload": "struct",
    },
    partitioning=["bucket"],
    required=[
        "bucket",
        "tick",
        "venue_id",
        "token_id",
        "exchange_event_type",
        "additional_payload",
    ],
    nullable=[
        "side",
        "quantity",
        "price",
        "actor_agent_id",
        "counterparty_agent_id",
        "baseline_value",
    ],
    version=SCHEMA_V,
)
