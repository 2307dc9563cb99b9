//! Builds columns from cells.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use crv_core::grammar::TableName;
use crv_core::schema::Cell;
use crv_core::tables::{Column, Dtype, get_table};
use serde_json::Value;

use super::{Result, RowsError};
use crate::frame::Frame;
use crate::json_column::{Column as JsonColumn, Misfit, Struct};

/// A column that is built cell by cell.
enum Growing {
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Payload(JsonColumn),
}

impl Growing {
    fn of(dtype: Dtype) -> Self {
        match dtype {
            Dtype::I64 => Self::Int(Int64Builder::new()),
            Dtype::F64 => Self::Float(Float64Builder::new()),
            Dtype::Str => Self::Text(StringBuilder::new()),
            Dtype::Struct => Self::Payload(JsonColumn::Struct(Struct::default())),
            Dtype::ListStruct => Self::Payload(JsonColumn::Null(0)),
        }
    }

    fn push(&mut self, cell: Cell) -> Result<(), Misfit> {
        match (self, cell) {
            (Self::Int(values), Cell::Int(value)) => values.append_value(value),
            (Self::Int(values), _) => values.append_null(),
            (Self::Float(values), Cell::Float(value)) => values.append_value(value),
            (Self::Float(values), _) => values.append_null(),
            (Self::Text(values), Cell::Text(value)) => values.append_value(value),
            (Self::Text(values), _) => values.append_null(),
            (Self::Payload(column), Cell::Object(object)) => column.push(&Value::Object(object))?,
            (Self::Payload(column), Cell::Objects(objects)) => {
                column.push(&objects.into_iter().map(Value::Object).collect())?;
            }
            (Self::Payload(column), _) => column.push_nulls(1),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Int(mut values) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::Payload(column) => column.finish(),
        }
    }
}

/// Builds a frame from rows of cells. The row's type has checked the cells, so that each fits its column. Without
/// `bucket`, which follows from the tick.
pub(super) fn frame(table: TableName, rows: impl IntoIterator<Item = Vec<Cell>>) -> Result<Frame> {
    let columns = get_table(table).columns().get(1..).unwrap_or_default();
    let mut growing: Vec<Growing> = columns.iter().map(|column| Growing::of(column.dtype)).collect();
    let mut count = 0;
    for row in rows {
        for ((column, growing), cell) in columns.iter().zip(&mut growing).zip(row) {
            growing.push(cell).map_err(|misfit| {
                let misfit = misfit.inside(column.name);
                RowsError::new(table, format_args!("row {count}: {misfit}"))
                    .with_hint("a field has one type in all rows; use another field name for another type")
            })?;
        }
        count += 1;
    }
    let arrays: Vec<ArrayRef> = growing.into_iter().map(Growing::finish).collect();
    // All nullable: validation refuses nulls in required columns, with the row.
    let field =
        |(column, array): (&Column, &ArrayRef)| Field::new(column.name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().zip(&arrays).map(field).collect::<Vec<_>>());
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    let batch = RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
        .map_err(|error| RowsError::new(table, &error))?;
    Ok(Frame::from(batch))
}
