//! Options, progress and report of a compaction.

use crv_core::tables::TableId;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::manifest::Part;
use crate::ticks::TickRange;

/// What a compaction merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactOptions {
    /// Merge only buckets with ticks of this range.
    pub ticks: TickRange,
    /// Stop after parts of this many bytes, at least 1, and leave the rest for another call.
    pub max_bytes: Option<u64>,
}

impl CompactOptions {
    pub(crate) fn check(&self) -> Result<()> {
        if self.max_bytes == Some(0) {
            return Err(Error::argument("`max_bytes` is 0, and must be at least 1")
                .with_hint("leave it out to merge everything"));
        }
        Ok(())
    }
}

/// The progress of a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactProgress {
    /// Parts read so far.
    pub parts: u64,
    /// Parts to read in total.
    pub of: u64,
}

/// The report of a compaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompactReport {
    /// The table.
    pub table: TableId,
    /// Parts that were replaced. They stay on disk until a vacuum removes them.
    pub parts_before: u64,
    /// Merged parts that replaced them.
    pub parts_after: u64,
    /// Bytes of the replaced parts.
    pub bytes_before: u64,
    /// Bytes of the merged parts.
    pub bytes_after: u64,
    /// Rows in the merged parts.
    pub rows: u64,
    /// The numbers of the commits that replaced the parts.
    pub commits: Vec<u64>,
    /// Merges that were dropped because another writer had replaced the same parts.
    pub gave_way: u64,
    /// Merges that were left for another call.
    pub left: u64,
}

impl CompactReport {
    pub(super) fn of(table: TableId) -> Self {
        Self {
            table,
            parts_before: 0,
            parts_after: 0,
            bytes_before: 0,
            bytes_after: 0,
            rows: 0,
            commits: Vec::new(),
            gave_way: 0,
            left: 0,
        }
    }

    pub(super) fn count(&mut self, parts: u64, bytes: u64, merged: &Part) {
        self.parts_before += parts;
        self.parts_after += 1;
        self.bytes_before += bytes;
        self.bytes_after += merged.bytes;
        self.rows += merged.rows;
    }
}
