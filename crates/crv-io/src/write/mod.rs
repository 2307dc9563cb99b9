//! Writing: rows are split by bucket, encoded as parts, made durable, and committed.
//!
//! [`Transaction`] is the one path: an append is a transaction of one table.

mod encode;
mod split;
mod stage;
mod summary;
mod transaction;

#[cfg(feature = "inner")]
pub(crate) use split::split;

pub use summary::{AppendSummary, PartSummary, TransactionSummary};
pub use transaction::{AppendOptions, Transaction};
