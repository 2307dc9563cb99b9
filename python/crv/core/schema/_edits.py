"""Edits of an agent's representation graph."""

from __future__ import annotations

from pydantic import Field

from crv.core.schema._base import Model
from crv.core.schema._fields import EdgeKindWord, PatchOpWord, UnitInterval

__all__ = ["GraphEdit", "RepresentationPatch"]


class GraphEdit(Model):
    """One edit of an agent's graph."""

    operation: PatchOpWord = Field(description="The operation.")
    edge_kind: EdgeKindWord = Field(description="The kind of the edited edge.")
    subject_id: str | None = Field(default=None, description="The start of the edge.")
    object_id: str | None = Field(default=None, description="The end of the edge.")
    related_agent_id: str | None = Field(default=None, description="The other agent of a pair.")
    token_id: str | None = Field(default=None, description="The token.")
    new_weight: float | None = Field(default=None, description="The weight to set.")
    delta_weight: float | None = Field(default=None, description="The number to add to the weight.")
    scope_selector: str | None = Field(default=None, description="The edges that decay.")
    decay_lambda: UnitInterval | None = Field(default=None, description="The share of its weight that an edge loses.")


class RepresentationPatch(Model):
    """The edits that one event causes, in order."""

    edits: list[GraphEdit] = Field(default_factory=list, description="The edits.")
    energy_delta: float | None = Field(default=None, description="The change of the graph's energy.")
