//! Random states for property tests.

use std::sync::Arc;

use crv_core::grammar::TableName;
use crv_core::tables::TableId;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::manifest::{Part, TableState};
use crate::paths::{BucketId, CommitNumber, PartId};
use crate::ticks::TickSpan;
use crv_schema::schema::{Descriptor, TableSchema};
use crv_schema::testing::schemas::{declared_fields, table_schema};

/// Counts, often those at the ends of the range.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1), 1_u64..1000, 1..=i64::MAX as u64, Just(i64::MAX as u64)]
}

/// Any time that a document can hold.
pub fn time() -> impl Strategy<Value = Timestamp> {
    let ends = (Timestamp::MIN.as_second() * 1_000_000, Timestamp::MAX.as_second() * 1_000_000);
    prop_oneof![Just(ends.0), Just(ends.1), ends.0..=ends.1, 1_700_000_000_000_000_i64..1_800_000_000_000_000]
        .prop_map(|time| Timestamp::from_microsecond(time).unwrap())
}

/// Ticks per bucket: unset, and from the smallest to the largest.
pub fn bucket_size() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        Just(None),
        Just(Some(1)),
        Just(Some(u64::MAX)),
        Just(Some(i64::MAX as u64)),
        any::<u64>().prop_map(|size| Some(size.max(1)))
    ]
}

/// Any part, in the bucket where it belongs when buckets have `size` ticks.
pub fn part(size: Option<u64>) -> impl Strategy<Value = (BucketId, Part)> {
    let tick = prop_oneof![Just(0), Just(i64::MAX), 0..=i64::MAX, 0_i64..1000];
    let place = (tick, any::<u64>(), any::<u128>(), 0_u64..5);
    let rest = (count(), count(), time(), any::<Option<u32>>(), any::<bool>());
    (place, rest).prop_map(
        move |((tick, reach, id, bucket), (rows, bytes, created_at, crc32c, provisional))| {
            let bucket = size.map_or(BucketId::new(bucket), |size| BucketId::of_tick(tick, size).unwrap());
            let last = size.and_then(|size| bucket.ticks(size)).map_or(i64::MAX, |(_, last)| last);
            let max = tick + (reach % ((last - tick) as u64 + 1)) as i64;
            let ticks = TickSpan { min: tick, max };
            (bucket, Part { id: PartId::new(id), rows, bytes, ticks, created_at, crc32c, provisional })
        },
    )
}

/// Any table.
pub fn table() -> impl Strategy<Value = TableId> {
    let declared = "[a-z]{1,6}(_[a-z0-9]{1,6})?".prop_map(|name| TableId::new(&name).unwrap());
    prop_oneof![3 => prop::sample::select(TableName::ALL.to_vec()).prop_map(TableId::of), 1 => declared]
}

/// Any schema that a table may have, or none.
pub fn schema() -> impl Strategy<Value = Option<Arc<TableSchema>>> {
    prop::option::of(table_schema().prop_map(Arc::new))
}

/// A declaration of this table, or none: canonical tables have none.
pub fn declared(table: TableId) -> impl Strategy<Value = Option<Descriptor>> {
    prop::option::of(declared_fields()).prop_map(move |fields| Descriptor::declared(table, fields?).ok())
}

/// Records of parts that were taken out or vacuumed: mostly none.
fn notes() -> impl Strategy<Value = Vec<(BucketId, PartId, Timestamp)>> {
    let note = (any::<u64>(), any::<u128>(), time())
        .prop_map(|(bucket, id, at)| (BucketId::new(bucket), PartId::new(id), at));
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(note, 1..4)]
}

/// Any state as of `commit`.
pub fn state_at(commit: impl Strategy<Value = CommitNumber>) -> impl Strategy<Value = TableState> {
    let parts = bucket_size().prop_flat_map(|size| (Just(size), prop::collection::vec(part(size), 0..6)));
    let table = table().prop_flat_map(|table| (Just(table), declared(table)));
    (table, commit, time(), time(), parts, schema(), notes(), notes()).prop_map(
        |((table, declared), commit, created_at, updated_at, (size, parts), schema, vacuumed, removed)| {
            let mut state = TableState::new(table, size, commit, created_at);
            state.declared = declared;
            state.updated_at = updated_at;
            state.schema = schema;
            for (bucket, part) in parts {
                state.add(bucket, part);
            }
            for (bucket, id, at) in vacuumed {
                state.remember_vacuumed(bucket, id, at);
            }
            for (bucket, id, at) in removed {
                state.remember_removed(bucket, id, at);
            }
            state
        },
    )
}

/// Any commit number, often those at the ends of the range.
pub fn commit() -> impl Strategy<Value = CommitNumber> {
    prop_oneof![Just(1), Just(u64::MAX - 1), 1..u64::MAX].prop_map(CommitNumber::new)
}
