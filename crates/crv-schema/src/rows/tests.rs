//! Row types and column checks accept the same rows, and rows survive a round trip.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, Float64Array, RecordBatch, StructArray};
use arrow_schema::Field;
use crv_core::grammar::{ExchangeKind, RepresentationEdgeKind, TableName, Visibility};
use crv_core::schema::{Cell, ExchangeRow, HoldingsRow, IdentityEdgeRow, ScenarioRow, TableRow};
use crv_core::tables::{Column, Dtype, get_table};
use crv_core::typing::JsonDict;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{build, cells_from_frame, cells_to_frame, checked, rows_from_frame, rows_to_frame};
use crate::frame::Frame;
use crate::schema::TableSchema;
use crate::validate::{PrepareOptions, prepare};

fn row<R: TableRow>(changes: &Value) -> R {
    let mut value: Value = serde_json::from_str(R::SMALLEST).unwrap();
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    serde_json::from_value(value).unwrap()
}

/// Returns whether a frame with these values passes every check of an append.
fn columns_accept(table: TableName, frame: &Frame) -> bool {
    let options = PrepareOptions { validate_rows: true, ..PrepareOptions::default() };
    let descriptor = get_table(table);
    prepare(&descriptor.into(), frame, &options, &TableSchema::of(descriptor)).is_ok()
}

/// A payload without nulls, in which a field has the same type everywhere.
fn payload() -> impl Strategy<Value = JsonDict> {
    let field = prop_oneof![
        any::<i64>().prop_map(|value| ("number", json!(value))),
        "[a-z]{0,3}".prop_map(|value| ("text", json!(value))),
        any::<bool>().prop_map(|value| ("flag", json!(value))),
        prop::collection::vec(-4_i64..4, 0..3).prop_map(|value| ("numbers", json!(value))),
        (-1e6..1e6).prop_map(|value: f64| ("inner", json!({"float": value}))),
        Just(("nothing", json!({}))),
    ];
    prop::collection::vec(field, 0..4)
        .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn words(column: &str) -> Vec<&'static str> {
    let (known, odd): (&[&str], &[&str]) = match column {
        "edge_kind" => (RepresentationEdgeKind::VALUES, &["Self_To_Object", "likes", ""]),
        "exchange_event_type" => (ExchangeKind::VALUES, &["Trade", "sale"]),
        "side" => (&["buy", "sell"], &["BUY", "hold", ""]),
        "visibility_scope" => (Visibility::VALUES, &["Public", "secret", " dm"]),
        _ => (&["a", "b"], &[""]),
    };
    // Mostly allowed words: otherwise hardly any row would be valid.
    known.iter().cycle().take(known.len() * 8).chain(odd).copied().collect()
}

fn cell(column: &Column) -> BoxedStrategy<Cell> {
    let value = match (column.dtype, column.name) {
        (Dtype::I64, "tick") => (-1_i64..20).prop_map(Cell::Int).boxed(),
        (Dtype::I64, "cache_hit") => prop_oneof![9 => 0_i64..2, 1 => -1_i64..4].prop_map(Cell::Int).boxed(),
        (Dtype::I64, _) => any::<i64>().prop_map(Cell::Int).boxed(),
        (Dtype::F64, _) => prop::num::f64::ANY.prop_map(Cell::Float).boxed(),
        (Dtype::Str, name) => {
            prop::sample::select(words(name)).prop_map(|word| Cell::Text(word.to_owned())).boxed()
        }
        (Dtype::Struct, _) => payload().prop_map(Cell::Object).boxed(),
        (Dtype::ListStruct, _) => prop::collection::vec(payload(), 0..3).prop_map(Cell::Objects).boxed(),
    };
    let nulls = if column.required { 1 } else { 30 };
    prop_oneof![60 => value, nulls => Just(Cell::Null)].boxed()
}

fn cells(table: TableName) -> BoxedStrategy<Vec<Cell>> {
    get_table(table).columns()[1..].iter().map(cell).collect::<Vec<_>>().boxed()
}

