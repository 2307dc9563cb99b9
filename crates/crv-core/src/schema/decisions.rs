//! What an agent may do, and how it decides.

use std::collections::BTreeMap;

use super::model::model;
use crate::grammar::ActionKind;
use crate::typing::JsonDict;

model! {
    /// An action that an agent weighs.
    ActionCandidate, smallest r#"{"action_type": "gift_token", "score": 0.5, "key": "gift_token"}"# {
        /// The kind of action.
        action_type: ActionKind,
        /// Its parameters.
        #[serde(default)]
        parameters: JsonDict,
        /// How good it looks.
        score: f64,
        /// Its label, as of [`canonical_action_key`](crate::grammar::canonical_action_key).
        key: String,
    }
}

model! {
    /// What an agent decides with.
    DecisionHead, smallest "{}" {
        /// `V_i(o)`, by token: what it is worth to the agent.
        #[serde(default)]
        token_value_estimates: BTreeMap<String, f64>,
        /// The actions it weighs.
        #[serde(default)]
        action_candidates: Vec<ActionCandidate>,
        /// Whether it does nothing.
        #[serde(default)]
        abstain: bool,
        /// How much chance there is in the choice.
        #[serde(default)]
        temperature: f64,
    }
}
