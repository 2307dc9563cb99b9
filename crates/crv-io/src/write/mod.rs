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

use crv_core::tables::TableId;

#[cfg(feature = "inner")]
pub(crate) use split::split;

pub use checkpoint::{CheckpointOptions, ModelState};
pub use options::AppendOptions;
pub use summary::{AppendSummary, PartSummary, TransactionSummary};
pub use transaction::Transaction;

use crate::commit::{Definition, LogReader};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Descriptor;
use crate::validate::{PrepareOptions, Prepared, ValidationError, prepare};
use crv_schema::Frame;

/// Rows that are cast at a time, which bounds memory beside the input.
pub(crate) const ROWS_AT_ONCE: usize = 32 * 1024;

/// The error for rows that do not fit their table.
pub(crate) fn refused(log: &LogReader, table: TableId, error: ValidationError) -> Error {
    let text = format!("{}: {error}", log.name(table));
    let hint = match &error {
        ValidationError::Columns { missing, unknown }
            if table.canonical().is_none() && missing.is_empty() =>
        {
            let them = if unknown.len() == 1 { "it" } else { "them" };
            Some(format!("declare {them} first: Dataset.declare, or append(…, declare=True); or drop {them}"))
        }
        _ => error.hint(),
    };
    Error::caused_by(ErrorKind::Schema, text, hint, error)
}

/// Prepares a frame for the table that `known` defines. A frame that does not fit is compared once more with the newest
/// declaration, which `known` then is: another handle may have declared further columns.
pub(crate) fn prepared(
    log: &LogReader,
    known: &mut Definition,
    frame: &Frame,
    checks: PrepareOptions,
) -> Result<Prepared> {
    let table = known.descriptor.id();
    match prepare(&known.descriptor, frame, &checks, &known.schema) {
        Ok(prepared) => Ok(prepared),
        Err(error) => {
            let newer = log.newer_definition(&known.descriptor).map_err(Error::while_writing)?;
            let Some(newer) = newer else { return Err(refused(log, table, error)) };
            // Rows that wait for the commit may have extended the schema.
            let schema = newer.schema.union(&known.schema).map_err(ValidationError::Conflict);
            let schema = schema.map_err(|error| refused(log, table, error))?;
            *known = Definition { schema: schema.into(), is_new: known.is_new, ..newer };
            prepare(&known.descriptor, frame, &checks, &known.schema)
                .map_err(|error| refused(log, table, error))
        }
    }
}

/// The columns that `table` is defined to have. Those of a canonical table are known without reading anything.
pub(crate) fn descriptor(log: &LogReader, table: TableId) -> Result<Descriptor> {
    match table.canonical() {
        Some(table) => Ok(Descriptor::canonical(table)),
        None => Ok(log.definition(table).map_err(Error::while_writing)?.descriptor),
    }
}
