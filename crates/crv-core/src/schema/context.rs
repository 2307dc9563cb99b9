//! The situation in which an agent decides, and events on their way.

use super::model::model;
use super::words::{EnvelopeKind, EnvelopeStatus, any_case, any_case_option};
use crate::grammar::Visibility;
use crate::typing::{JsonDict, Tick};

model! {
    /// The situation in which an agent decides.
    ScenarioContext, smallest "{}" {
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
    }
}

model! {
    /// An action or observation, from its making to its effect.
    EventEnvelopeRow, smallest
    r#"{"time_created": 0, "scheduled_step": 1, "envelope_kind": "action", "status": "pending"}"# {
        /// The tick in which it was made.
        time_created: Tick,
        /// The tick in which it is due.
        scheduled_step: Tick,
        /// What it carries; read in any case.
        #[serde(deserialize_with = "any_case")]
        envelope_kind: EnvelopeKind,
        /// Who acts.
        #[serde(default)]
        actor_agent_id: Option<String>,
        /// Who observes.
        #[serde(default)]
        observer_agent_id: Option<String>,
        /// The channel it goes through.
        #[serde(default)]
        channel_name: Option<String>,
        /// Who can see it; read in any case.
        #[serde(default, deserialize_with = "any_case_option")]
        visibility_scope: Option<Visibility>,
        /// What it says.
        #[serde(default)]
        payload: JsonDict,
        /// Where it comes from.
        #[serde(default)]
        origin: JsonDict,
        /// How far it has come; read in any case.
        #[serde(deserialize_with = "any_case")]
        status: EnvelopeStatus,
    }
}
