//! The situation in which an agent decides, and events before they take effect.

use super::model::model;
use super::words::{EnvelopeKind, EnvelopeStatus, any_case, any_case_option};
use crate::grammar::Visibility;
use crate::typing::{JsonDict, Tick};

model! {
    /// The situation in which an agent decides.
    ScenarioContext, smallest "{}" {
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
    }
}

model! {
    /// An action or observation, from its creation to its effect.
    EventEnvelopeRow, smallest
    r#"{"time_created": 0, "scheduled_step": 1, "envelope_kind": "action", "status": "pending"}"# {
        /// The tick in which it was created.
        time_created: Tick,
        /// The tick in which it is due.
        scheduled_step: Tick,
        /// The kind of its contents; parsed in any case.
        #[serde(deserialize_with = "any_case")]
        envelope_kind: EnvelopeKind,
        /// The acting agent.
        #[serde(default)]
        actor_agent_id: Option<String>,
        /// The observing agent.
        #[serde(default)]
        observer_agent_id: Option<String>,
        /// The channel it goes through.
        #[serde(default)]
        channel_name: Option<String>,
        /// Its visibility; parsed in any case.
        #[serde(default, deserialize_with = "any_case_option")]
        visibility_scope: Option<Visibility>,
        /// Its contents.
        #[serde(default)]
        payload: JsonDict,
        /// Its origin.
        #[serde(default)]
        origin: JsonDict,
        /// Its status; parsed in any case.
        #[serde(deserialize_with = "any_case")]
        status: EnvelopeStatus,
    }
}
