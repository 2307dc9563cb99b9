"""The ``holdings`` table. How much of a token an agent holds."""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["HOLDINGS_DESC"]

HOLDINGS_DESC: Final = TableDescriptor(
    name=TableName.HOLDINGS,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "agent_id": "str",
        "token_id": "str",
        "quantity": "i64",
    },
    partitioning=["bucket"],
    required=["bucket", "tick", "agent_id", "token_id", "quantity"],
    nullable=[],
    version=SCHEMA_V,
)
