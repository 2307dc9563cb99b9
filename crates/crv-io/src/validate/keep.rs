//! Rows that are kept for a while before they are written: copies, in the types that their table has.
//!
//! A frame's buffers are its producer's, who may write the next tick into them, or cut a few rows out of many. Copies
//! hold their rows and no more, and stay what they are.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat;
use crv_core::tables::TableDescriptor;

use super::columns::BUCKET;
use super::conform::conform;
use super::{Prepared, ValidationError};
use crate::schema::{FieldPath, TableSchema};

impl Prepared {
    /// What is to be kept of the rows so that they can be prepared again later, for the same table, whose schema
    /// covers them. Not their buckets, which follow from the ticks, and no column that was not in the frame and need
    /// not be.
    pub(crate) fn to_keep(&self, descriptor: &TableDescriptor, table: &TableSchema) -> TableSchema {
        let optional = |name: &str| descriptor.column(name).is_some_and(|column| !column.required);
        let mut schema = self.logical_schema().in_terms_of(table);
        schema
            .fields
            .retain(|field| field.name != BUCKET && !(optional(&field.name) && self.is_absent(&field.name)));
        schema
    }

    /// Copies of all rows, at most `rows_at_once` in each, as `arrow`, which is that of `schema`, which is from
    /// [`to_keep`](Self::to_keep).
    pub(crate) fn copies(
        &self,
        schema: &TableSchema,
        arrow: &SchemaRef,
        rows_at_once: usize,
    ) -> Result<Vec<RecordBatch>, ValidationError> {
        let mut copies = Vec::with_capacity(self.batches());
        for batch in 0..self.batches() {
            let rows = self.ticks(batch).len();
            for offset in (0..rows).step_by(rows_at_once) {
                let piece = self.slice(batch, offset, rows_at_once.min(rows - offset), 0)?;
                copies.push(copied_batch(&conform(&piece, schema, arrow)?)?);
            }
        }
        Ok(copies)
    }
}

/// The same values in buffers of their own.
pub(super) fn copied(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    // An array joined with nothing is a copy; one alone would be the same array again.
    concat(&[array.as_ref(), array.slice(0, 0).as_ref()])
}

fn copied_batch(batch: &RecordBatch) -> Result<RecordBatch, ValidationError> {
    let columns = batch.columns().iter().map(copied).collect::<Result<Vec<_>, ArrowError>>();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    columns
        .and_then(|columns| {
            RecordBatch::try_new_with_options(Arc::clone(batch.schema_ref()), columns, &options)
        })
        .map_err(|error| ValidationError::arrow(&FieldPath::column("the rows of a frame"), &error))
}
