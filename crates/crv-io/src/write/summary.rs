//! Results of appends and transactions.

use crv_core::ids::RunId;
use crv_core::tables::TableId;
use serde::Serialize;

/// The result of an append, or of one append of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppendSummary {
    /// The table.
    pub table: TableId,
    /// The run.
    pub run_id: RunId,
    /// Rows that were appended.
    pub rows: u64,
    /// The buckets of these rows, sorted.
    pub buckets: Vec<u64>,
    /// The parts that were written, by bucket.
    pub parts: Vec<PartSummary>,
    /// The commit that made them visible; `None` if there were no rows.
    pub commit: Option<u64>,
}

/// A part that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartSummary {
    /// Its bucket.
    pub bucket_id: u64,
    /// Its path, relative to the root directory.
    pub path: String,
    /// Rows in the part.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// The first tick.
    pub tick_min: i64,
    /// The last tick.
    pub tick_max: i64,
}

/// The result of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransactionSummary {
    /// The commit that made all rows visible; `None` if there were no rows.
    pub commit: Option<u64>,
    /// The appends, in call order.
    pub tables: Vec<AppendSummary>,
}
