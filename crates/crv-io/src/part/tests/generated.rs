//! Random payloads: a type, values of the type, and arrays of the values in a random layout.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, DictionaryArray, Int8Array, ListArray, NullArray, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use proptest::prelude::*;

use crate::schema::{Field as LogicalField, FieldType};

/// A value, independent of its layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
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
pub(super) fn payload() -> impl Strategy<Value = (FieldType, Vec<Value>, u64)> {
    structs(types()).prop_flat_map(|ty| {
        let rows = prop::collection::vec(some_value(&ty), 1..7);
        (Just(ty), rows, any::<u64>())
    })
}

/// Picks a layout for each array.
pub(super) struct Layouts(pub(super) u64);

impl Layouts {
    pub(super) fn pick(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % of
    }
}

/// The values as an array of the type, in some layout.
pub(super) fn build(ty: &FieldType, values: &[Value], layouts: &mut Layouts) -> ArrayRef {
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
            // Nulls are in the dictionary's values, not in the keys.
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
            // A null list may have items, which are not values.
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
        // A null struct may have values in its fields, which do not count.
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
