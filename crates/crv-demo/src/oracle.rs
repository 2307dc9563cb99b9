//! What an agent sees when it decides, and what the oracle answers. Rows of `scenarios_seen` and `oracle_calls`.

use crv_core::grammar::Visibility;
use crv_core::schema::{ActionCandidate, OracleCallRow, ScenarioRow, Side};
use serde_json::json;

use crate::Simulation;
use crate::agents::{TOKENS, name};
use crate::market::VENUE;
use crate::rows::{hash, object};

impl Simulation {
    /// Records what the agent sees, and the answer of the oracle: what the agent prefers anyway. An answer from the
    /// cache is fast, and calls no tools.
    pub(crate) fn ask(&mut self, agent: usize, token: usize, choice: &ActionCandidate) {
        let (me, book, token_id) = (&self.agents[agent], &self.books[token], TOKENS[token]);
        let (persona, visibility) =
            if me.boldness > 0.5 { ("bold", Visibility::Public) } else { ("cautious", Visibility::Group) };
        let owner_status = if me.positions[token].quantity > 0 { "owner" } else { "non_owner" };
        let agreement = self.peer_opinion(agent, token) * me.attachment[token];
        let agreeing = usize::from(agreement > -0.02) + usize::from(agreement > 0.02);
        let peers = ["opposed", "mixed", "aligned"][agreeing];
        // A side without orders has no field.
        let snapshot = object(json!({
            "last_price": book.price, "volume": book.volume,
            "best_bid": book.best(Side::Buy), "best_ask": book.best(Side::Sell),
        }));
        // The ties among the agents that this agent knows.
        let seen = me.ties.keys().flat_map(|a| self.agents[*a].ties.iter().map(move |tie| (a, tie)));
        let pairs = seen.filter(|(a, (b, _))| a < b && me.ties.contains_key(b)).map(|(a, (b, strength))| {
            object(json!({"agent_a_id": name(*a), "agent_b_id": name(*b), "strength": strength}))
        });

        let context_hash = hash(&json!({
            "token_id": token_id, "owner_status": owner_status, "peer_alignment_label": peers,
            "group_label": me.group, "exchange_snapshot": snapshot,
        }));
        let persona_hash = hash(&json!({"persona_id": persona, "group": me.group}));
        // Rounded, so that a feeling that has hardly changed asks the same question.
        let felt = (me.attachment[token] * 2.0).round() as i64;
        let representation_hash = hash(&json!({"token_id": token_id, "attachment": felt}));
        let question = [persona_hash.clone(), representation_hash.clone(), context_hash.clone()];
        let cache_hit = !self.asked.insert(question);
        let tools = if cache_hit { 0 } else { self.rng.usize(1..=3) };
        let calls = [("first", "read_book"), ("second", "recall_trades"), ("third", "ask_neighbour")];

        self.rows.push(&ScenarioRow {
            tick: self.tick,
            observer_agent_id: name(agent),
            token_id: Some(token_id.to_owned()),
            owner_status: Some(owner_status.to_owned()),
            peer_alignment_label: Some(peers.to_owned()),
            group_label: Some(me.group.to_owned()),
            visibility_scope: Some(visibility),
            channel_name: Some(VENUE.to_owned()),
            salient_agent_pairs: pairs.collect(),
            exchange_snapshot: snapshot,
            recent_affect_index: Some(me.mood),
            salient_other_agent_id: me.closest().map(|(other, _)| name(other)),
            context_hash: context_hash.clone(),
        });
        self.rows.push(&OracleCallRow {
            tick: self.tick,
            agent_id: name(agent),
            engine: "crv_demo".to_owned(),
            signature_id: "choose_action".to_owned(),
            persona_id: persona.to_owned(),
            persona_hash,
            representation_hash,
            context_hash,
            value_json: json!(choice).to_string(),
            latency_ms: 40 * tools as i64 + self.rng.i64(0..3),
            cache_hit,
            n_tool_calls: tools as i64,
            tool_seq: object(calls.into_iter().take(tools).collect()),
        });
    }
}
