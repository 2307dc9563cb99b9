//! What holds in every simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crv_core::grammar::{ExchangeKind, RepresentationEdgeKind, TableName, Visibility};
use crv_core::hashing::hash_context;
use crv_core::schema::{
    ActionCandidate, DecisionRow, ExchangeRow, HoldingsRow, HoldingsValuationRow, IdentityEdgeRow,
    MessageRow, OracleCallRow, ScenarioRow, Side, TableRow,
};
use crv_core::typing::JsonDict;
use crv_io::store::MemoryStore;
use crv_io::{AppendOptions, Dataset, IoSettings};
use crv_schema::Frame;
use crv_schema::rows::rows_from_frame;
use serde_json::{Value, json};

use super::Simulation;
use crate::holdings::Position;

type Tick = Vec<(TableName, Frame)>;

fn run(seed: u64, agents: usize, ticks: usize) -> Vec<Tick> {
    let mut simulation = Simulation::new(seed, agents);
    (0..ticks).map(|_| simulation.step().unwrap()).collect()
}

/// The rows of one table in each tick. Reading them checks every rule of the table.
fn rows<R: TableRow>(ticks: &[Tick]) -> Vec<Vec<R>> {
    let frames = ticks.iter().flatten().filter(|(table, _)| *table == R::TABLE);
    frames.map(|(_, frame)| rows_from_frame(frame).unwrap()).collect()
}

fn all<R: TableRow>(ticks: &[Tick]) -> Vec<R> {
    rows(ticks).into_iter().flatten().collect()
}

fn are_equal(a: &[Tick], b: &[Tick]) -> bool {
    let batches = |ticks: &[Tick]| -> Vec<_> {
        ticks.iter().flatten().map(|(table, frame)| (*table, frame.batches().to_vec())).collect()
    };
    batches(a) == batches(b)
}

#[test]
fn the_seed_determines_the_rows() {
    assert!(are_equal(&run(7, 12, 40), &run(7, 12, 40)));
    assert!(!are_equal(&run(7, 12, 2), &run(8, 12, 2)));
}

#[test]
fn every_tick_has_all_tables_in_order_and_none_is_empty() {
    fn ticks_of<R: TableRow>(ticks: &[Tick]) {
        for (tick, rows) in rows::<R>(ticks).iter().enumerate() {
            assert!(!rows.is_empty(), "{} is empty in tick {tick}", R::TABLE);
            // The tick is the first column of every table.
            assert!(rows.iter().all(|row| format!("{:?}", row.to_cells()[0]) == format!("Int({tick})")));
        }
    }
    for agents in [0, 2, 3, 25] {
        let ticks = run(1, agents, 60);
        for tick in &ticks {
            assert_eq!(tick.iter().map(|(table, _)| *table).collect::<Vec<_>>(), TableName::ALL);
        }
        ticks_of::<ExchangeRow>(&ticks);
        ticks_of::<IdentityEdgeRow>(&ticks);
        ticks_of::<ScenarioRow>(&ticks);
        ticks_of::<MessageRow>(&ticks);
        ticks_of::<DecisionRow>(&ticks);
        ticks_of::<OracleCallRow>(&ticks);
        ticks_of::<HoldingsRow>(&ticks);
        ticks_of::<HoldingsValuationRow>(&ticks);
    }
}

#[test]
fn the_store_accepts_every_tick_under_all_rules_and_returns_every_row() {
    let store = Arc::new(MemoryStore::new());
    let dataset = Dataset::with_store(IoSettings::default(), "demo", store).unwrap();
    let options = AppendOptions { validate_rows: true, ..AppendOptions::default() };
    let ticks = run(23, 8, 120);
    for tick in &ticks {
        let mut transaction = dataset.transaction();
        for (table, frame) in tick {
            transaction.append(*table, frame.clone(), options).unwrap();
        }
        transaction.commit().unwrap();
    }
    for table in TableName::ALL {
        let frames = ticks.iter().flatten().filter(|(name, _)| name == table);
        let recorded: usize = frames.map(|(_, frame)| frame.num_rows()).sum();
        let read = dataset.scan(*table).unwrap().batches().map(|batch| batch.unwrap().num_rows());
        assert_eq!(read.sum::<usize>(), recorded, "{table}");
    }
}

#[test]
fn units_and_coins_are_neither_made_nor_lost() {
    let totals = rows::<HoldingsRow>(&run(3, 30, 150)).into_iter().map(|holdings| {
        let mut totals = BTreeMap::new();
        for HoldingsRow { token_id, quantity, .. } in holdings {
            assert!(quantity >= 0, "a debt");
            *totals.entry(token_id).or_insert(0) += quantity;
        }
        totals
    });
    let totals: BTreeSet<_> = totals.collect();
    assert_eq!((totals.len(), totals.first().unwrap().len()), (1, 5));
}

