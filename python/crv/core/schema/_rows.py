"""Rows of all other tables. The fields are the columns of the table without ``bucket``, in table order."""

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
    """A message of an agent."""

    TABLE: ClassVar[TableName] = TableName.MESSAGES

    tick: RowTick = Field(description="The tick.")
    sender_agent_id: str = Field(description="The sender.")
    channel_name: str = Field(description="The channel.")
    visibility_scope: VisibilityWord = Field(description="Its visibility; accepted in any case.")
    audience: Payload = Field(default_factory=dict, description="The addressed agents.")
    speech_act: str = Field(description="The speech act, such as `claim` or `ask`.")
    topic_label: str = Field(description="The topic.")
    stance_label: str | None = Field(default=None, description="The position taken.")
    claims: Payload = Field(default_factory=dict, description="The claims.")
    style: Payload = Field(default_factory=dict, description="The style.")


class ExchangeRow(TableRow):
    """An event of ownership or opinion."""

    TABLE: ClassVar[TableName] = TableName.EXCHANGE

    tick: RowTick = Field(description="The tick.")
    venue_id: str = Field(description="The venue.")
    token_id: str = Field(description="The token.")
    exchange_event_type: ExchangeKindWord = Field(description="The kind of event.")
    side: SideWord | None = Field(default=None, description="The side of the actor; accepted in any case.")
    quantity: float | None = Field(default=None, description="The quantity.")
    price: float | None = Field(default=None, description="The price of one unit.")
    actor_agent_id: str | None = Field(default=None, description="The acting agent.")
    counterparty_agent_id: str | None = Field(default=None, description="The other agent.")
    baseline_value: float | None = Field(default=None, description="`B_o(t)`: the baseline value of the token.")
    additional_payload: Payload = Field(default_factory=dict, description="Further data of the event.")


class ScenarioRow(TableRow):
    """The context in which an agent decided."""

    TABLE: ClassVar[TableName] = TableName.SCENARIOS_SEEN

    tick: RowTick = Field(description="The tick.")
    observer_agent_id: str = Field(description="The deciding agent.")
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
    context_hash: str = Field(description="The hash of the context, made by ``crv.core.hashing.hash_context``.")


class DecisionRow(TableRow):
    """The action that an agent chose, and the candidates."""

    TABLE: ClassVar[TableName] = TableName.DECISIONS

    tick: RowTick = Field(description="The tick.")
    agent_id: str = Field(description="The deciding agent.")
    chosen_action: Payload = Field(description="The chosen action.")
    action_candidates: Payloads = Field(description="The actions that the agent considered.")
    token_value_estimates: Payload = Field(description="`V_i(o)`, by token.")


class OracleCallRow(TableRow):
    """A call to an outside model."""

    TABLE: ClassVar[TableName] = TableName.ORACLE_CALLS

    tick: RowTick = Field(description="The tick.")
    agent_id: str = Field(description="The agent.")
    engine: str = Field(description="The model that was called.")
    signature_id: str = Field(description="The kind of question.")
    persona_id: str = Field(description="The persona.")
    persona_hash: str = Field(description="The hash of the persona.")
    representation_hash: str = Field(description="The hash of the agent's graph.")
    context_hash: str = Field(description="The hash of the context.")
    value_json: str = Field(description="The answer, as JSON text.")
    latency_ms: Integer = Field(description="The duration of the call, in milliseconds.")
    cache_hit: bool = Field(description="Whether the answer came from a cache; 0 or 1 in the table.")
    n_tool_calls: Integer = Field(description="The number of tool calls.")
    tool_seq: Payload = Field(description="The sequence of tool calls.")


class HoldingsRow(TableRow):
    """The quantity of a token that an agent holds."""

    TABLE: ClassVar[TableName] = TableName.HOLDINGS

    tick: RowTick = Field(description="The tick.")
    agent_id: str = Field(description="The agent.")
    token_id: str = Field(description="The token.")
    quantity: Integer = Field(description="The quantity.")


class HoldingsValuationRow(TableRow):
    """Cost and value of a holding."""

    TABLE: ClassVar[TableName] = TableName.HOLDINGS_VALUATION

    tick: RowTick = Field(description="The tick.")
    agent_id: str = Field(description="The agent.")
    token_id: str = Field(description="The token.")
    quantity: Integer = Field(description="The quantity.")
    avg_unit_cost: float | None = Field(default=None, description="The average cost of one unit.")
    cost_value: float | None = Field(default=None, description="The cost of all units.")
    mark_price: float | None = Field(default=None, description="The price of one unit at which the holding is valued.")
    mark_value: float | None = Field(default=None, description="The value of all units at that price.")
    realized_pnl: float | None = Field(default=None, description="The gain from units that were sold.")
    unrealized_pnl: float | None = Field(default=None, description="The gain on units that are still held.")
    price_source: str | None = Field(default=None, description="The source of the price.")
    accounting_method: str | None = Field(default=None, description="The method that assigns costs.")
