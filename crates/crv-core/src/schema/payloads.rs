//! What agents say, make of it, feel, and are.

use serde_json::Value;

use super::UnitInterval;
use super::model::model;
use crate::typing::JsonDict;

model! {
    /// Something said.
    Utterance, smallest r#"{"act": "claim", "topic": "price"}"# {
        /// The speech act, such as `claim` or `ask`.
        act: String,
        /// What it is about.
        topic: String,
        /// The position taken.
        #[serde(default)]
        stance: Option<String>,
        /// What is claimed.
        #[serde(default)]
        claims: Vec<Value>,
        /// How it is said.
        #[serde(default)]
        style: JsonDict,
        /// Who is addressed.
        #[serde(default)]
        audience: Vec<String>,
    }
}

model! {
    /// What an observer makes of an event.
    Interpretation, smallest r#"{"event_type": "trade", "salience": 0.5}"# {
        /// The kind of event, as understood.
        event_type: String,
        /// Whom or what it is about.
        #[serde(default)]
        targets: Vec<String>,
        /// What follows from it, to the observer.
        #[serde(default)]
        inferred: JsonDict,
        /// How much it stands out.
        salience: UnitInterval,
    }
}

model! {
    /// How an event is appraised.
    AppraisalVector, smallest
    r#"{"valence": 0.5, "arousal": 0.5, "certainty": 0.5, "novelty": 0.5, "goal_congruence": 0.5}"# {
        /// From bad to good.
        valence: UnitInterval,
        /// From calm to excited.
        arousal: UnitInterval,
        /// From unsure to sure.
        certainty: UnitInterval,
        /// From familiar to new.
        novelty: UnitInterval,
        /// From against the agent's goals to for them.
        goal_congruence: UnitInterval,
    }
}

model! {
    /// Who an agent is to an outside model.
    Persona, smallest r#"{"persona_id": "p0", "label": "trader"}"# {
        /// Names the persona.
        persona_id: String,
        /// What people call it.
        label: String,
        /// Its traits.
        #[serde(default)]
        traits: JsonDict,
    }
}

model! {
    /// How an agent feels.
    AffectState, smallest "{}" {
        /// From bad to good.
        #[serde(default = "UnitInterval::half")]
        valence: UnitInterval,
        /// From calm to excited.
        #[serde(default = "UnitInterval::half")]
        arousal: UnitInterval,
        /// From relaxed to strained.
        #[serde(default)]
        stress: UnitInterval,
    }
}
