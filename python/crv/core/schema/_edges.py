"""Rows of ``identity_edges``: the one table whose columns depend on each other."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from crv import _native
from crv.core.grammar import TableName
from crv.core.schema._base import TableRow
from crv.core.schema._fields import EdgeKindWord, Integer, RowTick

__all__ = ["IdentityEdgeRow"]

_SYMBOLS = (
    "`s+_i` self_to_positive_valence, `s-_i` self_to_negative_valence, `s_i,o` self_to_object, `a_i,j` self_to_agent, "
    "`u+_i,j` agent_to_positive_valence, `u-_i,j` agent_to_negative_valence, `b_i,j,o` agent_to_object, "
    "`d_i,k,l` agent_to_agent, `q_i,k,l,o` agent_pair_to_object, `r+_i,o` object_to_positive_valence, "
    "`r-_i,o` object_to_negative_valence, `c_i,o,p` object_to_object"
)


class IdentityEdgeRow(TableRow):
    """An edge of a representation, with every slot that its kind needs."""

    TABLE: ClassVar[TableName] = TableName.IDENTITY_EDGES

    tick: RowTick = Field(description="When.")
    observer_agent_id: str = Field(description="`i`: in whose head the edge is.")
    edge_kind: EdgeKindWord = Field(description=f"What the edge connects: {_SYMBOLS}.")
    subject_id: str | None = Field(default=None, description="Where it begins: `j`, `k` or `o`.")
    object_id: str | None = Field(default=None, description="Where it ends: `j`, `l` or `p`.")
    related_agent_id: str | None = Field(default=None, description="`l`: the other agent of a pair.")
    token_id: str | None = Field(default=None, description="`o`: the token.")
    edge_weight: float = Field(description="How strong it is.")
    edge_sign: Integer | None = Field(
        default=None, description="Whether it is for or against, where the kind leaves that open."
    )

    @model_validator(mode="after")
    def _slots_of_kind(self) -> Self:
        slots = {name: getattr(self, name) for name in ("subject_id", "object_id", "related_agent_id", "token_id")}
        _native.check_edge_slots(self.edge_kind, slots)
        return self
