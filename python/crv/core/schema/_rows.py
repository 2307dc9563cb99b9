"""Rows of the other tables. The fields are the table's columns without ``bucket``, in table order."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from crv.core.grammar import TableName
from crv.core.schema._base import TableRow
from crv.core.schema._fields import (
    ExchangeKindWord,
    Integer,
    Payload,
    Payloads,
    RowTick,
    SideWord,
    VisibilityWord,
)

__all__ = [
    "DecisionRow",
    "ExchangeRow",
    "HoldingsRow",
    "HoldingsValuationRow",
    "MessageRow",
    "OracleCallRow",
    "ScenarioRow",
]


class MessageRow(TableRow):
    """Something said."""

    TABLE: ClassVar[TableName] = TableName.MESSAGES

    tick: RowTick = Field(description="When.")
    sender_agent_id: str = Field(description="Who speaks.")
    channel_name: str = Field(description="Where.")
    visibility_scope: VisibilityWord = Field(description="Who can see it; read in any case.")
    audience: Payload = Field(default_factory=dict, description="Who is addressed.")
    speech_act: str = Field(description="The speech act, such as `claim` or `ask`.")
    topic_label: str = Field(description="What it is about.")
    stance_label: str | None = Field(default=None, description="The position taken.")
    claims: Payload = Field(default_factory=dict, description="What is claimed.")
    style: Payload = Field(default_factory=dict, description="How it is said.")


class ExchangeRow(TableRow):
    """An event of ownership or opinion."""

    TABLE: ClassVar[TableName] = TableName.EXCHANGE

    tick: RowTick = Field(description="When.")
    venue_id: str = Field(description="Where.")
    token_id: str = Field(description="The token.")
    exchange_event_type: ExchangeKindWord = Field(description="What happened.")
    side: SideWord | None = Field(default=None, description="The side of the actor; read in any case.")
    quantity: float | None = Field(default=None, description="How much.")
    price: float | None = Field(default=None, description="At what price for one.")
    actor_agent_id: str | None = Field(default=None, description="Who acts.")
    counterparty_agent_id: str | None = Field(default=None, description="With whom.")
    baseline_value: float | None = Field(default=None, description="`B_o(t)`: what the token is held to be worth.")
    additional_payload: Payload = Field(default_factory=dict, description="What else there is to say.")


class ScenarioRow(TableRow):
    """The context in which an agent decided."""

    TABLE: ClassVar[TableName] = TableName.SCENARIOS_SEEN

    tick: RowTick = Field(description="When.")
    observer_agent_id: str = Field(description="Who decides.")
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
    context_hash: str = Field(description="Identifies the context, as of ``crv.core.hashing.hash_context``.")


class DecisionRow(TableRow):
    """What an agent chose, and among what."""

    TABLE: ClassVar[TableName] = TableName.DECISIONS

    tick: RowTick = Field(description="When.")
    agent_id: str = Field(description="Who decides.")
    chosen_action: Payload = Field(description="The action it took.")
    action_candidates: Payloads = Field(description="The actions it weighed.")
    token_value_estimates: Payload = Field(description="`V_i(o)`, by token.")


class OracleCallRow(TableRow):
    """A call to an outside model."""

    TABLE: ClassVar[TableName] = TableName.ORACLE_CALLS

    tick: RowTick = Field(description="When.")
    agent_id: str = Field(description="For whom.")
    engine: str = Field(description="The model that was asked.")
    signature_id: str = Field(description="What kind of question it was.")
    persona_id: str = Field(description="As whom it was asked.")
    persona_hash: str = Field(description="The hash of the persona.")
    representation_hash: str = Field(description="The hash of the agent's graph.")
    context_hash: str = Field(description="The hash of the context.")
    value_json: str = Field(description="The answer, as JSON text.")
    latency_ms: Integer = Field(description="How long it took, in milliseconds.")
    cache_hit: bool = Field(description="Whether the answer was known; 0 or 1 in the table.")
    n_tool_calls: Integer = Field(description="How many tools were called.")
    tool_seq: Payload = Field(description="Which ones.")


class HoldingsRow(TableRow):
    """How much of a token an agent holds."""

    TABLE: ClassVar[TableName] = TableName.HOLDINGS

    tick: RowTick = Field(description="When.")
    agent_id: str = Field(description="Who.")
    token_id: str = Field(description="Of which token.")
    quantity: Integer = Field(description="How much.")


class HoldingsValuationRow(TableRow):
    """What holdings cost and are worth."""

    TABLE: ClassVar[TableName] = TableName.HOLDINGS_VALUATION

    tick: RowTick = Field(description="When.")
    agent_id: str = Field(description="Who.")
    token_id: str = Field(description="Of which token.")
    quantity: Integer = Field(description="How much.")
    avg_unit_cost: float | None = Field(default=None, description="What one cost, on average.")
    cost_value: float | None = Field(default=None, description="What all of it cost.")
    mark_price: float | None = Field(default=None, description="The price that it is valued at.")
    mark_value: float | None = Field(default=None, description="What all of it is worth at that price.")
    realized_pnl: float | None = Field(default=None, description="Gains of what was sold.")
    unrealized_pnl: float | None = Field(default=None, description="Gains of what is still held.")
    price_source: str | None = Field(default=None, description="Where the price is from.")
    accounting_method: str | None = Field(default=None, description="How costs are assigned.")
