//! Rows of the other tables. The fields are the table's columns without `bucket`, in table order.

use super::RowTick;
use super::model::table_row;
use super::rules::flag;
use super::words::{Side, any_case, any_case_option};
use crate::grammar::{ExchangeKind, Visibility};
use crate::typing::JsonDict;

table_row! {
    /// Something said.
    MessageRow, Messages, smallest
    r#"{"tick": 0, "sender_agent_id": "A0", "channel_name": "town", "visibility_scope": "public",
        "speech_act": "claim", "topic_label": "price"}"# {
        /// When.
        tick: RowTick,
        /// Who speaks.
        sender_agent_id: String,
        /// Where.
        channel_name: String,
        /// Who can see it; read in any case.
        #[serde(deserialize_with = "any_case")]
        visibility_scope: Visibility,
        /// Who is addressed.
        #[serde(default)]
        audience: JsonDict,
        /// The speech act, such as `claim` or `ask`.
        speech_act: String,
        /// What it is about.
        topic_label: String,
        /// The position taken.
        #[serde(default)]
        stance_label: Option<String>,
        /// What is claimed.
        #[serde(default)]
        claims: JsonDict,
        /// How it is said.
        #[serde(default)]
        style: JsonDict,
    }
}

table_row! {
    /// An event of ownership or opinion.
    ExchangeRow, Exchange, smallest
    r#"{"tick": 0, "venue_id": "V0", "token_id": "T0", "exchange_event_type": "trade"}"# {
        /// When.
        tick: RowTick,
        /// Where.
        venue_id: String,
        /// The token.
        token_id: String,
        /// What happened.
        exchange_event_type: ExchangeKind,
        /// The side of the actor; read in any case.
        #[serde(default, deserialize_with = "any_case_option")]
        side: Option<Side>,
        /// How much.
        #[serde(default)]
        quantity: Option<f64>,
        /// At what price for one.
        #[serde(default)]
        price: Option<f64>,
        /// Who acts.
        #[serde(default)]
        actor_agent_id: Option<String>,
        /// With whom.
        #[serde(default)]
        counterparty_agent_id: Option<String>,
        /// `B_o(t)`: what the token is held to be worth.
        #[serde(default)]
        baseline_value: Option<f64>,
        /// What else there is to say.
        #[serde(default)]
        additional_payload: JsonDict,
    }
}

table_row! {
    /// The context in which an agent decided.
    ScenarioRow, ScenariosSeen, smallest r#"{"tick": 0, "observer_agent_id": "A0", "context_hash": "c"}"# {
        /// When.
        tick: RowTick,
        /// Who decides.
        observer_agent_id: String,
        /// The token it is about.
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
        /// Who can see it; read in any case.
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
        /// Identifies the context, as of [`hash_context`](crate::hashing::hash_context).
        context_hash: String,
    }
}

table_row! {
    /// What an agent chose, and among what.
    DecisionRow, Decisions, smallest
    r#"{"tick": 0, "agent_id": "A0", "chosen_action": {}, "action_candidates": [], "token_value_estimates": {}}"# {
        /// When.
        tick: RowTick,
        /// Who decides.
        agent_id: String,
        /// The action it took.
        chosen_action: JsonDict,
        /// The actions it weighed.
        action_candidates: Vec<JsonDict>,
        /// `V_i(o)`, by token.
        token_value_estimates: JsonDict,
    }
}

table_row! {
    /// A call to an outside model.
    OracleCallRow, OracleCalls, smallest
    r#"{"tick": 0, "agent_id": "A0", "engine": "e", "signature_id": "s", "persona_id": "p", "persona_hash": "h",
        "representation_hash": "r", "context_hash": "c", "value_json": "{}", "latency_ms": 0, "cache_hit": false,
        "n_tool_calls": 0, "tool_seq": {}}"# {
        /// When.
        tick: RowTick,
        /// For whom.
        agent_id: String,
        /// The model that was asked.
        engine: String,
        /// What kind of question it was.
        signature_id: String,
        /// As whom it was asked.
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
        /// Whether the answer was known; 0 or 1 in the table.
        #[serde(deserialize_with = "flag")]
        cache_hit: bool,
        /// How many tools were called.
        n_tool_calls: i64,
        /// Which ones.
        tool_seq: JsonDict,
    }
}

table_row! {
    /// How much of a token an agent holds.
    HoldingsRow, Holdings, smallest r#"{"tick": 0, "agent_id": "A0", "token_id": "T0", "quantity": 1}"# {
        /// When.
        tick: RowTick,
        /// Who.
        agent_id: String,
        /// Of which token.
        token_id: String,
        /// How much.
        quantity: i64,
    }
}

table_row! {
    /// What holdings cost and are worth.
    HoldingsValuationRow, HoldingsValuation, smallest
    r#"{"tick": 0, "agent_id": "A0", "token_id": "T0", "quantity": 1}"# {
        /// When.
        tick: RowTick,
        /// Who.
        agent_id: String,
        /// Of which token.
        token_id: String,
        /// How much.
        quantity: i64,
        /// What one cost, on average.
        #[serde(default)]
        avg_unit_cost: Option<f64>,
        /// What all of it cost.
        #[serde(default)]
        cost_value: Option<f64>,
        /// The price that it is valued at.
        #[serde(default)]
        mark_price: Option<f64>,
        /// What all of it is worth at that price.
        #[serde(default)]
        mark_value: Option<f64>,
        /// Gains of what was sold.
        #[serde(default)]
        realized_pnl: Option<f64>,
        /// Gains of what is still held.
        #[serde(default)]
        unrealized_pnl: Option<f64>,
        /// Where the price is from.
        #[serde(default)]
        price_source: Option<String>,
        /// How costs are assigned.
        #[serde(default)]
        accounting_method: Option<String>,
    }
}
