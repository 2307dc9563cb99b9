"""The ``oracle_calls`` table. Calls to an outside model; ``cache_hit`` is 0 or 1."""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["ORACLE_CALLS_DESC"]

ORACLE_CALLS_DESC: Final = TableDescriptor(
    name=TableName.ORACLE_CALLS,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "agent_id": "str",
        "engine": "str",
        "signature_id": "str",
        "persona_id": "str",
        "persona_hash": "str",
        "representation_hash": "str",
        "context_hash": "str",
        "value_json": "str",
        "latency_ms": "i64",
        "cache_hit": "i64",
        "n_tool_calls": "i64",
        "tool_seq": "struct",
    },
    partitioning=["bucket"],
    required=[
        "bucket",
        "tick",
        "agent_id",
        "engine",
        "signature_id",
        "persona_id",
        "persona_hash",
        "representation_hash",
        "context_hash",
        "value_json",
        "latency_ms",
        "cache_hit",
        "n_tool_calls",
        "tool_seq",
    ],
    nullable=[],
    version=SCHEMA_V,
)
