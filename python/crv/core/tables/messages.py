"""The ``messages`` table. The messages of agents; ``visibility_scope`` is a ``Visibility`` value."""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["MESSAGES_DESC"]

MESSAGES_DESC: Final = TableDescriptor(
    name=TableName.MESSAGES,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "sender_agent_id": "str",
        "channel_name": "str",
        "visibility_scope": "str",
        "audience": "struct",
        "speech_act": "str",
        "topic_label": "str",
        "stance_label": "str",
        "claims": "struct",
        "style": "struct",
    },
    partitioning=["bucket"],
    required=[
        "bucket",
        "tick",
        "sender_agent_id",
        "channel_name",
        "visibility_scope",
        "audience",
        "speech_act",
        "topic_label",
        "claims",
        "style",
    ],
    nullable=["stance_label"],
    version=SCHEMA_V,
)
