//! [`Prepared`]: a checked frame, to be cut into parts.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::take::take;

use super::ValidationError;
use super::convert::{Casts, convert};
use super::keep::copied;
use super::physical::{has_untyped, needs_arrow_schema};
use crate::schema::{FieldPath, TableSchema};

/// The source of the values of a physical column.
#[derive(Debug)]
pub(super) enum Column {
    /// The bucket number, set per part.
    Bucket,
    /// The ticks.
    Tick,
    /// Not in the frame: nulls.
    Absent,
    /// In the frame; one array per batch, of the physical type or of one whose cast to it cannot fail.
    Given(Vec<ArrayRef>),
}

/// A checked frame. Holds the producer's buffers; rows get their final layout when a part is cut out.
#[derive(Debug)]
pub struct Prepared {
    physical: SchemaRef,
    columns: Vec<Column>,
    ticks: Vec<Int64Array>,
    logical: TableSchema,
    grown: Option<TableSchema>,
}

impl Prepared {
    pub(super) fn new(
        physical: Schema,
        columns: Vec<Column>,
        ticks: Vec<Int64Array>,
        logical: TableSchema,
        grown: Option<TableSchema>,
    ) -> Self {
        Prepared { physical: Arc::new(physical), columns, ticks, logical, grown }
    }

    /// Copies the rows to their own buffers: the producer may reuse the given ones.
    pub fn owned(mut self) -> Result<Self, ValidationError> {
        for (column, field) in self.columns.iter_mut().zip(self.physical.fields()) {
            let Column::Given(arrays) = column else { continue };
            for array in arrays {
                *array = copied(array)
                    .map_err(|error| ValidationError::arrow(&FieldPath::column(field.name()), &error))?;
            }
        }
        for ticks in &mut self.ticks {
            *ticks = Int64Array::new(ticks.values().to_vec().into(), None);
        }
        Ok(self)
    }

    /// Rows over all batches.
    pub fn rows(&self) -> usize {
        self.ticks.iter().map(Int64Array::len).sum()
    }

    /// The number of batches.
    pub fn batches(&self) -> usize {
        self.ticks.len()
    }

    /// The ticks of a batch: never null, never negative.
    ///
    /// # Panics
    /// If there is no such batch.
    pub fn ticks(&self, batch_index: usize) -> &Int64Array {
        &self.ticks[batch_index]
    }

    /// The logical schema of this frame alone.
    pub fn logical_schema(&self) -> &TableSchema {
        &self.logical
    }

    /// The table's schema with this frame's fields; `None` if the frame adds nothing.
    pub fn grown(&self) -> Option<&TableSchema> {
        self.grown.as_ref()
    }

    /// The schema for the Parquet writer.
    pub fn physical_schema(&self) -> SchemaRef {
        Arc::clone(&self.physical)
    }

    /// Returns whether a part of these rows has lists with untyped items, which not every Parquet reader supports.
    pub fn provisional(&self) -> bool {
        self.physical.fields().iter().any(|field| has_untyped(field.data_type()))
    }

    /// Returns whether a part of these rows must embed its Arrow schema, because Parquet's types are not enough.
    pub fn needs_arrow_metadata(&self) -> bool {
        self.physical.fields().iter().any(|field| needs_arrow_schema(field.data_type()))
    }

    /// Returns `len` rows of a batch from `offset` on, in the layout of a part of that bucket.
    ///
    /// # Panics
    /// If the batch does not have these rows.
    pub fn slice(
        &self,
        batch_index: usize,
        offset: usize,
        len: usize,
        bucket_id: i64,
    ) -> Result<RecordBatch, ValidationError> {
        let whole = offset == 0 && len == self.ticks[batch_index].len();
        self.cut(batch_index, len, bucket_id, |array| {
            Ok(if whole { Arc::clone(array) } else { array.slice(offset, len) })
        })
    }

    /// Returns the rows of a batch at these indices (unsigned integers, none null), in the layout of a part of that
    /// bucket.
    ///
    /// # Panics
    /// If the batch does not have these rows.
    pub fn take(
        &self,
        batch_index: usize,
        indices: &dyn Array,
        bucket_id: i64,
    ) -> Result<RecordBatch, ValidationError> {
        self.cut(batch_index, indices.len(), bucket_id, |array| take(array, indices, None))
    }

    fn cut(
        &self,
        batch_index: usize,
        len: usize,
        bucket_id: i64,
        rows: impl Fn(&ArrayRef) -> Result<ArrayRef, arrow_schema::ArrowError>,
    ) -> Result<RecordBatch, ValidationError> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.physical.fields()) {
            let path = FieldPath::column(field.name());
            let rows = |array| rows(array).map_err(|error| ValidationError::arrow(&path, &error));
            arrays.push(match column {
                Column::Bucket => Arc::new(Int64Array::from_value(bucket_id, len)) as ArrayRef,
                Column::Tick => rows(&(Arc::new(self.ticks[batch_index].clone()) as ArrayRef))?,
                Column::Absent => new_null_array(field.data_type(), len),
                Column::Given(batches) => {
                    convert(&rows(&batches[batch_index])?, field.data_type(), Casts::Lossless, &path)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        RecordBatch::try_new_with_options(self.physical_schema(), arrays, &options)
            .map_err(|error| ValidationError::arrow(&FieldPath::column("the rows of a part"), &error))
    }

    /// Returns whether the table has a column of that name and the frame lacks it.
    pub(super) fn is_absent(&self, name: &str) -> bool {
        self.physical.index_of(name).is_ok_and(|index| matches!(self.columns[index], Column::Absent))
    }

    /// The arrays of a column of the frame, one per batch, and its physical type.
    pub(super) fn given(&self, name: &str) -> Option<(&[ArrayRef], &DataType)> {
        let index = self.physical.index_of(name).ok()?;
        match &self.columns[index] {
            Column::Given(arrays) => Some((arrays, self.physical.field(index).data_type())),
            _ => None,
        }
    }
}
