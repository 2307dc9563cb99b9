//! The manifest as users, Python and `--json` see it: the keys that every implementation knows, and no others.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use serde::{Deserialize, Serialize};

use super::state::{Part, Partition, TableState};
use crate::json_map::unique_keys;
use crate::stamp;

/// A table's parts and totals. Times are ISO-8601 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableManifest {
    /// The table.
    pub table: TableId,
    /// The version of this document; 1.
    pub version: u32,
    /// When the table was first written.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// By bucket number with at least six digits.
    #[serde(deserialize_with = "unique_keys")]
    pub partitions: BTreeMap<String, PartitionMeta>,
}

/// One bucket's parts and totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionMeta {
    /// The bucket's number.
    pub bucket_id: u64,
    /// Always `ready`.
    pub state: String,
    /// The first tick.
    pub tick_min: i64,
    /// The last tick.
    pub tick_max: i64,
    /// Rows of all parts.
    pub row_count: u64,
    /// Bytes of all parts.
    pub byte_size: u64,
    /// The parts, in the order they were appended.
    pub parts: Vec<PartMeta>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMeta {
    /// Relative to the bucket's directory.
    pub path: String,
    /// Rows in the part.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// The first tick.
    pub tick_min: i64,
    /// The last tick.
    pub tick_max: i64,
    /// When it was created; of a merged part, when its merge was committed.
    pub created_at: String,
}

impl From<&Part> for PartMeta {
    fn from(part: &Part) -> Self {
        Self {
            path: part.id.file_name(),
            rows: part.rows,
            bytes: part.bytes,
            tick_min: part.ticks.min,
            tick_max: part.ticks.max,
            created_at: stamp::text(part.created_at),
        }
    }
}

impl PartitionMeta {
    /// The `state` of every partition.
    pub const READY: &'static str = "ready";

    /// The entry of a partition.
    pub fn of(bucket_id: u64, partition: &Partition) -> Self {
        let ticks = partition.ticks();
        Self {
            bucket_id,
            state: Self::READY.to_owned(),
            tick_min: ticks.map_or(0, |ticks| ticks.min),
            tick_max: ticks.map_or(0, |ticks| ticks.max),
            row_count: partition.rows(),
            byte_size: partition.bytes(),
            parts: partition.parts().iter().map(PartMeta::from).collect(),
        }
    }
}

impl TableManifest {
    /// The version of every manifest.
    pub const VERSION: u32 = 1;
}

impl From<&TableState> for TableManifest {
    fn from(state: &TableState) -> Self {
        let partitions = state.partitions().iter();
        Self {
            table: state.table,
            version: Self::VERSION,
            created_at: stamp::text(state.created_at),
            updated_at: stamp::text(state.updated_at),
            partitions: partitions
                .map(|(bucket, partition)| (bucket.key(), PartitionMeta::of(bucket.get(), partition)))
                .collect(),
        }
    }
}
