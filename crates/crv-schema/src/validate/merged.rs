//! The layout of a merged part: the table's schema, as far as Parquet can store it.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field as ArrowField, Fields, Schema, SchemaRef};

use super::ValidationError;
use super::convert::{Casts, convert};
use super::physical::{has_untyped, needs_arrow_schema, physical_type};
use crate::schema::{Field, FieldPath, FieldType, TableSchema, arrow_type};

/// How rows in a table's schema are written to one part.
#[derive(Debug)]
pub struct MergedLayout {
    physical: SchemaRef,
    /// The columns of the table that are written: those with a type.
    columns: Vec<usize>,
}

impl MergedLayout {
    /// The layout of parts with all columns and fields of `table`.
    pub fn of(table: &TableSchema) -> Self {
        let written = |(index, field): (usize, &Field)| {
            let typed = field.ty != FieldType::Null;
            typed.then(|| {
                let data_type = physical_type(&arrow_type(&field.ty), &field.ty);
                (index, ArrowField::new(&field.name, data_type, !field.required))
            })
        };
        let (columns, fields): (Vec<usize>, Vec<ArrowField>) =
            table.fields.iter().enumerate().filter_map(written).unzip();
        Self { physical: Arc::new(Schema::new(Fields::from(fields))), columns }
    }

    /// The schema for the Parquet writer.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.physical)
    }

    /// Returns whether such a part has lists with untyped items.
    pub fn provisional(&self) -> bool {
        self.physical.fields().iter().any(|field| has_untyped(field.data_type()))
    }

    /// Returns whether such a part must embed its Arrow schema.
    pub fn needs_arrow_metadata(&self) -> bool {
        self.physical.fields().iter().any(|field| needs_arrow_schema(field.data_type()))
    }

    /// Converts rows in the table's schema to the part's layout.
    pub fn lay_out(&self, batch: &RecordBatch) -> Result<RecordBatch, ValidationError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (index, field) in self.columns.iter().zip(self.physical.fields()) {
            let path = FieldPath::column(field.name());
            arrays.push(convert(batch.column(*index), field.data_type(), Casts::Lossless, &path)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options)
            .map_err(|error| ValidationError::arrow(&FieldPath::column("the rows of a merged part"), &error))
    }
}
