//! Writing: rows are split by bucket, encoded as parts, made durable, and committed.
//!
//! All writes go through [`Transaction`]: an append is a transaction on one table, and a [`Writer`] buffers rows for
//! larger transactions.

mod encode;
mod options;
mod split;
mod stage;
mod summary;
mod transaction;
mod writer;

use crv_core::grammar::TableName;

pub(crate) use encode::Encoder;
#[cfg(feature = "inner")]
pub(crate) use split::split;

pub use options::AppendOptions;
pub use summary::{AppendSummary, PartSummary, TransactionSummary};
pub use transaction::Transaction;
pub use writer::{CommitOutcome, Writer, WriterOptions};

use crate::commit::RunLog;
use crate::error::{Error, ErrorKind};
use crate::validate::ValidationError;

/// Rows that are cast at a time, which bounds memory beside the input.
const ROWS_AT_ONCE: usize = 32 * 1024;

/// The error for rows that do not fit their table.
fn refused(log: &RunLog, table: TableName, error: ValidationError) -> Error {
    let hint = error.hint();
    let text = format!("{}: {error}", log.name(table));
    let error = Error::new(ErrorKind::Schema, text).with_source(error);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
