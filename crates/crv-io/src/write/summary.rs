//! What an append came to.

use crv_core::grammar::TableName;
use crv_core::ids::RunId;
use serde::Serialize;

/// What an append, or a transaction's part in one table, came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppendSummary {
    /// The table.
    pub table: TableName,
    /// The run.
    pub run_id: RunId,
    /// How many rows were appended.
    pub rows: u64,
    /// The buckets they lie in, sorted.
    pub buckets: Vec<u64>,
    /// The parts that were made, by bucket.
    pub parts: Vec<PartSummary>,
    /// The commit that made them visible; `None` when there was nothing to append.
    pub commit: Option<u64>,
}

/// A part that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartSummary {
    /// The bucket it lies in.
    pub bucket_id: u64,
    /// Its final path, from the root directory on.
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

/// What a transaction came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TransactionSummary {
    /// The one commit that made everything visible; `None` when there was nothing to append.
    pub commit: Option<u64>,
    /// What was appended, in the order of the calls.
    pub tables: Vec<AppendSummary>,
}
