//! What holds in every run of the little world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use crv_core::grammar::{ExchangeKind, RepresentationEdgeKind, TableName, Visibility};
use crv_core::tables::{Dtype, get_table, list_tables};
use crv_io::store::MemoryStore;
use crv_io::{AppendOptions, Dataset, IoSettings};

use super::Simulation;

type Tick = Vec<(TableName, RecordBatch)>;

fn run(seed: u64, agents: usize, ticks: usize) -> Vec<Tick> {
    let mut simulation = Simulation::new(seed, agents);
    (0..ticks).map(|_| simulation.step().unwrap()).collect()
}

fn table(ticks: &[Tick], wanted: TableName) -> impl Iterator<Item = &RecordBatch> {
    ticks.iter().flatten().filter(move |(name, _)| *name == wanted).map(|(_, batch)| batch)
}

fn text<'a>(batch: &'a RecordBatch, column: &str, row: usize) -> Option<&'a str> {
    let values = batch.column_by_name(column).unwrap().as_string::<i32>();
    values.is_valid(row).then(|| values.value(row))
}

fn integer(batch: &RecordBatch, column: &str, row: usize) -> i64 {
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().value(row)
}

fn number(batch: &RecordBatch, column: &str, row: usize) -> Option<f64> {
    let values = batch.column_by_name(column).unwrap().as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

#[test]
fn equal_seeds_give_equal_batches() {
    assert_eq!(run(7, 12, 40), run(7, 12, 40));
}

#[test]
fn different_seeds_give_different_batches() {
    assert_ne!(run(7, 12, 2), run(8, 12, 2));
}

#[test]
fn every_batch_fits_its_descriptor() {
    for agents in [0, 2, 3, 25] {
        for (tick, batches) in run(1, agents, 60).into_iter().enumerate() {
            let names: Vec<TableName> = batches.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, list_tables().iter().map(|table| table.name()).collect::<Vec<_>>());
            for (name, batch) in batches {
                let columns: Vec<_> =
                    get_table(name).columns().iter().filter(|column| column.name != "bucket").collect();
                assert_eq!(
                    batch.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
                    columns.iter().map(|column| column.name).collect::<Vec<_>>(),
                    "{name}"
                );
                assert!(batch.num_rows() > 0, "{name} is empty at tick {tick}");
                for (column, array) in columns.iter().zip(batch.columns()) {
                    let fits = match (column.dtype, array.data_type()) {
                        (Dtype::I64, DataType::Int64)
                        | (Dtype::F64, DataType::Float64)
                        | (Dtype::Str, DataType::Utf8)
                        | (Dtype::Struct, DataType::Struct(_)) => true,
                        (Dtype::ListStruct, DataType::List(item)) => item.data_type().is_nested(),
                        _ => false,
                    };
                    assert!(fits, "{name}.{} is {}", column.name, array.data_type());
                    assert!(!column.required || array.null_count() == 0, "{name}.{} has nulls", column.name);
                }
                assert!((0..batch.num_rows()).all(|row| integer(&batch, "tick", row) == tick as i64));
            }
        }
    }
}

#[test]
fn the_store_takes_every_tick_with_all_its_rules_and_gives_every_row_back() {
    let store = Arc::new(MemoryStore::new());
    let dataset = Dataset::with_store(IoSettings::default(), "demo", store).unwrap();
    let options = AppendOptions { validate_rows: true, ..AppendOptions::default() };
    let ticks = run(23, 8, 120);
    for batches in &ticks {
        let mut tick = dataset.transaction();
        for (name, batch) in batches {
            tick.append(*name, batch.clone(), options).unwrap();
        }
        tick.commit().unwrap();
    }
    for name in TableName::ALL {
        let recorded: usize = table(&ticks, *name).map(RecordBatch::num_rows).sum();
        let read =
            dataset.scan(*name).unwrap().batches().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
        assert_eq!(read, recorded, "{name}");
    }
}

#[test]
fn units_and_coins_are_neither_made_nor_lost() {
    let ticks = run(3, 30, 150);
    let mut totals = table(&ticks, TableName::Holdings).map(|batch| {
        let mut totals = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let quantity = integer(batch, "quantity", row);
            assert!(quantity >= 0, "nobody owes anything");
            *totals.entry(text(batch, "token_id", row).unwrap()).or_insert(0) += quantity;
        }
        totals
    });
    let first = totals.next().unwrap();
    assert_eq!(first.len(), 5);
    assert!(totals.all(|total| total == first));
}

