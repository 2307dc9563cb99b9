//! Conversion of a part's rows to the table's schema.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::SchemaRef;

use super::ValidationError;
use super::convert::{Casts, convert};
use crate::schema::{FieldPath, Finder, TableSchema};

/// Converts the batch to `arrow`, which is `target.to_arrow()`: columns and fields in its order, with nulls for those
/// that the part lacks, without those that the target lacks. Equal columns are not copied.
///
/// `target` may be a projection of the table's schema.
pub fn conform(
    batch: &RecordBatch,
    target: &TableSchema,
    arrow: &SchemaRef,
) -> Result<RecordBatch, ValidationError> {
    debug_assert_eq!(target.fields.len(), arrow.fields().len(), "`arrow` is the target's Arrow schema");
    if batch.schema_ref().fields() == arrow.fields() {
        return Ok(batch.clone());
    }
    let rows = batch.num_rows();
    let given = batch.schema_ref().fields();
    let mut finder = Finder::new(given, super::convert::arrow_name);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(arrow.fields().len());
    for field in arrow.fields() {
        let path = FieldPath::column(field.name());
        let column = match finder.find(field.name()) {
            None => new_null_array(field.data_type(), rows),
            Some(index) => convert(batch.column(index), field.data_type(), Casts::Lossless, &path)?,
        };
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(ValidationError::UnexpectedNulls { column: field.name().clone() });
        }
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(arrow), columns, &options)
        .map_err(|error| ValidationError::arrow(&FieldPath::column("the rows of a part"), &error))
}
