"""Rows of ``identity_edges``, the only table whose columns depend on each other."""

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
    """An edge of a representation, with every column that its kind requires."""

    TABLE: ClassVar[TableName] = TableName.IDENTITY_EDGES

    tick: RowTick = Field(description="The tick.")
    observer_agent_id: str = Field(description="`i`: the agent whose representation has the edge.")
    edge_kind: EdgeKindWord = Field(description=f"What the edge connects: {_SYMBOLS}.")
    subject_id: str | None = Field(default=None, description="The start of the edge: `j`, `k` or `o`.")
    object_id: str | None = Field(default=None, description="The end of the edge: `j`, `l` or `p`.")
    related_agent_id: str | None = Field(default=None, description="`l`: the other agent of a pair.")
    token_id: str | None = Field(default=None, description="`o`: the token.")
    edge_weight: float = Field(description="The weight of the edge.")
    edge_sign: Integer | None = Field(
        default=None, description="Whether the edge is for or against, if its kind does not tell."
    )

    @model_validator(mode="after")
    def _slots_of_kind(self) -> Self:
        slots = {name: getattr(self, name) for name in ("subject_id", "object_id", "related_agent_id", "token_id")}
        _native.check_edge_slots(self.edge_kind, slots)
        return self
