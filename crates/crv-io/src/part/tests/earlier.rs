//! Parts of a run that the earlier Python implementation wrote: every column optional, the bucket last, only the
//! columns that the frame had, no schema in the manifest.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StructArray,
};
use arrow_schema::{DataType, Field};
use crv_core::tables::{EXCHANGE_DESC, HOLDINGS_DESC};

use super::through_parquet;
use crate::schema::{FieldType, TableSchema};
use crate::validate::{ValidationError, conform};
use crv_schema::testing::frames::ints;

fn large(values: &[&str]) -> ArrayRef {
    Arc::new(LargeStringArray::from(values.to_vec()))
}

fn part(payload: ArrayRef) -> RecordBatch {
    let columns = [
        ("tick", ints(&[50])),
        ("venue_id", large(&["venue_central"])),
        ("token_id", large(&["T0"])),
        ("exchange_event_type", large(&["trade"])),
        ("quantity", Arc::new(Float64Array::from(vec![1.0]))),
        ("additional_payload", payload),
        ("bucket", ints(&[0])),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

fn legs() -> ArrayRef {
    Arc::new(StructArray::from(vec![(Arc::new(Field::new("legs", DataType::Int64, true)), ints(&[1]))]))
}

#[test]
fn its_parts_read_as_the_tables_full_schema() {
    let part = part(legs());
    for embed in [true, false] {
        let (batches, found) = through_parquet(part.schema(), std::slice::from_ref(&part), embed);
        let table = TableSchema::of(&EXCHANGE_DESC).union(&found).unwrap();
        let names: Vec<&str> = table.fields.iter().map(|field| field.name.as_str()).collect();
        let columns: Vec<&str> = EXCHANGE_DESC.columns().iter().map(|column| column.name).collect();
        assert_eq!(names, columns);
        let rows = conform(&batches[0], &table, &table.to_arrow()).unwrap();
        assert_eq!(rows.schema(), table.to_arrow());
        assert_eq!(rows.column(2).as_ref(), &StringArray::from(vec!["venue_central"]) as &dyn Array);
        assert_eq!(rows.column_by_name("price").unwrap().null_count(), 1);
        let payload = rows.column_by_name("additional_payload").unwrap().as_struct();
        assert_eq!(payload.column_by_name("legs").unwrap(), &ints(&[1]));
    }
}

#[test]
fn a_projection_reads_its_columns_only() {
    let part = part(legs());
    let (batches, found) = through_parquet(part.schema(), std::slice::from_ref(&part), false);
    let table = TableSchema::of(&EXCHANGE_DESC).union(&found).unwrap().project(&["side", "tick"]);
    let rows = conform(&batches[0], &table, &table.to_arrow()).unwrap();
    assert_eq!(rows.column(0).null_count(), 1);
    assert_eq!(rows.column(1), &ints(&[50]));
    let nothing = table.project(&[]);
    assert_eq!(conform(&batches[0], &nothing, &nothing.to_arrow()).unwrap().num_rows(), 1);
}

#[test]
fn a_payload_that_is_no_struct_is_named() {
    let table = TableSchema::of(&EXCHANGE_DESC);
    let error = conform(&part(large(&["{}"])), &table, &table.to_arrow()).unwrap_err();
    assert_eq!(error.to_string(), "`additional_payload` is str and cannot become struct");
}

#[test]
fn a_part_with_nulls_that_the_schema_rules_out_is_named() {
    let table = TableSchema::of(&HOLDINGS_DESC).project(&["quantity"]);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let batch = RecordBatch::try_from_iter_with_nullable([("quantity", column, true)]).unwrap();
    let error = conform(&batch, &table, &table.to_arrow()).unwrap_err();
    assert_eq!(error, ValidationError::UnexpectedNulls { column: "quantity".to_owned() });
}

#[test]
fn rows_of_the_right_schema_are_handed_on_as_they_are() {
    let table = TableSchema::of(&HOLDINGS_DESC).project(&["quantity"]);
    let column = ints(&[1, 2]);
    let batch = RecordBatch::try_new(table.to_arrow(), vec![column.clone()]).unwrap();
    let rows = conform(&batch, &table, &table.to_arrow()).unwrap();
    assert_eq!(rows.column(0).to_data().buffers()[0].as_ptr(), column.to_data().buffers()[0].as_ptr());
}

#[test]
fn statistics_say_which_columns_have_no_nulls_and_how_far_integers_reach() {
    let payload = |n: i64| -> ArrayRef {
        let field = Arc::new(Field::new("legs", DataType::Int64, true));
        Arc::new(StructArray::from(vec![(field, ints(&[n]))]))
    };
    for (n, wide) in [(1 << 60, false), ((1 << 53) + 1, true), (1 << 53, false), (-3, false)] {
        let part = part(payload(n));
        let (_, found) = through_parquet(part.schema(), std::slice::from_ref(&part), false);
        assert!(found.fields.iter().all(|field| field.required));
        let FieldType::Struct(fields) = &found.field("additional_payload").unwrap().ty else { panic!() };
        assert_eq!(fields[0].ty, FieldType::Int { wide });
    }
}

#[test]
fn a_required_column_that_a_part_lacks_is_not_promised_any_more() {
    let part = part(legs());
    let (_, found) = through_parquet(part.schema(), std::slice::from_ref(&part), false);
    let lacking = TableSchema {
        fields: found.fields.iter().filter(|field| field.name != "venue_id").cloned().collect(),
    };
    let table = TableSchema::of(&EXCHANGE_DESC).union_with_part(&lacking).unwrap();
    assert!(!table.field("venue_id").unwrap().required);
    assert!(table.field("token_id").unwrap().required);
}
