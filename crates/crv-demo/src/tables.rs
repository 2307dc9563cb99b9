//! From what happened in a tick to Arrow batches: the columns of each table's descriptor, but for `bucket`.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use serde_json::{Map, Value, json};

use crv_core::grammar::{TableName, canonical_action_key};

use super::agents::{MONEY, TOKENS, World};
use super::columns::{integers, names, numbers, struct_lists, structs, texts};
use super::decisions::{Candidate, Thought};
use super::edges::Edge;
use super::event::Event;
use super::market::{Market, VENUE};
use super::messages::Message;
use super::oracle::{Call, ENGINE, SIGNATURE};
use super::scenarios::Scene;

type Batch = Result<RecordBatch, ArrowError>;

/// A batch whose first column is the tick.
fn batch<const N: usize>(tick: i64, rows: usize, columns: [(&str, ArrayRef); N]) -> Batch {
    let ticks = ("tick", integers(std::iter::repeat_n(tick, rows)));
    RecordBatch::try_from_iter_with_nullable(
        std::iter::once(ticks).chain(columns).map(|(name, column)| (name, column, true)),
    )
}

fn agents<'a>(world: &'a World, rows: impl Iterator<Item = usize> + 'a) -> ArrayRef {
    names(rows.map(|agent| &*world.agents[agent].name))
}

fn some_agents(world: &World, rows: impl Iterator<Item = Option<usize>>) -> ArrayRef {
    texts(rows.map(|agent| agent.map(|agent| Arc::clone(&world.agents[agent].name))))
}

/// `exchange`.
pub(super) fn exchange(tick: i64, world: &World, events: &[Event]) -> Batch {
    let rows = || events.iter();
    batch(
        tick,
        events.len(),
        [
            ("venue_id", names(rows().map(|_| VENUE))),
            ("token_id", names(rows().map(|event| TOKENS[event.token]))),
            ("exchange_event_type", names(rows().map(|event| event.kind))),
            ("side", texts(rows().map(|event| event.side.map(super::event::Side::value)))),
            ("quantity", numbers(rows().map(|event| event.quantity.map(|quantity| quantity as f64)))),
            ("price", numbers(rows().map(|event| event.price))),
            ("actor_agent_id", some_agents(world, rows().map(|event| event.actor))),
            ("counterparty_agent_id", some_agents(world, rows().map(|event| event.counterparty))),
            ("baseline_value", numbers(rows().map(|event| event.baseline))),
            ("additional_payload", structs(rows().map(|event| &event.payload))?),
        ],
    )
}

/// `identity_edges`.
pub(super) fn identity_edges(tick: i64, world: &World, edges: &[Edge]) -> Batch {
    let rows = || edges.iter();
    batch(
        tick,
        edges.len(),
        [
            ("observer_agent_id", agents(world, rows().map(|edge| edge.observer))),
            ("edge_kind", names(rows().map(|edge| edge.kind))),
            ("subject_id", texts(rows().map(|edge| edge.subject.as_deref()))),
            ("object_id", texts(rows().map(|edge| edge.object.as_deref()))),
            ("related_agent_id", texts(rows().map(|edge| edge.related.as_deref()))),
            ("token_id", texts(rows().map(|edge| edge.token.as_deref()))),
            ("edge_weight", numbers(rows().map(|edge| Some(edge.weight)))),
            ("edge_sign", integers(rows().map(Edge::sign))),
        ],
    )
}

/// `scenarios_seen`.
pub(super) fn scenarios_seen(tick: i64, world: &World, scenes: &[Scene]) -> Batch {
    let rows = || scenes.iter();
    batch(
        tick,
        scenes.len(),
        [
            ("observer_agent_id", agents(world, rows().map(|scene| scene.observer))),
            ("token_id", names(rows().map(|scene| TOKENS[scene.token]))),
            ("owner_status", names(rows().map(|scene| scene.owner_status))),
            ("peer_alignment_label", names(rows().map(|scene| scene.peers))),
            ("group_label", names(rows().map(|scene| scene.group))),
            ("visibility_scope", names(rows().map(|scene| scene.visibility))),
            ("channel_name", names(rows().map(|_| VENUE))),
            ("salient_agent_pairs", struct_lists(rows().map(|scene| scene.pairs.as_slice()))?),
            ("exchange_snapshot", structs(rows().map(|scene| &scene.snapshot))?),
            ("recent_affect_index", numbers(rows().map(|scene| Some(scene.affect)))),
            ("salient_other_agent_id", some_agents(world, rows().map(|scene| scene.salient))),
            ("context_hash", names(rows().map(|scene| &scene.context_hash))),
        ],
    )
}

/// `messages`.
pub(super) fn messages(tick: i64, world: &World, messages: &[Message]) -> Batch {
    let rows = || messages.iter();
    batch(
        tick,
        messages.len(),
        [
            ("sender_agent_id", agents(world, rows().map(|message| message.sender))),
            ("channel_name", names(rows().map(|message| &message.channel))),
            ("visibility_scope", names(rows().map(|message| message.visibility))),
            ("audience", structs(rows().map(|message| &message.audience))?),
            ("speech_act", names(rows().map(|message| message.act))),
            ("topic_label", names(rows().map(|message| TOKENS[message.topic]))),
            ("stance_label", texts(rows().map(|message| message.stance))),
            ("claims", structs(rows().map(|message| &message.claims))?),
            ("style", structs(rows().map(|message| &message.style))?),
        ],
    )
}

