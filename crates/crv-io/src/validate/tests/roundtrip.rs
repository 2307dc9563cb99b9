//! Random frames with random payloads in random layouts, through Parquet and back: the values are the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int8Array, ListArray, NullArray, RecordBatch, StringArray, StructArray,
    UInt32Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use arrow_select::concat::concat_batches;
use crv_core::tables::EXCHANGE_DESC;
use proptest::prelude::*;

use super::support::{exchange, through_parquet};
use crate::frame::Frame;
use crate::schema::{Field as LogicalField, FieldType, TableSchema};
use crate::validate::{PrepareOptions, Prepared, ValidationError, conform, prepare};

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    List(Vec<Value>),
    Struct(BTreeMap<String, Value>),
}

fn types() -> impl Strategy<Value = FieldType> {
    let leaf = prop_oneof![
        1 => Just(FieldType::Null),
        1 => Just(FieldType::Bool),
        3 => Just(FieldType::INT),
        2 => Just(FieldType::Float),
        3 => Just(FieldType::Str),
    ];
    leaf.boxed().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![inner.clone().prop_map(FieldType::list), structs(inner)].boxed()
    })
}

fn structs(inner: impl Strategy<Value = FieldType>) -> impl Strategy<Value = FieldType> {
    prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), inner, 0..3).prop_map(|fields| {
        FieldType::Struct(fields.into_iter().map(|(name, ty)| LogicalField::nullable(name, ty)).collect())
    })
}

/// A value of the type, null one time in four.
fn values(ty: &FieldType) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 3 => some_value(ty)].boxed()
}

fn some_value(ty: &FieldType) -> BoxedStrategy<Value> {
    match ty {
        FieldType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        FieldType::Int { .. } => prop_oneof![
            8 => (-100..100_i64).prop_map(Value::Int),
            1 => any::<i64>().prop_map(Value::Int),
        ]
        .boxed(),
        FieldType::Float => any::<i32>().prop_map(|n| Value::Float(f64::from(n) / 4.0)).boxed(),
        FieldType::Str => "[a-zé]{0,15}".prop_map(Value::Str).boxed(),
        FieldType::List(item) => prop::collection::vec(values(item), 0..4).prop_map(Value::List).boxed(),
        FieldType::Struct(fields) => {
            let members: Vec<_> =
                fields.iter().map(|field| (Just(field.name.clone()), values(&field.ty))).collect();
            members.prop_map(|members| Value::Struct(members.into_iter().collect())).boxed()
        }
        _ => Just(Value::Null).boxed(),
    }
}

/// A payload column: its type and its rows, which are never null, since the column is required.
fn payload() -> impl Strategy<Value = (FieldType, Vec<Value>, u64)> {
    structs(types()).prop_flat_map(|ty| {
        let rows = prop::collection::vec(some_value(&ty), 1..7);
        (Just(ty), rows, any::<u64>())
    })
}

/// Picks a layout at every turn.
struct Layouts(u64);

impl Layouts {
    fn pick(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % of
    }
}

