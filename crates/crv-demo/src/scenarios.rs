//! What an agent has before its eyes when it decides: the rows of `scenarios_seen`.

use arrow_schema::ArrowError;
use crv_core::grammar::Visibility;
use crv_core::hashing::hash_context;
use serde_json::{Value, json};

use super::agents::{TOKENS, World};
use super::decisions::Thought;
use super::event::Side;
use super::market::Market;
use super::oracle::not_json;

/// One scenario as one agent saw it.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) observer: usize,
    pub(super) token: usize,
    pub(super) owner_status: &'static str,
    pub(super) peers: &'static str,
    pub(super) group: &'static str,
    pub(super) visibility: Visibility,
    pub(super) pairs: Vec<Value>,
    pub(super) snapshot: Value,
    pub(super) affect: f64,
    pub(super) salient: Option<usize>,
    pub(super) context_hash: String,
}

/// Looks at the world through the eyes of whoever has the thought.
pub(super) fn behold(world: &World, market: &Market, thought: &Thought) -> Result<Scene, ArrowError> {
    let Thought { agent, token, .. } = *thought;
    let person = &world.agents[agent];
    let owner_status = if person.positions[token].quantity > 0 { "owner" } else { "non_owner" };
    let agreeing = person
        .ties
        .iter()
        .filter(|tie| world.agents[tie.other].attachment[token] * person.attachment[token] > 0.0)
        .count();
    let peers = match agreeing * 2 {
        twice if twice > person.ties.len() => "aligned",
        twice if twice == person.ties.len() => "mixed",
        _ => "opposed",
    };
    let snapshot = snapshot(market, token);
    let context = json!({
        "token_id": TOKENS[token], "owner_status": owner_status, "peer_alignment_label": peers,
        "group_label": person.group, "exchange_snapshot": snapshot,
    });
    Ok(Scene {
        observer: agent,
        token,
        owner_status,
        peers,
        group: person.group,
        visibility: if person.boldness > 0.5 { Visibility::Public } else { Visibility::Group },
        pairs: pairs(world, agent),
        snapshot,
        affect: person.mood,
        salient: person.closest().map(|tie| tie.other),
        context_hash: hash_context(&context).map_err(not_json)?,
    })
}

/// The book at a glance; a side on which nobody waits is not mentioned.
fn snapshot(market: &Market, token: usize) -> Value {
    let mut snapshot = json!({"last_price": market.last_price[token], "volume": market.volume[token]});
    for (name, side) in [("best_bid", Side::Buy), ("best_ask", Side::Sell)] {
        if let Some(limit) = market.best(token, side) {
            snapshot[name] = json!(limit);
        }
    }
    snapshot
}

/// Acquaintances who know each other.
fn pairs(world: &World, agent: usize) -> Vec<Value> {
    let ties = &world.agents[agent].ties;
    let mut found = Vec::new();
    for first in ties {
        for second in ties.iter().filter(|second| second.other > first.other) {
            let strength = world.agents[first.other].feels_for(second.other);
            if strength.abs() > 0.1 {
                found.push(json!({
                    "agent_a_id": &*world.agents[first.other].name,
                    "agent_b_id": &*world.agents[second.other].name,
                    "strength": strength,
                }));
            }
        }
    }
    found
}