#[test]
fn holdings_change_by_what_was_exchanged_and_by_nothing_else() {
    let ticks = run(5, 20, 80);
    let mut before = BTreeMap::new();
    for (tick, batches) in ticks.iter().enumerate() {
        let one = std::slice::from_ref(batches);
        let (exchange, holdings) = (
            table(one, TableName::Exchange).next().unwrap(),
            table(one, TableName::Holdings).next().unwrap(),
        );
        let mut expected = before;
        for row in 0..exchange.num_rows() {
            let (token, actor) = (text(exchange, "token_id", row), text(exchange, "actor_agent_id", row));
            let other = text(exchange, "counterparty_agent_id", row);
            let (Some(token), Some(actor), Some(other)) = (token, actor, other) else { continue };
            let quantity = number(exchange, "quantity", row).unwrap() as i64;
            let mut moves = |from: &str, to: &str, token: &str, quantity: i64| {
                *expected.entry((from.to_owned(), token.to_owned())).or_insert(0) -= quantity;
                *expected.entry((to.to_owned(), token.to_owned())).or_insert(0) += quantity;
            };
            match text(exchange, "exchange_event_type", row).unwrap() {
                "trade" => {
                    let coins = quantity * number(exchange, "price", row).unwrap() as i64;
                    let buys = text(exchange, "side", row) == Some("buy");
                    let (buyer, seller) = if buys { (actor, other) } else { (other, actor) };
                    moves(seller, buyer, token, quantity);
                    moves(buyer, seller, "Coin", coins);
                }
                "gift" => moves(actor, other, token, quantity),
                "swap" => {
                    let payload = exchange.column_by_name("additional_payload").unwrap().as_struct();
                    let wanted =
                        payload.column_by_name("output_token_id").unwrap().as_string::<i32>().value(row);
                    moves(actor, other, token, quantity);
                    moves(other, actor, wanted, 1);
                }
                event => panic!("a {event} has no counterparty"),
            }
        }
        let now: BTreeMap<(String, String), i64> = (0..holdings.num_rows())
            .map(|row| {
                let name = |column| text(holdings, column, row).unwrap().to_owned();
                ((name("agent_id"), name("token_id")), integer(holdings, "quantity", row))
            })
            .collect();
        assert!(tick == 0 || now == expected, "at tick {tick}");
        before = now;
    }
}

#[test]
fn every_edge_has_the_slots_its_kind_needs() {
    let ticks = run(11, 20, 60);
    let mut seen = BTreeSet::new();
    for batch in table(&ticks, TableName::IdentityEdges) {
        for row in 0..batch.num_rows() {
            let kind: RepresentationEdgeKind = text(batch, "edge_kind", row).unwrap().parse().unwrap();
            for slot in kind.required_slots() {
                assert!(text(batch, slot, row).is_some_and(|name| !name.is_empty()), "{kind} lacks {slot}");
            }
            seen.insert(kind);
        }
    }
    assert_eq!(seen.len(), RepresentationEdgeKind::ALL.len(), "every kind comes up: {seen:?}");
}

#[test]
fn kinds_sides_and_visibilities_are_the_grammars() {
    let ticks = run(13, 20, 60);
    let mut kinds = BTreeSet::new();
    for batch in table(&ticks, TableName::Exchange) {
        for row in 0..batch.num_rows() {
            kinds.insert(text(batch, "exchange_event_type", row).unwrap().parse::<ExchangeKind>().unwrap());
            assert!(matches!(text(batch, "side", row), None | Some("buy" | "sell")));
        }
    }
    for wanted in [
        ExchangeKind::Trade,
        ExchangeKind::OrderPost,
        ExchangeKind::OrderCancel,
        ExchangeKind::Swap,
        ExchangeKind::Gift,
        ExchangeKind::CastVote,
        ExchangeKind::VoteOutcome,
    ] {
        assert!(kinds.contains(&wanted), "no {wanted} among {kinds:?}");
    }
    for name in [TableName::Messages, TableName::ScenariosSeen] {
        for batch in table(&ticks, name) {
            for row in 0..batch.num_rows() {
                let visibility = text(batch, "visibility_scope", row).unwrap();
                assert!(visibility.parse::<Visibility>().is_ok(), "{visibility}");
            }
        }
    }
    for batch in table(&ticks, TableName::OracleCalls) {
        assert!((0..batch.num_rows()).all(|row| matches!(integer(batch, "cache_hit", row), 0 | 1)));
    }
}

#[test]
fn valuations_add_up() {
    for batch in table(&run(17, 20, 60), TableName::HoldingsValuation) {
        for row in 0..batch.num_rows() {
            let value = |column| number(batch, column, row).unwrap();
            let quantity = integer(batch, "quantity", row) as f64;
            assert!((value("mark_value") - quantity * value("mark_price")).abs() < 1e-6);
            assert!((value("unrealized_pnl") - (value("mark_value") - value("cost_value"))).abs() < 1e-6);
            let average = number(batch, "avg_unit_cost", row);
            assert_eq!(average.is_none(), quantity == 0.0);
            assert!((average.unwrap_or(0.0) * quantity - value("cost_value")).abs() < 1e-6);
        }
    }
}

#[test]
fn payloads_grow_with_what_happens() {
    let fields = |batch: &RecordBatch, column: &str| -> BTreeSet<String> {
        let payload = batch.column_by_name(column).unwrap().as_struct();
        payload.fields().iter().map(|field| field.name().clone()).collect()
    };
    let ticks = run(19, 6, 60);
    let each: Vec<_> =
        table(&ticks, TableName::Exchange).map(|batch| fields(batch, "additional_payload")).collect();
    let union: BTreeSet<_> = each.iter().flatten().collect();
    assert!(each[0].len() < union.len(), "the first tick has all of {union:?}");
}