/// `decisions`: what was done, what else could have been, and what the tokens were worth to whoever decided.
pub(super) fn decisions(tick: i64, world: &World, thoughts: &[Thought]) -> Batch {
    let action = |thought: &Thought, candidate: &Candidate| {
        let kind = candidate.intent.action();
        json!({
            "action_type": kind.as_str(),
            "key": canonical_action_key(kind, [("token_id", TOKENS[thought.token])]),
            "score": candidate.score,
            "parameters": candidate.intent.parameters(world, thought.token),
        })
    };
    let candidates: Vec<Vec<Value>> = thoughts
        .iter()
        .map(|thought| thought.candidates.iter().map(|candidate| action(thought, candidate)).collect())
        .collect();
    let estimates: Vec<Value> = thoughts
        .iter()
        .map(|thought| {
            let known = TOKENS.iter().zip(thought.estimates);
            known
                .filter_map(|(token, value)| Some(((*token).to_owned(), json!(value?))))
                .collect::<Map<_, _>>()
        })
        .map(Value::Object)
        .collect();
    batch(
        tick,
        thoughts.len(),
        [
            ("agent_id", agents(world, thoughts.iter().map(|thought| thought.agent))),
            ("chosen_action", structs(candidates.iter().filter_map(|options| options.first()))?),
            ("action_candidates", struct_lists(candidates.iter().map(Vec::as_slice))?),
            ("token_value_estimates", structs(&estimates)?),
        ],
    )
}

/// `oracle_calls`.
pub(super) fn oracle_calls(tick: i64, world: &World, calls: &[Call]) -> Batch {
    let rows = || calls.iter();
    batch(
        tick,
        calls.len(),
        [
            ("agent_id", agents(world, rows().map(|call| call.agent))),
            ("engine", names(rows().map(|_| ENGINE))),
            ("signature_id", names(rows().map(|_| SIGNATURE))),
            ("persona_id", names(rows().map(|call| call.persona))),
            ("persona_hash", names(rows().map(|call| &call.persona_hash))),
            ("representation_hash", names(rows().map(|call| &call.representation_hash))),
            ("context_hash", names(rows().map(|call| &call.context_hash))),
            ("value_json", names(rows().map(|call| &call.value_json))),
            ("latency_ms", integers(rows().map(|call| call.latency_ms))),
            ("cache_hit", integers(rows().map(|call| i64::from(call.cache_hit)))),
            ("n_tool_calls", integers(rows().map(|call| call.tools))),
            ("tool_seq", structs(rows().map(|call| &call.tool_seq))?),
        ],
    )
}

/// `holdings`: every agent's coins and units of each token, also where there are none.
pub(super) fn holdings(tick: i64, world: &World) -> Batch {
    let rows = || {
        world.agents.iter().flat_map(|agent| {
            let tokens = TOKENS.iter().zip(&agent.positions).map(|(token, held)| (*token, held.quantity));
            tokens.chain([(MONEY, agent.coins)]).map(|(token, quantity)| (&*agent.name, token, quantity))
        })
    };
    batch(
        tick,
        rows().count(),
        [
            ("agent_id", names(rows().map(|(agent, ..)| agent))),
            ("token_id", names(rows().map(|(_, token, _)| token))),
            ("quantity", integers(rows().map(|(.., quantity)| quantity))),
        ],
    )
}

/// `holdings_valuation`: at weighted average cost, marked to the last trade.
pub(super) fn holdings_valuation(tick: i64, world: &World, market: &Market) -> Batch {
    let rows = || {
        world.agents.iter().flat_map(|agent| {
            agent.positions.iter().enumerate().map(move |(token, held)| (agent, token, held))
        })
    };
    let mark = |token: usize| market.last_price[token];
    batch(
        tick,
        rows().count(),
        [
            ("agent_id", names(rows().map(|(agent, ..)| &*agent.name))),
            ("token_id", names(rows().map(|(_, token, _)| TOKENS[token]))),
            ("quantity", integers(rows().map(|(.., held)| held.quantity))),
            ("avg_unit_cost", numbers(rows().map(|(.., held)| held.average_cost()))),
            ("cost_value", numbers(rows().map(|(.., held)| Some(held.cost)))),
            ("mark_price", numbers(rows().map(|(_, token, _)| Some(mark(token))))),
            ("mark_value", numbers(rows().map(|(_, token, held)| Some(held.quantity as f64 * mark(token))))),
            ("realized_pnl", numbers(rows().map(|(.., held)| Some(held.realized)))),
            (
                "unrealized_pnl",
                numbers(rows().map(|(_, token, held)| Some(held.quantity as f64 * mark(token) - held.cost))),
            ),
            ("price_source", names(rows().map(|_| "last_trade"))),
            ("accounting_method", names(rows().map(|_| "wac"))),
        ],
    )
}

/// All eight tables of a tick, in registry order.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) events: Vec<Event>,
    pub(super) edges: Vec<Edge>,
    pub(super) scenes: Vec<Scene>,
    pub(super) messages: Vec<Message>,
    pub(super) thoughts: Vec<Thought>,
    pub(super) calls: Vec<Call>,
}

impl Records {
    /// The batches of one tick, taken when everything in it has happened.
    pub(super) fn batches(
        &self,
        tick: i64,
        world: &World,
        market: &Market,
    ) -> Result<Vec<(TableName, RecordBatch)>, ArrowError> {
        Ok(vec![
            (TableName::Exchange, exchange(tick, world, &self.events)?),
            (TableName::IdentityEdges, identity_edges(tick, world, &self.edges)?),
            (TableName::ScenariosSeen, scenarios_seen(tick, world, &self.scenes)?),
            (TableName::Messages, messages(tick, world, &self.messages)?),
            (TableName::Decisions, decisions(tick, world, &self.thoughts)?),
            (TableName::OracleCalls, oracle_calls(tick, world, &self.calls)?),
            (TableName::Holdings, holdings(tick, world)?),
            (TableName::HoldingsValuation, holdings_valuation(tick, world, market)?),
        ])
    }
}
