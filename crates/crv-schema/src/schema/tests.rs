//! Properties of all schemas, and the messages for invalid ones.

use std::collections::BTreeSet;

use crv_core::tables::{EXCHANGE_DESC, SCENARIOS_SEEN_DESC, list_tables};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::schemas::{field_type, table_schema};

/// The schema with fields sorted by name at every level: unions are equal up to order.
fn sorted(schema: &TableSchema) -> TableSchema {
    TableSchema { fields: sorted_fields(&schema.fields) }
}

fn sorted_fields(fields: &[Field]) -> Vec<Field> {
    let mut fields: Vec<Field> =
        fields.iter().map(|field| Field { ty: sorted_type(&field.ty), ..field.clone() }).collect();
    fields.sort_by(|left, right| left.name.cmp(&right.name));
    fields
}

fn sorted_type(ty: &FieldType) -> FieldType {
    match ty {
        FieldType::List(item) => FieldType::list(sorted_type(item)),
        FieldType::Struct(fields) => FieldType::Struct(sorted_fields(fields)),
        other => other.clone(),
    }
}

/// The paths of all fields, at every level.
fn paths(fields: &[Field], at: &str) -> BTreeSet<String> {
    fn inside(ty: &FieldType, at: &str) -> BTreeSet<String> {
        match ty {
            FieldType::List(item) => inside(item, &format!("{at}[]")),
            FieldType::Struct(fields) => paths(fields, at),
            _ => BTreeSet::new(),
        }
    }
    let mut all = BTreeSet::new();
    for field in fields {
        let path = format!("{at}/{:?}", field.name);
        all.extend(inside(&field.ty, &path));
        all.insert(path);
    }
    all
}

fn union(left: &TableSchema, right: &TableSchema) -> Option<TableSchema> {
    left.union(right).ok()
}

proptest! {
    #[test]
    fn union_does_not_depend_on_the_side(left in table_schema(), right in table_schema()) {
        let one = union(&left, &right).as_ref().map(sorted);
        let other = union(&right, &left).as_ref().map(sorted);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn union_does_not_depend_on_the_grouping(a in table_schema(), b in table_schema(), c in table_schema()) {
        let left = union(&a, &b).and_then(|ab| union(&ab, &c));
        let right = union(&b, &c).and_then(|bc| union(&a, &bc));
        // Both groupings conflict, or neither.
        prop_assert_eq!(left.as_ref().map(sorted), right.as_ref().map(sorted));
    }

    #[test]
    fn union_with_itself_changes_nothing(schema in table_schema()) {
        prop_assert_eq!(union(&schema, &schema), Some(schema));
    }

    #[test]
    fn covering_is_having_nothing_to_learn(left in table_schema(), right in table_schema()) {
        let nothing_new = union(&left, &right).is_some_and(|union| union == left);
        prop_assert_eq!(left.covers(&right), nothing_new);
    }

    #[test]
    fn a_union_covers_both(left in table_schema(), right in table_schema()) {
        if let Some(union) = union(&left, &right) {
            prop_assert!(union.covers(&left) && union.covers(&right));
        }
    }

    #[test]
    fn a_union_has_every_field_of_both_and_no_other(left in table_schema(), right in table_schema()) {
        if let Some(union) = union(&left, &right) {
            let mut expected = paths(&left.fields, "");
            expected.extend(paths(&right.fields, ""));
            prop_assert_eq!(paths(&union.fields, ""), expected);
        }
    }

    #[test]
    fn json_round_trips(schema in table_schema()) {
        let text = serde_json::to_string(&schema).unwrap();
        prop_assert_eq!(serde_json::from_str::<TableSchema>(&text).unwrap(), schema);
    }

    #[test]
    fn arrow_round_trips_but_for_the_reach_of_integers(schema in table_schema()) {
        let back = TableSchema::from_parquet_arrow(&schema.to_arrow()).unwrap();
        prop_assert_eq!(back, narrow(&schema));
    }

    #[test]
    fn any_type_has_a_word(ty in field_type()) {
        prop_assert!(!ty.to_string().is_empty());
    }
}

fn narrow(schema: &TableSchema) -> TableSchema {
    fn ty(of: &FieldType) -> FieldType {
        match of {
            // A part's width counts only where the table declares one.
            FieldType::Number(Width::F32) => FieldType::Float,
            FieldType::Int { .. } | FieldType::Number(_) => FieldType::INT,
            FieldType::List(item) => FieldType::list(ty(item)),
            FieldType::Struct(fields) => FieldType::Struct(all(fields)),
            other => other.clone(),
        }
    }
    fn all(fields: &[Field]) -> Vec<Field> {
        fields.iter().map(|field| Field { ty: ty(&field.ty), ..field.clone() }).collect()
    }
    TableSchema { fields: all(&schema.fields) }
}

fn payload(fields: Vec<Field>) -> TableSchema {
    TableSchema { fields: vec![Field::required("additional_payload", FieldType::Struct(fields))] }
}

#[test]
fn a_new_tables_schema_is_its_descriptor() {
    for descriptor in list_tables() {
        let schema = TableSchema::of(descriptor);
        let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
        let columns: Vec<&str> = descriptor.columns().iter().map(|column| column.name).collect();
        assert_eq!(names, columns);
        assert!(schema.covers(&schema));
    }
    let schema = TableSchema::of(&SCENARIOS_SEEN_DESC);
    let pairs = schema.field("salient_agent_pairs").unwrap();
    assert_eq!(*pairs, Field::required("salient_agent_pairs", FieldType::list(FieldType::Struct(vec![]))));
}

#[test]
fn integers_widen_to_floats_unless_a_value_would_change() {
    let ints = payload(vec![Field::nullable("n", FieldType::INT)]);
    let floats = payload(vec![Field::nullable("n", FieldType::Float)]);
    let wide = payload(vec![Field::nullable("n", FieldType::Int { wide: true })]);
    assert_eq!(ints.union(&floats).unwrap(), floats);
    assert!(floats.covers(&ints) && !ints.covers(&floats));
    assert_eq!(ints.union(&wide).unwrap(), wide);
    let conflict = wide.union(&floats).unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "field `additional_payload.n` is i64 with values that f64 cannot hold exactly on one side and f64 on the other"
    );
}

