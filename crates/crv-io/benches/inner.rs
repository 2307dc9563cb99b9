//! Benchmarks of internal operations, without a disk: `make bench-inner`. `benches/` at the top compares the whole
//! store with others, on a disk.

#![expect(clippy::unwrap_used, reason = "a failing benchmark panics")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use crv_io::store::MemoryStore;
use crv_io::{AppendOptions, Dataset, IoSettings, TableId, inner};
use divan::Bencher;

fn main() {
    divan::main();
}

const PARTS: [u64; 2] = [1_000, 100_000];

#[divan::bench(args = PARTS)]
fn encode_manifest(bencher: Bencher<'_, '_>, parts: u64) {
    let state = inner::state(parts);
    bencher.bench(|| inner::encode_manifest(&state));
}

#[divan::bench(args = PARTS)]
fn decode_manifest(bencher: Bencher<'_, '_>, parts: u64) {
    let document = inner::encode_manifest(&inner::state(parts));
    bencher.bench(|| inner::decode_manifest(&document).unwrap());
}

#[divan::bench(args = PARTS)]
fn prune_to_one_tick(bencher: Bencher<'_, '_>, parts: u64) {
    let state = inner::state(parts);
    bencher.bench(|| inner::prune(&state, parts as i64 / 2));
}

/// The most commit files that a reader replays after the manifest of a run of `parts` parts.
#[divan::bench(args = PARTS)]
fn replay_a_sixteenth(bencher: Bencher<'_, '_>, parts: u64) {
    let (before, files) = (inner::state(parts), inner::commit_files(parts, parts / 16));
    let replay = |mut state| assert!(inner::replay(&mut state, &files));
    bencher.with_inputs(|| before.clone()).bench_values(replay);
}

#[divan::bench(args = [false, true])]
fn split_two_million_rows(bencher: Bencher<'_, '_>, sorted: bool) {
    let tick = |row: i64| if sorted { row / 200 } else { row * 7_919 % 10_000 };
    let ticks: Vec<i64> = (0..2_000_000).map(tick).collect();
    bencher.bench(|| inner::split(&ticks).unwrap());
}

fn edges(ticks: &[i64]) -> RecordBatch {
    let rows = ticks.len();
    let named = |prefix: &str, among: usize| {
        StringArray::from_iter_values((0..rows).map(|row| format!("{prefix}{}", row * 7_919 % among)))
    };
    let weights = (0..rows).map(|row| (row as f64).sin());
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(ticks.to_vec())) as ArrayRef),
        ("observer_agent_id", Arc::new(named("A", 499))),
        ("edge_kind", Arc::new(StringArray::from(vec!["self_to_object"; rows]))),
        ("subject_id", Arc::new(named("S", 487))),
        ("token_id", Arc::new(named("T", 47))),
        ("edge_weight", Arc::new(Float64Array::from_iter_values(weights))),
    ])
    .unwrap()
}

fn dataset() -> Dataset {
    Dataset::with_store(IoSettings::default(), "bench", Arc::new(MemoryStore::new())).unwrap()
}

/// An append without the disk: validation, encoding, the commit.
#[divan::bench(args = [200, 20_000])]
fn append_a_tick(bencher: Bencher<'_, '_>, rows: usize) {
    let dataset = dataset();
    let frame = edges(&vec![7; rows]);
    bencher
        .bench(|| dataset.append(TableId::IDENTITY_EDGES, frame.clone(), AppendOptions::default()).unwrap());
}

/// A scan of parts of 200 rows each, from memory.
#[divan::bench(args = [1, 100])]
fn scan_small_parts(bencher: Bencher<'_, '_>, parts: i64) {
    let dataset = dataset();
    for tick in 0..parts {
        dataset.append(TableId::IDENTITY_EDGES, edges(&[tick; 200]), AppendOptions::default()).unwrap();
    }
    let rows = || -> usize {
        let batches = dataset.scan(TableId::IDENTITY_EDGES).unwrap().batches();
        batches.map(|batch| batch.unwrap().num_rows()).sum()
    };
    bencher.bench(rows);
}
