//! The totals of a run's tables, from manifests and the log alone.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use serde::Serialize;

use crate::config::IoSettings;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::manifest::TableState;

/// The totals of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableIndex {
    /// Rows of all parts.
    pub rows: u64,
    /// Bytes of all parts.
    pub bytes: u64,
    /// The first tick; `None` without rows.
    pub tick_min: Option<i64>,
    /// The last tick; `None` without rows.
    pub tick_max: Option<i64>,
    /// The buckets with rows, sorted.
    pub buckets: Vec<u64>,
}

impl From<&TableState> for TableIndex {
    fn from(state: &TableState) -> Self {
        let ticks = state.ticks();
        let filled = state.partitions().iter().filter(|(_, partition)| !partition.parts().is_empty());
        Self {
            rows: state.rows(),
            bytes: state.bytes(),
            tick_min: ticks.map(|ticks| ticks.min),
            tick_max: ticks.map(|ticks| ticks.max),
            buckets: filled.map(|(bucket, _)| bucket.get()).collect(),
        }
    }
}

/// Returns the totals of each table of a run; empty for a run without tables. No part is opened.
pub fn collect_tables_index(settings: &IoSettings, run_id: &str) -> Result<BTreeMap<TableId, TableIndex>> {
    Dataset::open(settings.clone(), run_id)?.tables_index()
}

impl Dataset {
    /// Returns the totals of each table of this run. No part is opened.
    pub fn tables_index(&self) -> Result<BTreeMap<TableId, TableIndex>> {
        let states = self.log().table_index()?;
        Ok(states.iter().map(|state| (state.table, TableIndex::from(&**state))).collect())
    }
}
