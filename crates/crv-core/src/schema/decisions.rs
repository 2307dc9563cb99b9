//! The actions that an agent considers, and its decision.

use std::collections::BTreeMap;

use super::model::model;
use crate::grammar::ActionKind;
use crate::typing::JsonDict;

model! {
    /// An action that an agent considers.
    ActionCandidate, smallest r#"{"action_type": "gift_token", "score": 0.5, "key": "gift_token"}"# {
        /// The kind of action.
        action_type: ActionKind,
        /// Its parameters.
        #[serde(default)]
        parameters: JsonDict,
        /// Its score; the agent prefers higher ones.
        score: f64,
        /// Its label, from [`canonical_action_key`](crate::grammar::canonical_action_key).
        key: String,
    }
}

model! {
    /// The inputs of an agent's decision.
    DecisionHead, smallest "{}" {
        /// `V_i(o)`: the value of each token to the agent.
        #[serde(default)]
        token_value_estimates: BTreeMap<String, f64>,
        /// The actions that it considers.
        #[serde(default)]
        action_candidates: Vec<ActionCandidate>,
        /// Whether it does nothing.
        #[serde(default)]
        abstain: bool,
        /// The randomness of the choice.
        #[serde(default)]
        temperature: f64,
    }
}
