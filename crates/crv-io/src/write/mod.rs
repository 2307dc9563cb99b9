//! Writing: rows are split by bucket, encoded as parts, made durable, and committed.
//!
//! All writes go through [`Transaction`]: an append is a transaction on one table, and a [`Writer`] buffers rows for
//! larger transactions.

mod checkpoint;
mod options;
mod split;
mod stage;
mod summary;
mod transaction;

#[cfg(feature = "inner")]
pub(crate) use split::split;

pub use checkpoint::{CheckpointOptions, ModelState};
pub use options::AppendOptions;
pub use summary::{AppendSummary, PartSummary, TransactionSummary};
pub use transaction::Transaction;
pub(crate) use transaction::{descriptor, prepared, refused};

/// Rows that are cast at a time, which bounds memory beside the input.
pub(crate) const ROWS_AT_ONCE: usize = 32 * 1024;
