//! Payloads of agents: utterances, interpretations, appraisals, personas and affect.

use serde_json::Value;

use super::UnitInterval;
use super::model::model;
use crate::typing::JsonDict;

model! {
    /// An utterance.
    Utterance, smallest r#"{"act": "claim", "topic": "price"}"# {
        /// The speech act, such as `claim` or `ask`.
        act: String,
        /// The topic.
        topic: String,
        /// The position taken.
        #[serde(default)]
        stance: Option<String>,
        /// The claims.
        #[serde(default)]
        claims: Vec<Value>,
        /// The style.
        #[serde(default)]
        style: JsonDict,
        /// The addressees.
        #[serde(default)]
        audience: Vec<String>,
    }
}

model! {
    /// An observer's interpretation of an event.
    Interpretation, smallest r#"{"event_type": "trade", "salience": 0.5}"# {
        /// The kind of event, as understood.
        event_type: String,
        /// The agents or tokens that it concerns.
        #[serde(default)]
        targets: Vec<String>,
        /// The observer's conclusions.
        #[serde(default)]
        inferred: JsonDict,
        /// How salient it is.
        salience: UnitInterval,
    }
}

model! {
    /// The appraisal of an event.
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
    /// An agent's persona in calls to an outside model.
    Persona, smallest r#"{"persona_id": "p0", "label": "trader"}"# {
        /// The id of the persona.
        persona_id: String,
        /// Its readable name.
        label: String,
        /// Its traits.
        #[serde(default)]
        traits: JsonDict,
    }
}

model! {
    /// The affective state of an agent.
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
