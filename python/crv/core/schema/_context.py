"""The situation in which an agent decides, and events on their way."""

from __future__ import annotations

from pydantic import Field

from crv.core.schema._base import Model
from crv.core.schema._fields import (
    EnvelopeKindWord,
    EnvelopeStatusWord,
    Integer,
    Payload,
    Payloads,
    VisibilityWord,
)

__all__ = ["EventEnvelopeRow", "ScenarioContext"]


class ScenarioContext(Model):
    """The situation in which an agent decides."""

    token_id: str | None = Field(default=None, description="The token it is about.")
    owner_status: str | None = Field(default=None, description="Whether the agent holds it.")
    peer_alignment_label: str | None = Field(default=None, description="Whether its peers agree.")
    group_label: str | None = Field(default=None, description="The group it happens in.")
    visibility_scope: VisibilityWord | None = Field(default=None, description="Who can see it; read in any case.")
    channel_name: str | None = Field(default=None, description="The channel it happens in.")
    salient_agent_pairs: Payloads = Field(default_factory=list, description="Pairs of agents that stand out.")
    exchange_snapshot: Payload = Field(default_factory=dict, description="The market, as the agent sees it.")
    recent_affect_index: float | None = Field(default=None, description="How the agent has felt lately.")
    salient_other_agent_id: str | None = Field(default=None, description="The agent that stands out most.")


class EventEnvelopeRow(Model):
    """An action or observation, from its making to its effect."""

    time_created: Integer = Field(description="The tick in which it was made.")
    scheduled_step: Integer = Field(description="The tick in which it is due.")
    envelope_kind: EnvelopeKindWord = Field(description="What it carries; read in any case.")
    actor_agent_id: str | None = Field(default=None, description="Who acts.")
    observer_agent_id: str | None = Field(default=None, description="Who observes.")
    channel_name: str | None = Field(default=None, description="The channel it goes through.")
    visibility_scope: VisibilityWord | None = Field(default=None, description="Who can see it; read in any case.")
    payload: Payload = Field(default_factory=dict, description="What it says.")
    origin: Payload = Field(default_factory=dict, description="Where it comes from.")
    status: EnvelopeStatusWord = Field(description="How far it has come; read in any case.")
