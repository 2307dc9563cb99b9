//! Writing: rows are split by bucket, encoded as parts, made durable, and committed.
//!
//! All writes go through [`Transaction`]: an append is a transaction on one table, and a [`Writer`] buffers rows for
//! larger transactions.

mod options;
mod split;
mod stage;
mod summary;
mod transaction;

use crv_core::grammar::TableName;

#[cfg(feature = "inner")]
pub(crate) use split::split;

pub use options::AppendOptions;
pub use summary::{AppendSummary, PartSummary, TransactionSummary};
pub use transaction::Transaction;

use crate::commit::LogReader;
use crate::error::{Error, ErrorKind};
use crate::validate::ValidationError;

/// Rows that are cast at a time, which bounds memory beside the input.
pub(crate) const ROWS_AT_ONCE: usize = 32 * 1024;

/// The error for rows that do not fit their table.
pub(crate) fn refused(log: &LogReader, table: TableName, error: ValidationError) -> Error {
    let text = format!("{}: {error}", log.name(table));
    Error::caused_by(ErrorKind::Schema, text, error.hint(), error)
}