fn tables() -> impl Strategy<Value = (TableName, Vec<Cell>)> {
    prop::sample::select(TableName::ALL).prop_flat_map(|table| (Just(table), cells(table)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn columns_take_a_row_exactly_if_its_model_takes_it_and_leaves_it_as_it_is((table, cells) in tables()) {
        let frame = build::frame(table, [cells.clone()]).unwrap();
        // As text, since NaN is not equal to itself.
        let unchanged = checked(table, vec![cells.clone()])
            .is_ok_and(|rows| format!("{:?}", rows[0]) == format!("{cells:?}"));
        prop_assert_eq!(columns_accept(table, &frame), unchanged, "{:?}", cells);
    }

    #[test]
    fn what_a_model_normalises_the_columns_take((table, cells) in tables()) {
        if let Ok(frame) = cells_to_frame(table, vec![cells]) {
            prop_assert!(columns_accept(table, &frame));
        }
    }

    #[test]
    fn rows_come_back_as_they_went(
        (table, rows) in prop::sample::select(TableName::ALL)
            .prop_flat_map(|table| (Just(table), prop::collection::vec(cells(table), 0..6)))
    ) {
        let rows: Vec<Vec<Cell>> =
            rows.into_iter().filter_map(|row| Some(checked(table, vec![row]).ok()?.remove(0))).collect();
        let frame = cells_to_frame(table, rows.clone()).unwrap();
        prop_assert_eq!(format!("{:?}", cells_from_frame(table, &frame).unwrap()), format!("{rows:?}"));
    }
}

#[test]
fn both_outcomes_turn_up_for_every_table() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<TableName, [usize; 2]> = BTreeMap::new();
    for _ in 0..2048 {
        let (table, cells) = tables().new_tree(&mut runner).unwrap().current();
        seen.entry(table).or_default()[usize::from(checked(table, vec![cells]).is_ok())] += 1;
    }
    assert_eq!(seen.len(), TableName::ALL.len());
    assert!(seen.values().all(|counts| counts.iter().all(|count| *count > 3)), "{seen:?}");
}

#[test]
fn a_column_has_the_type_of_its_table_even_without_rows() {
    for table in TableName::ALL {
        let frame = cells_to_frame(*table, vec![]).unwrap();
        assert!(frame.is_empty() && columns_accept(*table, &frame), "{table}");
        let types: Vec<_> =
            frame.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
        for (column, found) in get_table(*table).columns()[1..].iter().zip(types) {
            let expected = match column.dtype {
                Dtype::I64 => "Int64",
                Dtype::F64 => "Float64",
                Dtype::Str => "Utf8",
                Dtype::Struct => "Struct()",
                Dtype::ListStruct => "Null",
            };
            assert_eq!(found, expected, "{table}.{}", column.name);
        }
    }
}

#[test]
fn a_null_in_a_payload_is_no_field() {
    let given: ExchangeRow = row(&json!({"additional_payload": {"a": null, "b": {"c": null, "d": 1}}}));
    let back = rows_from_frame::<ExchangeRow>(&rows_to_frame(&[given]).unwrap()).unwrap();
    assert_eq!(Value::Object(back[0].additional_payload.clone()), json!({"b": {"d": 1}}));
}

#[test]
fn a_field_of_two_types_is_refused_with_its_row_and_path() {
    let rows: [ScenarioRow; 2] =
        [json!(1), json!("x")].map(|value| row(&json!({"exchange_snapshot": {"price": {"bid": value}}})));
    let error = rows_to_frame(&rows).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `scenarios_seen`: row 1: `exchange_snapshot.price.bid` is text here and a number in a row before"
    );
}

#[test]
fn a_broken_row_is_named_by_number_and_rule() {
    let good: IdentityEdgeRow = row(&json!({}));
    let mut bad = good.to_cells();
    bad[2] = Cell::Text("self_to_agent".to_owned());
    let error = cells_to_frame(TableName::IdentityEdges, vec![good.to_cells(), bad]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `identity_edges`: row 1: `edge_kind` self_to_agent requires fields subject_id, object_id; \
         without a value: subject_id, object_id"
    );
    assert_eq!(error.hint(), Some("a row of this table is a valid `IdentityEdgeRow`"));
}

#[test]
fn a_frame_of_another_table_is_refused() {
    let holdings: HoldingsRow = row(&json!({}));
    let error = rows_from_frame::<ExchangeRow>(&rows_to_frame(&[holdings]).unwrap()).unwrap_err();
    assert!(
        error.to_string().starts_with("table `exchange`: required columns missing: `venue_id`"),
        "{error}"
    );
}

fn payload_of(name: &str, values: ArrayRef) -> ArrayRef {
    let field = Field::new(name, values.data_type().clone(), true);
    Arc::new(StructArray::new(vec![field].into(), vec![values], None))
}

#[test]
fn a_payload_value_without_a_json_form_is_refused_with_its_path() {
    let cells = row::<ExchangeRow>(&json!({"additional_payload": {"when": {"x": 0.5}}}));
    let frame = rows_to_frame(&[cells]).unwrap();
    let batch = &frame.batches()[0];
    let schema = batch.schema();
    let mut columns = batch.columns().to_vec();
    let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    *columns.last_mut().unwrap() = payload_of("when", payload_of("x", nan));
    let batch = RecordBatch::try_new(schema, columns).unwrap();
    let error = rows_from_frame::<ExchangeRow>(&Frame::from(batch)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `exchange`: row 0: `additional_payload.when.x` is NaN, which JSON cannot represent"
    );
}
