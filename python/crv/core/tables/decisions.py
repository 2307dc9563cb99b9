"""The ``decisions`` table. The actions that agents chose, and the candidates."""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["DECISIONS_DESC"]

DECISIONS_DESC: Final = TableDescriptor(
    name=TableName.DECISIONS,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "agent_id": "str",
        "chosen_action": "struct",
        "action_candidates": "list[struct]",
        "token_value_estimates": "struct",
    },
    partitioning=["bucket"],
    required=[
        "bucket",
        "tick",
        "agent_id",
        "chosen_action",
        "action_candidates",
        "token_value_estimates",
    ],
    nullable=[],
    version=SCHEMA_V,
)
