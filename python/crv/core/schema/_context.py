"""The context of a decision, and envelopes of events."""

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
    """The context in which an agent decides."""

    token_id: str | None = Field(default=None, description="The token that the decision is about.")
    owner_status: str | None = Field(default=None, description="Whether the agent holds the token.")
    peer_alignment_label: str | None = Field(default=None, description="Whether the agent's peers agree.")
    group_label: str | None = Field(default=None, description="The group.")
    visibility_scope: VisibilityWord | None = Field(default=None, description="Its visibility; accepted in any case.")
    channel_name: str | None = Field(default=None, description="The channel.")
    salient_agent_pairs: Payloads = Field(default_factory=list, description="Pairs of agents that stand out.")
    exchange_snapshot: Payload = Field(default_factory=dict, description="The market, as the agent sees it.")
    recent_affect_index: float | None = Field(default=None, description="The agent's recent affect.")
    salient_other_agent_id: str | None = Field(default=None, description="The agent that stands out most.")


class EventEnvelopeRow(Model):
    """An action or observation, from its creation to its effect."""

    time_created: Integer = Field(description="The tick in which it was created.")
    scheduled_step: Integer = Field(description="The tick in which it is due.")
    envelope_kind: EnvelopeKindWord = Field(description="Action or observation; accepted in any case.")
    actor_agent_id: str | None = Field(default=None, description="The acting agent.")
    observer_agent_id: str | None = Field(default=None, description="The observing agent.")
    channel_name: str | None = Field(default=None, description="The channel.")
    visibility_scope: VisibilityWord | None = Field(default=None, description="Its visibility; accepted in any case.")
    payload: Payload = Field(default_factory=dict, description="Its content.")
    origin: Payload = Field(default_factory=dict, description="Its origin.")
    status: EnvelopeStatusWord = Field(description="Its status; accepted in any case.")