#[test]
fn a_conflict_names_the_path_and_both_types() {
    let legs = |ty| {
        let item = FieldType::Struct(vec![Field::nullable("price", ty)]);
        payload(vec![Field::nullable("legs", FieldType::list(item))])
    };
    let conflict = legs(FieldType::Str).union(&legs(FieldType::Float)).unwrap_err();
    assert_eq!(conflict.path, "additional_payload.legs[].price");
    assert_eq!((conflict.left, conflict.right), (FieldType::Str, FieldType::Float));
}

#[test]
fn new_fields_come_after_the_old_ones() {
    let mut table = TableSchema::of(&EXCHANGE_DESC);
    let fields = vec![Field::nullable("note", FieldType::Str), Field::nullable("bucket", FieldType::INT)];
    table = table.union(&TableSchema { fields }).unwrap();
    assert_eq!(table.fields.last().unwrap().name, "note");
    assert_eq!(table.fields[0], Field::nullable("bucket", FieldType::INT));
}

#[test]
fn the_document_is_readable() {
    let legs = FieldType::list(FieldType::Struct(vec![Field::nullable("price", FieldType::Float)]));
    let mut schema = payload(vec![Field::nullable("legs", legs)]);
    schema.fields.insert(0, Field::required("tick", FieldType::INT));
    schema.fields.push(Field::nullable("at", FieldType::Timestamp { zone: Some("UTC".to_owned()) }));
    assert_eq!(
        serde_json::to_value(&schema).unwrap(),
        json!({"fields": [
            {"name": "tick", "type": "i64", "required": true},
            {"name": "additional_payload", "type": "struct", "required": true, "fields": [
                {"name": "legs", "type": "list", "item": {"type": "struct", "fields": [{"name": "price", "type": "f64"}]}}
            ]},
            {"name": "at", "type": "timestamp", "zone": "UTC"}
        ]})
    );
}

#[test]
fn a_document_that_is_no_schema_is_refused() {
    for (document, message) in [
        (json!({"fields": [{"name": "a", "type": "i128"}]}), "`a`: unknown type \"i128\""),
        (json!({"fields": [{"name": "a", "type": "list"}]}), "`a`: `item` is missing"),
        (json!({"fields": [{"name": "a", "type": "struct"}]}), "`a`: `fields` is missing"),
        (json!({"fields": [{"type": "i64"}]}), "`?`: a field of type i64 has no name"),
        (json!({"fields": [{"name": "a", "type": "i64"}, {"name": "a", "type": "str"}]}), "`a` occurs twice"),
        (
            json!({"fields": [{"name": "a", "type": "struct", "fields": [{"name": "_crv_empty", "type": "bool"}]}]}),
            "`a._crv_empty`: the field name `_crv_empty` is reserved",
        ),
        (
            json!({"fields": [{"name": "a", "type": "decimal", "precision": 39, "scale": 0}]}),
            "`a`: invalid type decimal[39,0]",
        ),
    ] {
        let error = serde_json::from_value::<TableSchema>(document).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

/// The deepest schema, nested in a commit file, must stay below the depth limit of JSON readers.
#[test]
fn depth_is_bounded_and_the_deepest_schema_fits_a_commit_file() {
    let nested = |levels: usize| {
        let inner =
            (1..levels).fold(FieldType::Str, |ty, _| FieldType::Struct(vec![Field::nullable("f", ty)]));
        TableSchema { fields: vec![Field::nullable("c", inner)] }
    };
    let document = |levels| json!({"tables": {"exchange": {"schema": nested(levels)}}}).to_string();
    let deepest: serde_json::Value = serde_json::from_str(&document(MAX_DEPTH)).unwrap();
    let schema = deepest["tables"]["exchange"]["schema"].clone();
    assert_eq!(serde_json::from_value::<TableSchema>(schema).unwrap(), nested(MAX_DEPTH));

    let deeper: serde_json::Value = serde_json::from_str(&document(MAX_DEPTH + 1)).unwrap();
    let schema = deeper["tables"]["exchange"]["schema"].clone();
    let error = serde_json::from_value::<TableSchema>(schema).unwrap_err();
    assert!(error.to_string().ends_with("nests deeper than 48 levels"), "{error}");
    assert!(TableSchema::from_parquet_arrow(&nested(MAX_DEPTH + 1).to_arrow()).is_err());
}
