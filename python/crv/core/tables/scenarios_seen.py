"""The ``scenarios_seen`` table. The context in which an agent decided; ``context_hash`` identifies it."""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["SCENARIOS_SEEN_DESC"]

SCENARIOS_SEEN_DESC: Final = TableDescriptor(
    name=TableName.SCENARIOS_SEEN,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "observer_agent_id": "str",
        "token_id": "str",
        "owner_status": "str",
        "peer_alignment_label": "str",
        "group_label": "str",
        "visibility_scope": "str",
        "channel_name": "str",
        "salient_agent_pairs": "list[struct]",
        "exchange_snapshot": "struct",
        "recent_affect_index": "f64",
        "salient_other_agent_id": "str",
        "context_hash": "str",
    },
    partitioning=["bucket"],
    required=[
        "bucket",
        "tick",
        "observer_agent_id",
        "salient_agent_pairs",
        "exchange_snapshot",
        "context_hash",
    ],
    nullable=[
        "token_id",
        "owner_status",
        "peer_alignment_label",
        "group_label",
        "visibility_scope",
        "channel_name",
        "recent_affect_index",
        "salient_other_agent_id",
    ],
    version=SCHEMA_V,
)
