//! Small frames for tests.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::Field;
use arrow_select::concat::concat_batches;

use crate::frame::Frame;
use crate::schema::Descriptor;
use crate::validate::{PrepareOptions, Prepared, ValidationError, prepare};

/// A frame of one batch.
pub fn frame(columns: Vec<(&str, ArrayRef)>) -> Frame {
    let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap().into()
}

/// A column of integers.
pub fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

/// A column of text.
pub fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Payloads without fields.
pub fn empty_structs(rows: usize) -> ArrayRef {
    Arc::new(StructArray::new_empty_fields(rows, None))
}

/// A struct column of these fields.
pub fn payload(fields: Vec<(&str, ArrayRef)>) -> ArrayRef {
    let arrays = fields
        .into_iter()
        .map(|(name, array)| (Arc::new(Field::new(name, array.data_type().clone(), true)), array));
    Arc::new(StructArray::from(arrays.collect::<Vec<_>>()))
}

/// Columns of `holdings` for that many rows, with one of them replaced.
pub fn holdings(rows: usize, name: &str, column: ArrayRef) -> Frame {
    let text = texts(&vec!["x"; rows]);
    let ticks: Vec<i64> = (0..rows as i64).collect();
    let mut columns = vec![
        ("tick", ints(&ticks)),
        ("agent_id", text.clone()),
        ("token_id", text),
        ("quantity", ints(&ticks)),
    ];
    match columns.iter_mut().find(|(known, _)| *known == name) {
        Some(known) => known.1 = column,
        None => columns.push((name, column)),
    }
    frame(columns)
}

/// Columns of `exchange` with this payload.
pub fn exchange(payload: ArrayRef) -> Frame {
    let rows = payload.len();
    let text = texts(&vec!["x"; rows]);
    frame(vec![
        ("tick", ints(&(0..rows as i64).collect::<Vec<_>>())),
        ("venue_id", text.clone()),
        ("token_id", text.clone()),
        ("exchange_event_type", text),
        ("additional_payload", payload),
    ])
}

/// Prepares for an empty table, with default options.
pub fn fresh(descriptor: impl Into<Descriptor>, frame: &Frame) -> Result<Prepared, ValidationError> {
    let descriptor = descriptor.into();
    prepare(&descriptor, frame, &PrepareOptions::default(), descriptor.schema())
}

/// The error's message, without the run and the table.
pub fn refusal(result: Result<Prepared, ValidationError>) -> String {
    result.expect_err("the frame must be refused").to_string()
}

/// All rows of a prepared frame, as one part of bucket 0.
pub fn all_rows(prepared: &Prepared) -> RecordBatch {
    let batches: Vec<RecordBatch> = (0..prepared.batches())
        .map(|batch| prepared.slice(batch, 0, prepared.ticks(batch).len(), 0).unwrap())
        .collect();
    concat_batches(&prepared.physical_schema(), &batches).unwrap()
}

/// The column of a prepared frame, as it is written.
pub fn written(prepared: &Prepared, column: &str) -> ArrayRef {
    all_rows(prepared).column_by_name(column).unwrap().clone()
}
