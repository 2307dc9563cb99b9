//! Totals of a manifest.

use crv_io::{TableId, TableManifest};
use serde::Serialize;

/// A table's totals.
#[derive(Debug, Serialize)]
pub(crate) struct TableFacts {
    pub(crate) table: TableId,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) parts: u64,
    pub(crate) buckets: u64,
    pub(crate) tick_min: Option<i64>,
    pub(crate) tick_max: Option<i64>,
    pub(crate) updated_at: String,
}

impl TableFacts {
    pub(crate) fn ticks(&self) -> Option<(i64, i64)> {
        self.tick_min.zip(self.tick_max)
    }
}

/// Sums counts. Saturates: a damaged manifest may claim more than a `u64` holds.
fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

impl From<&TableManifest> for TableFacts {
    fn from(manifest: &TableManifest) -> Self {
        let partitions = || manifest.partitions.values();
        Self {
            table: manifest.table,
            rows: total(partitions().map(|partition| partition.row_count)),
            bytes: total(partitions().map(|partition| partition.byte_size)),
            parts: partitions().map(|partition| partition.parts.len() as u64).sum(),
            buckets: manifest.partitions.len() as u64,
            tick_min: partitions().map(|partition| partition.tick_min).min(),
            tick_max: partitions().map(|partition| partition.tick_max).max(),
            updated_at: manifest.updated_at.clone(),
        }
    }
}

/// Totals over some tables.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) tick_min: Option<i64>,
    pub(crate) tick_max: Option<i64>,
}

impl Totals {
    pub(crate) fn add(&mut self, table: &TableFacts) {
        self.rows += table.rows;
        self.bytes += table.bytes;
        self.tick_min = self.tick_min.into_iter().chain(table.tick_min).min();
        self.tick_max = self.tick_max.into_iter().chain(table.tick_max).max();
    }
}
