//! The oracle that agents ask before they act: the rows of `oracle_calls`. It remembers what it was asked.

use std::collections::HashSet;

use arrow_schema::ArrowError;
use crv_core::error::JsonError;
use crv_core::hashing::{hash_row, hash_state, json_dumps_canonical};
use serde_json::{Map, Value, json};

use super::agents::{TOKENS, World};
use super::decisions::Thought;
use super::scenarios::Scene;

/// The engine's name; there is no model behind it, only the thought itself.
pub(super) const ENGINE: &str = "little_world";

/// The question that is asked.
pub(super) const SIGNATURE: &str = "choose_action";

/// How many questions are remembered before all are forgotten.
const MEMORY: usize = 4_096;

const TOOLS: [&str; 3] = ["read_book", "recall_trades", "ask_neighbour"];

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) agent: usize,
    pub(super) persona: &'static str,
    pub(super) persona_hash: String,
    pub(super) representation_hash: String,
    pub(super) context_hash: String,
    pub(super) value_json: String,
    pub(super) latency_ms: i64,
    pub(super) cache_hit: bool,
    pub(super) tools: i64,
    pub(super) tool_seq: Value,
}

/// The oracle and its memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Oracle {
    asked: HashSet<(String, String, String)>,
}

impl Oracle {
    /// Answers with the action already thought of; how long that takes depends on whether it was asked before.
    pub(super) fn ask(
        &mut self,
        rng: &mut fastrand::Rng,
        world: &World,
        thought: &Thought,
        scene: &Scene,
    ) -> Result<Call, ArrowError> {
        let person = &world.agents[thought.agent];
        let persona = if person.boldness > 0.5 { "bold" } else { "cautious" };
        let persona_hash =
            hash_row(&json!({"persona_id": persona, "group": person.group})).map_err(not_json)?;
        // Coarse on purpose: a feeling that has hardly moved asks the same question.
        let felt = (person.attachment[thought.token] * 2.0).round();
        let representation_hash =
            hash_state(&json!({"token_id": TOKENS[thought.token], "attachment": felt})).map_err(not_json)?;
        let question = (persona_hash.clone(), representation_hash.clone(), scene.context_hash.clone());
        if self.asked.len() >= MEMORY {
            self.asked.clear();
        }
        let cache_hit = !self.asked.insert(question);
        let tools = if cache_hit { 0 } else { rng.usize(1..=TOOLS.len()) };
        let called: Map<String, Value> = ["first", "second", "third"]
            .iter()
            .zip(TOOLS)
            .take(tools)
            .map(|(place, tool)| ((*place).to_owned(), json!(tool)))
            .collect();
        let answer = thought.choice().map_or(Value::Null, |choice| {
            json!({
                "action_type": choice.intent.action().as_str(),
                "parameters": choice.intent.parameters(world, thought.token),
                "score": choice.score,
            })
        });
        Ok(Call {
            agent: thought.agent,
            persona,
            persona_hash,
            representation_hash,
            context_hash: scene.context_hash.clone(),
            value_json: json_dumps_canonical(&answer).map_err(not_json)?,
            latency_ms: if cache_hit { rng.i64(0..3) } else { 40 * tools as i64 + rng.i64(20..120) },
            cache_hit,
            tools: tools as i64,
            tool_seq: Value::Object(called),
        })
    }
}

/// A number that JSON cannot hold, as the error that a batch could not be made.
pub(super) fn not_json(error: JsonError) -> ArrowError {
    ArrowError::from_external_error(Box::new(error))
}
