//! Access to internal functions whose speed matters, for `benches/inner.rs`.
//!
//! Each function runs the same code as an append or a read. Only for measuring: the feature `inner` is off in
//! releases.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use jiff::Timestamp;

use crate::commit::decoders::{decode_commit, encode_commit};
use crate::commit::{Change, Commit, Operation, TableChange};
use crate::error::Result;
use crate::manifest::{self, Part, TableState};
use crate::paths::{BucketId, CommitNumber, PartId};
use crate::ticks::{TickRange, TickSpan};
use crate::write;

/// The table that every function here uses.
pub const TABLE: TableId = TableId::IDENTITY_EDGES;
/// Ticks in a bucket.
pub const BUCKET_SIZE: u64 = 100;

fn part(tick: u64) -> (BucketId, Part) {
    // Numbers that look random, the same each time.
    let id = u128::from(tick.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64
        | u128::from(tick.wrapping_mul(0xd134_2543_de82_ef95));
    let part = Part {
        id: PartId::new(id),
        rows: 200,
        bytes: 4_000 + tick % 1_000,
        ticks: TickSpan { min: tick as i64, max: tick as i64 },
        created_at: Timestamp::from_microsecond(1_758_764_279_953_009 + tick as i64 * 1_234)
            .unwrap_or_default(),
        crc32c: Some(tick.wrapping_mul(0x9e37_79b9) as u32),
        provisional: false,
    };
    (BucketId::new(tick / BUCKET_SIZE), part)
}

/// A table after this many appends of one tick each.
pub fn state(appends: u64) -> TableState {
    let now = Timestamp::from_second(1_758_764_279).unwrap_or_default();
    let mut state = TableState::new(TABLE, Some(BUCKET_SIZE), CommitNumber::new(appends), now);
    for tick in 0..appends {
        let (bucket, part) = part(tick);
        state.add(bucket, part);
    }
    state
}

/// The bytes of a table's manifest.
pub fn encode_manifest(state: &TableState) -> Vec<u8> {
    manifest::encode(state).unwrap_or_default()
}

/// How many parts a manifest names; `None` if it cannot be decoded.
pub fn decode_manifest(document: &[u8]) -> Option<u64> {
    manifest::decode(TABLE, document).ok().map(|decoded| decoded.state.part_count())
}

/// How many parts of a table may hold rows of one tick.
pub fn prune(state: &TableState, tick: i64) -> usize {
    state.parts_in(TickRange::from(tick..=tick)).count()
}

/// The commit files of `appends` appends of one tick each, after `after` others.
pub fn commit_files(after: u64, appends: u64) -> Vec<Vec<u8>> {
    let file = |tick: u64| {
        let (bucket, part) = part(tick);
        let created_at = part.created_at;
        let change = TableChange { add: vec![(bucket, part)], ..TableChange::default() };
        let change = Change { operation: Operation::Append, tables: BTreeMap::from([(TABLE, change)]) };
        let id = "cf10d9ce-9cb8-4698-8ed3-fbb5bcc11bb9".to_owned();
        encode_commit(&Commit { number: CommitNumber::new(tick + 1), id, created_at, change })
            .unwrap_or_default()
    };
    (after..after + appends).map(file).collect()
}

/// Decodes commit files and applies them to a table; returns whether all succeeded.
pub fn replay(state: &mut TableState, files: &[Vec<u8>]) -> bool {
    files
        .iter()
        .all(|file| decode_commit(state.commit.next(), file).is_ok_and(|commit| commit.apply(state).is_ok()))
}

/// The number of buckets that rows of these ticks go into.
pub fn split(ticks: &[i64]) -> Result<usize> {
    write::split([ticks].into_iter(), BUCKET_SIZE).map(|buckets| buckets.len())
}
