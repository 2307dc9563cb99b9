//! Required columns, and valid ticks.

use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};
use crv_core::tables::{HOLDINGS_DESC, IDENTITY_EDGES_DESC};

use crate::frame::Frame;
use crate::schema::TableSchema;
use crate::testing::frames::{all_rows, frame, fresh, holdings, ints, refusal, texts, written};
use crate::validate::{PrepareOptions, ValidationError, prepare};

#[test]
fn all_missing_and_unknown_columns_are_named_at_once() {
    let frame = frame(vec![("tick", ints(&[1])), ("colour", texts(&["red"])), ("size", ints(&[1]))]);
    let error = fresh(&HOLDINGS_DESC, &frame).unwrap_err();
    assert_eq!(
        error.to_string(),
        "required columns missing: `agent_id`, `token_id`, `quantity`; \
         columns that the table does not have: `colour`, `size`"
    );
    assert!(error.hint().unwrap().contains("strict_schema"));
}

#[test]
fn a_missing_tick_is_named_with_the_others_and_without_them() {
    let frame = frame(vec![("agent_id", texts(&["a"])), ("token_id", texts(&["t"]))]);
    assert_eq!(refusal(fresh(&HOLDINGS_DESC, &frame)), "required columns missing: `tick`, `quantity`");
    let options = PrepareOptions { validate_schema: false, ..PrepareOptions::default() };
    let error =
        prepare(&(&HOLDINGS_DESC).into(), &frame, &options, &TableSchema::of(&HOLDINGS_DESC)).unwrap_err();
    assert_eq!(error, ValidationError::NoTick);
}

#[test]
fn a_column_given_twice_is_refused() {
    let fields: Vec<Field> = ["tick", "agent_id", "token_id", "quantity", "tick"]
        .map(|name| Field::new(name, DataType::Int64, true))
        .to_vec();
    let columns = vec![ints(&[1]); 5];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    assert_eq!(refusal(fresh(&HOLDINGS_DESC, &batch.into())), "column `tick` occurs twice");
}

#[test]
fn extra_columns_are_kept_after_the_tables_own_when_not_strict() {
    let options = PrepareOptions { strict: false, ..PrepareOptions::default() };
    let table = TableSchema::of(&HOLDINGS_DESC);
    let prepared =
        prepare(&(&HOLDINGS_DESC).into(), &holdings(2, "colour", texts(&["red", "blue"])), &options, &table)
            .unwrap();
    let names: Vec<String> =
        prepared.physical_schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["bucket", "tick", "agent_id", "token_id", "quantity", "colour"]);
    let grown = prepared.grown().unwrap();
    assert!(grown.covers(&table) && grown.field("colour").is_some());
}

#[test]
fn the_bucket_is_recomputed_and_absent_columns_are_null() {
    let frame = frame(vec![
        ("bucket", texts(&["nonsense", "nonsense"])),
        ("edge_weight", ints(&[1, 2])),
        ("edge_kind", texts(&["k", "k"])),
        ("observer_agent_id", texts(&["a", "b"])),
        ("tick", ints(&[700, 701])),
    ]);
    let prepared = fresh(&IDENTITY_EDGES_DESC, &frame).unwrap();
    assert_eq!(prepared.grown(), None);
    let rows = prepared.slice(0, 1, 1, 7).unwrap();
    let names: Vec<&str> = rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    let columns: Vec<&str> = IDENTITY_EDGES_DESC.columns().iter().map(|column| column.name).collect();
    assert_eq!(names, columns);
    assert_eq!(rows.column(0), &ints(&[7]));
    assert_eq!(rows.column(1), &ints(&[701]));
    assert_eq!(rows.column_by_name("subject_id").unwrap().null_count(), 1);
    assert_eq!(rows.column_by_name("edge_weight").unwrap().as_ref(), &Float64Array::from(vec![2.0]));
}