#[test]
fn holdings_change_by_what_was_exchanged_and_by_nothing_else() {
    let ticks = run(5, 20, 80);
    let held = rows::<HoldingsRow>(&ticks).into_iter();
    let held: Vec<BTreeMap<_, _>> = held
        .map(|rows| rows.into_iter().map(|row| ((row.agent_id, row.token_id), row.quantity)).collect())
        .collect();
    for (exchange, held) in rows::<ExchangeRow>(&ticks).into_iter().skip(1).zip(held.windows(2)) {
        let mut expected = held[0].clone();
        for row in exchange {
            let (Some(actor), Some(other)) = (row.actor_agent_id, row.counterparty_agent_id) else {
                continue;
            };
            let mut moved = |from: &str, to: &str, token: &str, quantity: i64| {
                *expected.get_mut(&(from.to_owned(), token.to_owned())).unwrap() -= quantity;
                *expected.get_mut(&(to.to_owned(), token.to_owned())).unwrap() += quantity;
            };
            let quantity = row.quantity.unwrap() as i64;
            match row.exchange_event_type {
                ExchangeKind::Trade => {
                    let buys = row.side == Some(Side::Buy);
                    let (buyer, seller) = if buys { (&actor, &other) } else { (&other, &actor) };
                    moved(seller, buyer, &row.token_id, quantity);
                    moved(buyer, seller, "Coin", quantity * row.price.unwrap() as i64);
                }
                ExchangeKind::Gift => moved(&actor, &other, &row.token_id, quantity),
                ExchangeKind::Swap => {
                    let wanted = row.additional_payload["output_token_id"].as_str().unwrap();
                    moved(&actor, &other, &row.token_id, quantity);
                    moved(&other, &actor, wanted, 1);
                }
                kind => panic!("{kind} has a counterparty"),
            }
        }
        assert_eq!(held[1], expected);
    }
}

#[test]
fn every_kind_and_visibility_occurs() {
    let ticks = run(13, 20, 60);
    let edges: BTreeSet<_> = all::<IdentityEdgeRow>(&ticks).iter().map(|row| row.edge_kind).collect();
    assert_eq!(edges, RepresentationEdgeKind::ALL.iter().copied().collect());
    let events: BTreeSet<_> = all::<ExchangeRow>(&ticks).iter().map(|row| row.exchange_event_type).collect();
    let peer = [ExchangeKind::PeerOffer, ExchangeKind::PeerAccept, ExchangeKind::PeerReject];
    assert_eq!(events, ExchangeKind::ALL.iter().copied().filter(|kind| !peer.contains(kind)).collect());
    let visible: BTreeSet<_> = all::<MessageRow>(&ticks).iter().map(|row| row.visibility_scope).collect();
    assert_eq!(visible, [Visibility::Public, Visibility::Group, Visibility::Dm].into());
    let hits: BTreeSet<_> = all::<OracleCallRow>(&ticks).iter().map(|row| row.cache_hit).collect();
    assert_eq!(hits, [false, true].into());
}

#[test]
fn decisions_are_valid_actions_and_the_best_is_chosen() {
    let ticks = run(29, 12, 40);
    for (row, call) in all::<DecisionRow>(&ticks).into_iter().zip(all::<OracleCallRow>(&ticks)) {
        let action = |payload: &JsonDict| -> ActionCandidate {
            serde_json::from_value(Value::Object(payload.clone())).unwrap()
        };
        let candidates: Vec<_> = row.action_candidates.iter().map(action).collect();
        assert_eq!(candidates[0], action(&row.chosen_action));
        assert!(candidates.is_sorted_by(|a, b| a.score >= b.score));
        let answer: JsonDict = serde_json::from_str(&call.value_json).unwrap();
        assert_eq!(action(&answer), candidates[0]);
        assert_eq!(row.agent_id, call.agent_id);
    }
}

#[test]
fn the_hash_of_a_context_is_that_of_its_columns() {
    for row in all::<ScenarioRow>(&run(31, 12, 20)) {
        let context = json!({
            "token_id": row.token_id, "owner_status": row.owner_status,
            "peer_alignment_label": row.peer_alignment_label, "group_label": row.group_label,
            "exchange_snapshot": row.exchange_snapshot,
        });
        assert_eq!(row.context_hash, hash_context(&context).unwrap());
    }
}

#[test]
fn valuations_add_up() {
    for row in all::<HoldingsValuationRow>(&run(17, 20, 60)) {
        let quantity = row.quantity as f64;
        let (cost, mark) = (row.cost_value.unwrap(), row.mark_value.unwrap());
        assert!((mark - quantity * row.mark_price.unwrap()).abs() < 1e-6);
        assert!((row.unrealized_pnl.unwrap() - (mark - cost)).abs() < 1e-6);
        assert_eq!(row.avg_unit_cost.is_none(), row.quantity == 0);
        assert!((row.avg_unit_cost.unwrap_or(0.0) * quantity - cost).abs() < 1e-6);
    }
}

#[test]
fn units_leave_at_the_average_cost_and_the_rest_is_profit() {
    let mut position = Position { quantity: 2, cost: 20.0, realized: 0.0 };
    position.take(2, 40.0);
    position.give(1, 25.0);
    assert_eq!(position.average_cost(), Some(15.0));
    assert_eq!((position.quantity, position.cost, position.realized), (3, 45.0, 10.0));
    position.give(3, 0.0);
    assert_eq!((position.quantity, position.cost, position.realized), (0, 0.0, -35.0));
    assert_eq!(position.average_cost(), None);
}

#[test]
fn payload_fields_differ_from_tick_to_tick() {
    fn shapes<R: TableRow>(ticks: &[Tick], payload: fn(&R) -> &JsonDict) -> usize {
        let shape = |rows: Vec<R>| -> BTreeSet<String> {
            rows.iter().flat_map(|row| payload(row).keys().cloned()).collect()
        };
        rows::<R>(ticks).into_iter().map(shape).collect::<BTreeSet<_>>().len()
    }
    let ticks = run(19, 6, 60);
    assert!(shapes::<ExchangeRow>(&ticks, |row| &row.additional_payload) > 3);
    assert!(shapes::<ScenarioRow>(&ticks, |row| &row.exchange_snapshot) > 1);
    assert!(shapes::<MessageRow>(&ticks, |row| &row.claims) > 1);
    assert!(shapes::<DecisionRow>(&ticks, |row| &row.token_value_estimates) > 1);
}
