//! Random schemas for property tests.

use proptest::prelude::*;

use crate::schema::{Field, FieldType, TableSchema, Width};

/// A type without members.
fn scalar() -> impl Strategy<Value = FieldType> {
    prop_oneof![
        Just(FieldType::Null),
        Just(FieldType::Bool),
        any::<bool>().prop_map(|wide| FieldType::Int { wide }),
        Just(FieldType::Float),
        prop::sample::select(Width::ALL.to_vec()).prop_map(FieldType::Number),
        Just(FieldType::Str),
        Just(FieldType::Binary),
        Just(FieldType::Date),
        Just(FieldType::Time),
        prop_oneof![Just(None), Just(Some("UTC".to_owned())), Just(Some("Europe/Berlin".to_owned()))]
            .prop_map(|zone| FieldType::Timestamp { zone }),
        Just(FieldType::Duration),
        (1_u8..=38)
            .prop_flat_map(|precision| (Just(precision), 0..=precision as i8))
            .prop_map(|(precision, scale)| FieldType::Decimal { precision, scale }),
    ]
}

/// Members with distinct names from a small set, so that two schemas share names.
fn members(ty: impl Strategy<Value = FieldType> + Clone) -> impl Strategy<Value = Vec<Field>> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e.f", ""]);
    prop::collection::btree_map(name, ty, 0..4)
        .prop_map(|fields| fields.into_iter().map(|(name, ty)| Field::nullable(name, ty)).collect::<Vec<_>>())
        .prop_shuffle()
}

/// Any type.
pub fn field_type() -> impl Strategy<Value = FieldType> {
    scalar().boxed().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![inner.clone().prop_map(FieldType::list), members(inner).prop_map(FieldType::Struct),]
            .boxed()
    })
}

/// Any schema.
pub fn table_schema() -> impl Strategy<Value = TableSchema> {
    (members(field_type().boxed()), any::<[bool; 6]>()).prop_map(|(mut fields, required)| {
        for (field, required) in fields.iter_mut().zip(required) {
            field.required = required;
        }
        TableSchema { fields }
    })
}

/// Columns that a table may declare, with names that differ in more than case.
pub fn declared_fields() -> impl Strategy<Value = Vec<Field>> {
    let name = prop::sample::select(vec!["a", "b", "Gini", "agent_id", "e.f", "x y"]);
    let column = (name, field_type(), any::<bool>());
    prop::collection::vec(column, 1..5).prop_map(|columns| {
        let mut fields: Vec<Field> = Vec::new();
        for (name, mut ty, required) in columns {
            typed(&mut ty);
            if fields.iter().all(|field| field.name != name) {
                fields.push(Field { name: name.to_owned(), ty, required });
            }
        }
        fields
    })
}

/// Gives untyped fields a type, and clears what only values tell.
fn typed(ty: &mut FieldType) {
    match ty {
        FieldType::Null => *ty = FieldType::Str,
        FieldType::Int { wide } => *wide = false,
        FieldType::List(item) => typed(item),
        FieldType::Struct(members) => members.iter_mut().for_each(|member| typed(&mut member.ty)),
        _ => {}
    }
}
