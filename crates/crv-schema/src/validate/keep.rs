//! Copies of rows that are buffered before they are written, in their table's types.
//!
//! A frame's buffers belong to its producer, which may reuse them for the next tick, or may have sliced a few rows out
//! of large ones. Copies hold only their rows, and do not change.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat;

use super::columns::BUCKET;
use super::conform::conform;
use super::{Prepared, ValidationError};
use crate::schema::{Descriptor, FieldPath, TableSchema};

impl Prepared {
    /// The columns to keep so that the rows can be prepared again later for the same table, whose schema covers them.
    /// The bucket is left out, since it follows from the tick, and so are optional columns that the frame lacks.
    pub fn to_keep(&self, descriptor: &Descriptor, table: &TableSchema) -> TableSchema {
        let optional = |name: &str| descriptor.column(name).is_some_and(|column| !column.required);
        let mut schema = self.logical_schema().in_terms_of(table);
        schema
            .fields
            .retain(|field| field.name != BUCKET && !(optional(&field.name) && self.is_absent(&field.name)));
        schema
    }

    /// Copies all rows, at most `rows_at_once` in each batch. `schema` is from [`to_keep`](Self::to_keep), and `arrow`
    /// is its Arrow schema.
    pub fn copies(
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

/// Copies the array to its own buffers.
pub(super) fn copied(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    // Two inputs, so that `concat` copies: it returns a single input unchanged.
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
