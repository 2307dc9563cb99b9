//! Random frames with random payloads in random layouts keep their values through Parquet.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use crv_core::tables::EXCHANGE_DESC;
use proptest::prelude::*;

use super::generated::{Layouts, Value, build, payload};
use super::through_parquet;
use crate::schema::{Field as LogicalField, FieldType, TableSchema};
use crate::validate::{PrepareOptions, Prepared, ValidationError, conform, prepare};
use crv_schema::Frame;
use crv_schema::testing::frames::exchange;

fn extract(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Str(array.as_string::<i32>().value(row).to_owned()),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Value::List((0..items.len()).map(|item| extract(&items, item)).collect())
        }
        DataType::Struct(fields) => {
            let members = array.as_struct().columns().iter().map(|member| extract(member, row));
            Value::Struct(fields.iter().map(|field| field.name().clone()).zip(members).collect())
        }
        other => panic!("readers never get {other}"),
    }
}

/// A value in the table's type: missing fields are null, integers may be floats.
fn in_table(value: &Value, ty: &FieldType) -> Value {
    match (value, ty) {
        (Value::Int(value), FieldType::Float) => Value::Float(*value as f64),
        (Value::List(items), FieldType::List(ty)) => {
            Value::List(items.iter().map(|item| in_table(item, ty)).collect())
        }
        (Value::Struct(members), FieldType::Struct(fields)) => {
            let member = |field: &LogicalField| {
                let value = members.get(&field.name).unwrap_or(&Value::Null);
                (field.name.clone(), in_table(value, &field.ty))
            };
            Value::Struct(fields.iter().map(member).collect())
        }
        (value, _) => value.clone(),
    }
}

/// The frame in two batches, cut out of longer arrays so that offsets are not zero.
fn frame(ty: &FieldType, rows: &[Value], seed: u64) -> Frame {
    let mut layouts = Layouts(seed);
    let mut padded = vec![rows[rows.len() - 1].clone()];
    padded.extend_from_slice(rows);
    padded.push(rows[0].clone());
    let batch = exchange(build(ty, &padded, &mut layouts)).batches()[0].slice(1, rows.len());
    let cut = layouts.pick(rows.len() as u64 + 1) as usize;
    let batches = vec![batch.slice(0, cut), batch.slice(cut, rows.len() - cut)];
    Frame::new(batch.schema(), batches).unwrap()
}

fn prepared(frame: &Frame, table: &TableSchema) -> Result<Prepared, ValidationError> {
    prepare(&(&EXCHANGE_DESC).into(), frame, &PrepareOptions::default(), table)
}

/// The rows in order, cut out by slice and by index.
fn cut(prepared: &Prepared) -> Vec<RecordBatch> {
    let mut parts = Vec::new();
    for batch in 0..prepared.batches() {
        let rows = prepared.ticks(batch).len();
        let half = rows / 2;
        parts.push(prepared.slice(batch, 0, half, 0).unwrap());
        let indices = UInt32Array::from_iter_values(half as u32..rows as u32);
        parts.push(prepared.take(batch, &indices, 0).unwrap());
    }
    parts
}

/// Returns whether integers are wide in both or in neither; integers of the part may be floats in the table.
fn as_wide(part: &FieldType, table: &FieldType) -> bool {
    match (part, table) {
        (FieldType::Int { wide }, FieldType::Int { wide: in_table }) => wide == in_table,
        (FieldType::Int { wide }, FieldType::Float) => !wide,
        (FieldType::List(item), FieldType::List(table)) => as_wide(item, table),
        (FieldType::Struct(fields), FieldType::Struct(table)) => fields.iter().all(|field| {
            let table = table.iter().find(|known| known.name == field.name);
            table.is_some_and(|table| as_wide(&field.ty, &table.ty))
        }),
        _ => true,
    }
}

/// Checks that a rebuild from parts with these schemas results in the table's schema, as far as it is in the parts.
fn rebuilds_to(table: &TableSchema, parts: &[TableSchema]) -> Result<(), TestCaseError> {
    let mut rebuilt = TableSchema::of(&EXCHANGE_DESC);
    for part in parts {
        let united = rebuilt.union_with_part(part);
        rebuilt = united.map_err(|conflict| TestCaseError::fail(conflict.to_string()))?;
    }
    prop_assert!(table.covers(&rebuilt), "{table:?} {rebuilt:?}");
    for field in &rebuilt.fields {
        prop_assert!(as_wide(&field.ty, &table.field(&field.name).unwrap().ty), "{table:?} {rebuilt:?}");
    }
    Ok(())
}

/// Checks that the rows of the part, in the table's schema, are the values. Returns the part's schema.
fn check(prepared: &Prepared, rows: &[Value], table: &TableSchema) -> Result<TableSchema, TestCaseError> {
    let (batches, found) =
        through_parquet(prepared.physical_schema(), &cut(prepared), prepared.needs_arrow_metadata());
    // Otherwise a check would report the part.
    prop_assert!(table.covers(&found), "{table:?} {found:?}");
    let arrow = table.to_arrow();
    let batches: Vec<_> = batches.iter().map(|batch| conform(batch, table, &arrow).unwrap()).collect();
    let read = concat_batches(&arrow, &batches).unwrap();
    prop_assert_eq!(read.num_rows(), rows.len());
    let payload = read.column_by_name("additional_payload").unwrap();
    let ty = &table.field("additional_payload").unwrap().ty;
    for (row, value) in rows.iter().enumerate() {
        prop_assert_eq!(extract(payload, row), in_table(value, ty), "row {}", row);
    }
    Ok(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_what_is_read(first in payload(), second in payload()) {
        let table = TableSchema::of(&EXCHANGE_DESC);
        let one = prepared(&frame(&first.0, &first.1, first.2), &table).unwrap();
        let table = one.grown().cloned().unwrap_or(table);
        let found = check(&one, &first.1, &table)?;
        rebuilds_to(&table, &[found])?;
        match prepared(&frame(&second.0, &second.1, second.2), &table) {
            Ok(two) => {
                let table = two.grown().cloned().unwrap_or(table);
                let found = [check(&two, &second.1, &table)?, check(&one, &first.1, &table)?];
                rebuilds_to(&table, &found)?;
            }
            // Two random payloads often conflict, for example in a value that is not exact as a float.
            Err(ValidationError::Conflict(_) | ValidationError::Value { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