fn build(ty: &FieldType, values: &[Value], layouts: &mut Layouts) -> ArrayRef {
    match ty {
        FieldType::Null => Arc::new(NullArray::new(values.len())),
        FieldType::Bool => {
            let mut builder = BooleanBuilder::new();
            for value in values {
                match value {
                    Value::Bool(value) => builder.append_value(*value),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        FieldType::Int { .. } => {
            let mut builder = Int64Builder::new();
            for value in values {
                match value {
                    Value::Int(value) => builder.append_value(*value),
                    _ => builder.append_null(),
                }
            }
            let array: ArrayRef = Arc::new(builder.finish());
            let narrow = [DataType::Int64, DataType::Int8, DataType::UInt64, DataType::Int32];
            let wanted = &narrow[layouts.pick(4) as usize];
            let strict = arrow_cast::CastOptions { safe: false, ..Default::default() };
            arrow_cast::cast_with_options(&array, wanted, &strict).unwrap_or(array)
        }
        FieldType::Float => {
            let mut builder = Float64Builder::new();
            for value in values {
                match value {
                    Value::Float(value) => builder.append_value(*value),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        FieldType::Str => build_text(values, layouts),
        FieldType::List(item) => build_list(item, values, layouts),
        FieldType::Struct(fields) => build_struct(fields, values, layouts),
        other => panic!("no values of {other}"),
    }
}

fn build_text(values: &[Value], layouts: &mut Layouts) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for value in values {
        match value {
            Value::Str(value) => builder.append_value(value),
            _ => builder.append_null(),
        }
    }
    let array = builder.finish();
    match layouts.pick(4) {
        0 => Arc::new(array),
        1 => arrow_cast::cast(&array, &DataType::LargeUtf8).unwrap(),
        2 => arrow_cast::cast(&array, &DataType::Utf8View).unwrap(),
        _ => {
            // Every null hides in the dictionary's values.
            let keys = Int8Array::from_iter_values(0..values.len() as i8);
            let values: StringArray = array.iter().collect();
            Arc::new(DictionaryArray::new(keys, Arc::new(values)))
        }
    }
}

fn build_list(item: &FieldType, values: &[Value], layouts: &mut Layouts) -> ArrayRef {
    let (mut items, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    let garbage = values.iter().find_map(|value| match value {
        Value::List(items) if !items.is_empty() => Some(items.clone()),
        _ => None,
    });
    for value in values {
        let given = match value {
            Value::List(items) => items.clone(),
            // A null list may reach over items, which are then none of its.
            _ => garbage.clone().filter(|_| layouts.pick(2) == 0).unwrap_or_default(),
        };
        valid.push(matches!(value, Value::List(_)));
        lengths.push(given.len());
        items.extend(given);
    }
    let items = build(item, &items, layouts);
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let nulls = NullBuffer::from(valid);
    let list = ListArray::new(field.clone(), OffsetBuffer::from_lengths(lengths), items, Some(nulls));
    match layouts.pick(3) {
        0 => Arc::new(list),
        1 => arrow_cast::cast(&list, &DataType::LargeList(field)).unwrap(),
        _ => arrow_cast::cast(&list, &DataType::ListView(field)).unwrap(),
    }
}

fn build_struct(fields: &[LogicalField], values: &[Value], layouts: &mut Layouts) -> ArrayRef {
    let valid: Vec<bool> = values.iter().map(|value| matches!(value, Value::Struct(_))).collect();
    let nulls = Some(NullBuffer::from(valid));
    if fields.is_empty() {
        return Arc::new(StructArray::new_empty_fields(values.len(), nulls));
    }
    let mut members = Vec::new();
    for field in fields {
        let member = |value: &Value| match value {
            Value::Struct(members) => Some(members[&field.name].clone()),
            _ => None,
        };
        let garbage = values.iter().find_map(member).unwrap_or(Value::Null);
        // A null struct may have values beneath it, which are then none of its.
        let beneath: Vec<Value> =
            values.iter().map(|value| member(value).unwrap_or_else(|| garbage.clone())).collect();
        members.push(build(&field.ty, &beneath, layouts));
    }
    let fields: Fields = fields
        .iter()
        .zip(&members)
        .map(|(field, member)| Field::new(&field.name, member.data_type().clone(), true))
        .collect();
    Arc::new(StructArray::new(fields, members, nulls))
}

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
        other => panic!("readers are not handed {other}"),
    }
}

/// A value as the table's type has it: fields that it lacks are null, integers may be floats.
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
    prepare(&EXCHANGE_DESC, frame, &PrepareOptions::default(), table)
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

fn check(prepared: &Prepared, rows: &[Value], table: &TableSchema) -> Result<(), TestCaseError> {
    let (batches, found) =
        through_parquet(prepared.physical_schema(), &cut(prepared), prepared.needs_arrow_metadata());
    prop_assert!(table.union(&found).is_ok(), "{found:?}");
    let arrow = table.to_arrow();
    let batches: Vec<_> = batches.iter().map(|batch| conform(batch, table, &arrow).unwrap()).collect();
    let read = concat_batches(&arrow, &batches).unwrap();
    prop_assert_eq!(read.num_rows(), rows.len());
    let payload = read.column_by_name("additional_payload").unwrap();
    let ty = &table.field("additional_payload").unwrap().ty;
    for (row, value) in rows.iter().enumerate() {
        prop_assert_eq!(extract(payload, row), in_table(value, ty), "row {}", row);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_what_is_read(first in payload(), second in payload()) {
        let table = TableSchema::of(&EXCHANGE_DESC);
        let one = prepared(&frame(&first.0, &first.1, first.2), &table).unwrap();
        let table = one.grown().cloned().unwrap_or(table);
        check(&one, &first.1, &table)?;
        match prepared(&frame(&second.0, &second.1, second.2), &table) {
            Ok(two) => {
                let table = two.grown().cloned().unwrap_or(table);
                check(&two, &second.1, &table)?;
                check(&one, &first.1, &table)?;
            }
            // Two random payloads often contradict each other; a value that no float holds is one way.
            Err(ValidationError::Conflict(_) | ValidationError::Value { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
