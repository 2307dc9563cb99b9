//! Rows of the other tables. The fields are the table's columns without `bucket`, in table order.

use super::RowTick;
use super::model::table_row;
use super::rules::flag;
use super::words::{Side, any_case, any_case_option};
use crate::grammar::{ExchangeKind, Visibility};
use crate::typing::JsonDict;

table_row! {
    /// A message.
    MessageRow, Messages, smallest
    r#"{"tick": 0, "sender_agent_id": "A0", "channel_name": "town", "visibility_scope": "public",
        "speech_act": "claim", "topic_label": "price"}"# {
        /// The tick.
        tick: RowTick,
        /// The speaking agent.
        sender_agent_id: String,
        /// The channel.
        channel_name: String,
        /// Its visibility; parsed in any case.
        #[serde(deserialize_with = "any_case")]
        visibility_scope: Visibility,
        /// The addressees.
        #[serde(default)]
        audience: JsonDict,
        /// The speech act, such as `claim` or `ask`.
        speech_act: String,
        /// The topic.
        topic_label: String,
        /// The position taken.
        #[serde(default)]
        stance_label: Option<String>,
        /// The claims.
        #[serde(default)]
        claims: JsonDict,
        /// The style.
        #[serde(default)]
        style: JsonDict,
    }
}

table_row! {
    /// An event of ownership or opinion.
    ExchangeRow, Exchange, smallest
    r#"{"tick": 0, "venue_id": "V0", "token_id": "T0", "exchange_event_type": "trade"}"# {
        /// The tick.
        tick: RowTick,
        /// The venue.
        venue_id: String,
        /// The token.
        token_id: String,
        /// The kind of event.
        exchange_event_type: ExchangeKind,
        /// The side of the actor; parsed in any case.
        #[serde(default, deserialize_with = "any_case_option")]
        side: Option<Side>,
        /// The quantity.
        #[serde(default)]
        quantity: Option<f64>,
        /// The price of one token.
        #[serde(default)]
        price: Option<f64>,
        /// The acting agent.
        #[serde(default)]
        actor_agent_id: Option<String>,
        /// The other agent.
        #[serde(default)]
        counterparty_agent_id: Option<String>,
        /// `B_o(t)`: the baseline value of the token.
        #[serde(default)]
        baseline_value: Option<f64>,
        /// Additional fields.
        #[serde(default)]
        additional_payload: JsonDict,
    }
}

table_row! {
    /// The context in which an agent decided.
    ScenarioRow, ScenariosSeen, smallest r#"{"tick": 0, "observer_agent_id": "A0", "context_hash": "c"}"# {
        /// The tick.
        tick: RowTick,
        /// The deciding agent.
        observer_agent_id: String,
        /// The token that it concerns.
        #[serde(default)]
        token_id: Option<String>,
        /// Whether the agent holds it.
        #[serde(default)]
        owner_status: Option<String>,
        /// Whether its peers agree.
        #[serde(default)]
        peer_alignment_label: Option<String>,
        /// The group it happens in.
        #[serde(default)]
        group_label: Option<String>,
        /// Its visibility; parsed in any case.
        #[serde(default, deserialize_with = "any_case_option")]
        visibility_scope: Option<Visibility>,
        /// The channel it happens in.
        #[serde(default)]
        channel_name: Option<String>,
        /// Pairs of agents that stand out.
        #[serde(default)]
        salient_agent_pairs: Vec<JsonDict>,
        /// The market, as the agent sees it.
        #[serde(default)]
        exchange_snapshot: JsonDict,
        /// How the agent has felt lately.
        #[serde(default)]
        recent_affect_index: Option<f64>,
        /// The agent that stands out most.
        #[serde(default)]
        salient_other_agent_id: Option<String>,
        /// Identifies the context; from [`hash_context`](crate::hashing::hash_context).
        context_hash: String,
    }
}

table_row! {
    /// The choice of an agent, and its candidates.
    DecisionRow, Decisions, smallest
    r#"{"tick": 0, "agent_id": "A0", "chosen_action": {}, "action_candidates": [], "token_value_estimates": {}}"# {
        /// The tick.
        tick: RowTick,
        /// The deciding agent.
        agent_id: String,
        /// The action that it took.
        chosen_action: JsonDict,
        /// The actions that it considered.
        action_candidates: Vec<JsonDict>,
        /// `V_i(o)` of each token.
        token_value_estimates: JsonDict,
    }
}

table_row! {
    /// A call to an outside model.
    OracleCallRow, OracleCalls, smallest
    r#"{"tick": 0, "agent_id": "A0", "engine": "e", "signature_id": "s", "persona_id": "p", "persona_hash": "h",
        "representation_hash": "r", "context_hash": "c", "value_json": "{}", "latency_ms": 0, "cache_hit": false,
        "n_tool_calls": 0, "tool_seq": {}}"# {
        /// The tick.
        tick: RowTick,
        /// The agent for which it was made.
        agent_id: String,
        /// The model that was called.
        engine: String,
        /// The kind of question.
        signature_id: String,
        /// The persona in the call.
        persona_id: String,
        /// The hash of the persona.
        persona_hash: String,
        /// The hash of the agent's graph.
        representation_hash: String,
        /// The hash of the context.
        context_hash: String,
        /// The answer, as JSON text.
        value_json: String,
        /// How long it took, in milliseconds.
        latency_ms: i64,
        /// Whether the answer was in the cache; 0 or 1 in the table.
        #[serde(deserialize_with = "flag")]
        cache_hit: bool,
        /// The number of tool calls.
        n_tool_calls: i64,
        /// The tools that were called.
        tool_seq: JsonDict,
    }
}

table_row! {
    /// The quantity of a token that an agent holds.
    HoldingsRow, Holdings, smallest r#"{"tick": 0, "agent_id": "A0", "token_id": "T0", "quantity": 1}"# {
        /// The tick.
        tick: RowTick,
        /// The agent.
        agent_id: String,
        /// The token.
        token_id: String,
        /// The quantity.
        quantity: i64,
    }
}

table_row! {
    /// The cost and value of holdings.
    HoldingsValuationRow, HoldingsValuation, smallest
    r#"{"tick": 0, "agent_id": "A0", "token_id": "T0", "quantity": 1}"# {
        /// The tick.
        tick: RowTick,
        /// The agent.
        agent_id: String,
        /// The token.
        token_id: String,
        /// The quantity.
        quantity: i64,
        /// The average cost of one token.
        #[serde(default)]
        avg_unit_cost: Option<f64>,
        /// The cost of the whole quantity.
        #[serde(default)]
        cost_value: Option<f64>,
        /// The price at which it is valued.
        #[serde(default)]
        mark_price: Option<f64>,
        /// The value of the whole quantity at that price.
        #[serde(default)]
        mark_value: Option<f64>,
        /// Gains from sold tokens.
        #[serde(default)]
        realized_pnl: Option<f64>,
        /// Gains from held tokens.
        #[serde(default)]
        unrealized_pnl: Option<f64>,
        /// The source of the price.
        #[serde(default)]
        price_source: Option<String>,
        /// How costs are assigned.
        #[serde(default)]
        accounting_method: Option<String>,
    }
}
