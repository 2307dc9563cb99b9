"""The ``identity_edges`` table. Edges of representations.

``edge_kind`` is a ``RepresentationEdgeKind`` value.
"""

from __future__ import annotations

from typing import Final

from crv.core.grammar import TableName
from crv.core.tables._descriptor import TableDescriptor
from crv.core.versioning import SCHEMA_V

__all__ = ["IDENTITY_EDGES_DESC"]

IDENTITY_EDGES_DESC: Final = TableDescriptor(
    name=TableName.IDENTITY_EDGES,
    columns={
        "bucket": "i64",
        "tick": "i64",
        "observer_agent_id": "str",
        "edge_kind": "str",
        "subject_id": "str",
        "object_id": "str",
        "related_agent_id": "str",
        "token_id": "str",
        "edge_weight": "f64",
        "edge_sign": "i64",
    },
    partitioning=["bucket"],
    required=["bucket", "tick", "observer_agent_id", "edge_kind", "edge_weight"],
    nullable=["subject_id", "object_id", "related_agent_id", "token_id", "edge_sign"],
    version=SCHEMA_V,
)