#[test]
fn a_bad_tick_is_named_with_its_first_row_over_all_batches() {
    let part = |ticks: ArrayRef| holdings(ticks.len(), "tick", ticks).batches()[0].clone();
    let joined = |second: ArrayRef| {
        let first = part(cast(&ints(&[0, 1, 2]), second.data_type()));
        let second = part(second);
        Frame::new(first.schema(), vec![first, second]).unwrap()
    };
    for (ticks, message) in [
        (ints(&[3, -4, -5]), "column `tick`: -4 at row 4 is negative"),
        (
            Arc::new(Int64Array::from(vec![Some(3), Some(4), None])) as ArrayRef,
            "required column `tick` has 1 null, the first at row 5",
        ),
        (
            Arc::new(Float64Array::from(vec![3.0, 4.5, 5.5])) as ArrayRef,
            "`tick`: 4.5 at row 4 cannot become i64 without changing",
        ),
        (
            Arc::new(UInt64Array::from(vec![3, u64::MAX])) as ArrayRef,
            "`tick`: 18446744073709551615 at row 4 cannot become i64 without changing",
        ),
    ] {
        assert_eq!(refusal(fresh(&HOLDINGS_DESC, &joined(ticks))), message);
    }
}

fn cast(array: &ArrayRef, to: &DataType) -> ArrayRef {
    arrow_cast::cast(array, to).unwrap()
}

#[test]
fn nulls_in_a_required_column_are_counted_wherever_they_hide() {
    let keys = arrow_array::Int8Array::from(vec![Some(0), Some(1), None, Some(1)]);
    let values = Arc::new(StringArray::from(vec![Some("a"), None]));
    let dictionary = DictionaryArray::<Int8Type>::try_new(keys, values).unwrap();
    let error = refusal(fresh(&HOLDINGS_DESC, &holdings(4, "agent_id", Arc::new(dictionary))));
    assert_eq!(error, "required column `agent_id` has 3 nulls, the first at row 1");
}

#[test]
fn without_schema_validation_nulls_and_gaps_are_written_and_the_schema_says_so() {
    let frame = frame(vec![
        ("tick", ints(&[1, 2])),
        ("agent_id", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ("quantity", ints(&[1, 2])),
        ("colour", texts(&["red", "blue"])),
    ]);
    let options = PrepareOptions { validate_schema: false, ..PrepareOptions::default() };
    let prepared =
        prepare(&(&HOLDINGS_DESC).into(), &frame, &options, &TableSchema::of(&HOLDINGS_DESC)).unwrap();
    let rows = all_rows(&prepared);
    assert_eq!(rows.column_by_name("agent_id").unwrap().null_count(), 1);
    assert_eq!(rows.column_by_name("token_id").unwrap().null_count(), 2);
    let grown = prepared.grown().unwrap();
    let required: Vec<bool> = grown.fields.iter().map(|field| field.required).collect();
    assert_eq!(required, [true, true, false, false, true, false]);
    let ticks_still = holdings(1, "tick", ints(&[-1]));
    assert!(
        prepare(&(&HOLDINGS_DESC).into(), &ticks_still, &options, &TableSchema::of(&HOLDINGS_DESC)).is_err()
    );
}

#[test]
fn empty_batches_and_frames_without_batches_pass() {
    let some = holdings(3, "quantity", ints(&[1, 2, 3]));
    let batch = some.batches()[0].clone();
    let batches = vec![batch.slice(0, 0), batch.clone(), batch.slice(3, 0), batch.slice(1, 2)];
    let prepared = fresh(&HOLDINGS_DESC, &Frame::new(batch.schema(), batches).unwrap()).unwrap();
    assert_eq!((prepared.rows(), prepared.batches()), (5, 4));
    assert_eq!(&written(&prepared, "quantity"), &ints(&[1, 2, 3, 2, 3]));
    let none = fresh(&HOLDINGS_DESC, &Frame::new(batch.schema(), vec![]).unwrap()).unwrap();
    assert_eq!((none.rows(), none.batches()), (0, 0));
}

#[test]
fn batches_of_a_frame_have_one_schema() {
    let first = holdings(1, "quantity", ints(&[1])).batches()[0].clone();
    let second = holdings(1, "quantity", texts(&["1"])).batches()[0].clone();
    let error = Frame::new(first.schema(), vec![first, second]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "batch 1 of the frame has column `quantity` as Utf8 where Int64 was expected"
    );
}

#[test]
fn rows_are_taken_by_index_in_the_order_given() {
    let prepared = fresh(&HOLDINGS_DESC, &holdings(4, "quantity", ints(&[10, 11, 12, 13]))).unwrap();
    let rows = prepared.take(0, &arrow_array::UInt32Array::from(vec![3, 1]), 5).unwrap();
    assert_eq!(rows.column_by_name("quantity").unwrap(), &ints(&[13, 11]));
    assert_eq!(rows.column_by_name("bucket").unwrap(), &ints(&[5, 5]));
    assert_eq!(rows.schema(), prepared.physical_schema());
}
