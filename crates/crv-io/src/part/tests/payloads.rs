//! Payloads: structs that differ from tick to tick.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float64Array, ListArray, MapArray, NullArray,
    StringArray, StructArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use crv_core::tables::{DECISIONS_DESC, EXCHANGE_DESC};

use super::read_back;
use crate::schema::{FieldType, TableSchema};
use crate::validate::{PrepareOptions, Prepared, ValidationError, prepare};
use crv_schema::testing::frames::{
    empty_structs, exchange, frame, fresh, ints, payload, refusal, texts, written,
};

fn list_of(items: ArrayRef, lengths: &[usize]) -> ArrayRef {
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), items, None))
}

/// The table's schema after appends of these payloads.
fn table_of(payloads: &[ArrayRef]) -> TableSchema {
    payloads.iter().fold(TableSchema::of(&EXCHANGE_DESC), |table, payload| {
        onto(payload.clone(), &table).unwrap().grown().cloned().unwrap_or(table)
    })
}

fn onto(payload: ArrayRef, table: &TableSchema) -> Result<Prepared, ValidationError> {
    prepare(&(&EXCHANGE_DESC).into(), &exchange(payload), &PrepareOptions::default(), table)
}

fn int_payload(values: &[i64]) -> ArrayRef {
    payload(vec![("n", ints(values))])
}

fn float_payload(value: f64) -> ArrayRef {
    payload(vec![("n", Arc::new(Float64Array::from(vec![value])))])
}

#[test]
fn an_empty_payload_is_not_a_null_one_after_parquet() {
    let nulls = NullBuffer::from(vec![true, false, true]);
    let inner: ArrayRef = Arc::new(StructArray::new_empty_fields(3, Some(nulls)));
    let frame = exchange(payload(vec![("inner", inner)]));
    let prepared = fresh(&EXCHANGE_DESC, &frame).unwrap();
    let table = prepared.grown().unwrap().clone();
    let back = read_back(&prepared, &table);
    let outer = back.column_by_name("additional_payload").unwrap().as_struct();
    let inner = outer.column(0).as_struct();
    assert_eq!((inner.num_columns(), inner.null_count(), inner.is_null(1)), (0, 1, true));

    let prepared = fresh(&EXCHANGE_DESC, &exchange(empty_structs(2))).unwrap();
    assert_eq!(prepared.grown(), None);
    let back = read_back(&prepared, &TableSchema::of(&EXCHANGE_DESC));
    let column = back.column_by_name("additional_payload").unwrap();
    assert_eq!((column.len(), column.null_count(), column.as_struct().num_columns()), (2, 0, 0));
}

#[test]
fn new_fields_grow_the_table_and_old_parts_read_with_nulls() {
    let first = payload(vec![("a", ints(&[1]))]);
    let second = payload(vec![("b", texts(&["x"])), ("a", ints(&[2]))]);
    let table = table_of(&[first.clone(), second]);
    let old = read_back(&fresh(&EXCHANGE_DESC, &exchange(first)).unwrap(), &table);
    assert_eq!(old.schema(), table.to_arrow());
    let column = old.column_by_name("additional_payload").unwrap().as_struct();
    assert_eq!(column.column_names(), ["a", "b"]);
    assert_eq!(column.column(0), &ints(&[1]));
    assert_eq!(column.column(1).null_count(), 1);
}

#[test]
fn a_conflict_names_the_field_and_both_types() {
    let legs = |price: ArrayRef| payload(vec![("legs", list_of(payload(vec![("price", price)]), &[1]))]);
    let table = table_of(&[legs(ints(&[1]))]);
    let error = onto(legs(texts(&["1"])), &table).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field `additional_payload.legs[].price` is i64 in this table and str in this frame"
    );
    assert!(error.hint().unwrap().contains("keeps the type"));
}

#[test]
fn integers_become_floats_where_the_table_has_floats() {
    let table = table_of(&[float_payload(0.5)]);
    let prepared = onto(int_payload(&[7]), &table).unwrap();
    assert_eq!(prepared.grown(), None);
    let column = written(&prepared, "additional_payload");
    assert_eq!(
        column.as_struct().column(0).as_primitive::<Float64Type>().value(0).to_bits(),
        7.0_f64.to_bits()
    );
    let error = onto(int_payload(&[0, 9_007_199_254_740_993]), &table).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`additional_payload.n`: 9007199254740993 at row 1 cannot become f64 without changing"
    );
}

#[test]
fn integers_that_no_float_holds_keep_a_field_from_widening() {
    let table = table_of(&[int_payload(&[3])]);
    assert!(onto(float_payload(0.5), &table).is_ok());
    let table = table_of(&[int_payload(&[3]), int_payload(&[-9_007_199_254_740_993])]);
    let error = onto(float_payload(0.5), &table).unwrap_err();
    assert!(matches!(error, ValidationError::Conflict(_)), "{error}");
    // A power of two is exact as a float, however large it is.
    let table = table_of(&[int_payload(&[1 << 60])]);
    assert!(onto(float_payload(0.5), &table).is_ok());
}

#[test]
fn the_table_knows_what_an_untyped_list_will_hold() {
    let untyped = payload(vec![("tags", list_of(Arc::new(NullArray::new(0)), &[0, 0]))]);
    let typed = payload(vec![("tags", list_of(texts(&["a", "b"]), &[1, 1]))]);
    let prepared = fresh(&EXCHANGE_DESC, &exchange(untyped.clone())).unwrap();
    assert!(prepared.provisional());
    let table = table_of(&[untyped.clone(), typed]);
    let back = read_back(&prepared, &table);
    assert_eq!(back.schema(), table.to_arrow());
    let prepared = onto(untyped, &table).unwrap();
    assert!(!prepared.provisional() && prepared.grown().is_none());
}

#[test]
fn an_untyped_field_is_not_written_and_becomes_anything() {
    let nothing = payload(vec![("a", Arc::new(NullArray::new(1))), ("b", ints(&[1]))]);
    let prepared = fresh(&EXCHANGE_DESC, &exchange(nothing.clone())).unwrap();
    assert_eq!(written(&prepared, "additional_payload").as_struct().column_names(), ["b"]);
    let table = table_of(&[nothing, payload(vec![("a", texts(&["x"]))])]);
    let FieldType::Struct(fields) = &table.field("additional_payload").unwrap().ty else { panic!() };
    assert_eq!((fields[0].name.as_str(), &fields[0].ty), ("a", &FieldType::Str));
}

#[test]
fn a_typed_field_without_values_does_not_contradict_the_table() {
    let table = table_of(&[payload(vec![("a", ints(&[1]))])]);
    let none: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    let prepared = onto(payload(vec![("a", none)]), &table).unwrap();
    assert_eq!(read_back(&prepared, &table).num_rows(), 1);
    // A value under a null struct does not count.
    let inner = StructArray::new(
        Fields::from(vec![Field::new("a", DataType::Boolean, true)]),
        vec![Arc::new(BooleanArray::from(vec![true]))],
        Some(NullBuffer::new_null(1)),
    );
    let table = table_of(&[payload(vec![("inner", payload(vec![("a", ints(&[1]))]))])]);
    let prepared = onto(payload(vec![("inner", Arc::new(inner))]), &table).unwrap();
    let back = read_back(&prepared, &table);
    let outer = back.column_by_name("additional_payload").unwrap().as_struct();
    assert_eq!(outer.column(0).null_count(), 1);
}

#[test]
fn what_lies_beneath_a_null_is_not_a_value() {
    let beneath = |nulls: Option<NullBuffer>| {
        let fields = Fields::from(vec![Field::new("n", DataType::UInt64, true)]);
        let values: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX]));
        payload(vec![("inner", Arc::new(StructArray::new(fields, vec![values], nulls)))])
    };
    let hidden = beneath(Some(NullBuffer::from(vec![true, false])));
    let prepared = fresh(&EXCHANGE_DESC, &exchange(hidden)).unwrap();
    let column = written(&prepared, "additional_payload");
    let inner = column.as_struct().column(0).as_struct();
    assert_eq!(inner.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
    assert_eq!(
        refusal(fresh(&EXCHANGE_DESC, &exchange(beneath(None)))),
        "`additional_payload.inner.n`: 18446744073709551615 at row 1 cannot become i64 without changing"
    );
    // The same in a list: the value beyond `i64` is under the null list.
    let items: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX, 3]));
    let lists = |nulls| {
        let field = Arc::new(Field::new("item", DataType::UInt64, true));
        let offsets = OffsetBuffer::from_lengths([1, 1, 1]);
        payload(vec![("l", Arc::new(ListArray::new(field, offsets, Arc::clone(&items), nulls)))])
    };
    assert!(fresh(&EXCHANGE_DESC, &exchange(lists(Some(NullBuffer::from(vec![true, false, true]))))).is_ok());
    assert_eq!(
        refusal(fresh(&EXCHANGE_DESC, &exchange(lists(None)))),
        "`additional_payload.l[]`: 18446744073709551615 at row 1 cannot become i64 without changing"
    );
    assert!(fresh(&EXCHANGE_DESC, &exchange(lists(None).slice(2, 1))).is_ok());
}

#[test]
fn payload_columns_take_structs_and_nothing_else() {
    for (column, found) in
        [(ints(&[1]), "i64"), (texts(&["{}"]), "str"), (list_of(int_payload(&[1]), &[1]), "list[struct]")]
    {
        assert_eq!(
            refusal(fresh(&EXCHANGE_DESC, &exchange(column))),
            format!("`additional_payload` is {found} and cannot become struct")
        );
    }
    let entries = StructArray::from(vec![
        (Arc::new(Field::new("keys", DataType::Utf8, false)), texts(&["k"])),
        (Arc::new(Field::new("values", DataType::Utf8, true)), texts(&["v"])),
    ]);
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let map = MapArray::new(field, OffsetBuffer::from_lengths([1]), entries, None, false);
    let error = fresh(&EXCHANGE_DESC, &exchange(payload(vec![("m", Arc::new(map))]))).unwrap_err();
    assert!(error.to_string().starts_with("`additional_payload.m` has type Map("), "{error}");
    assert!(error.hint().unwrap().contains("list of structs"));
}

#[test]
fn names_and_depth_that_no_table_takes_are_refused_with_their_path() {
    let reserved = payload(vec![("a", payload(vec![("_crv_empty", ints(&[1]))]))]);
    assert_eq!(
        refusal(fresh(&EXCHANGE_DESC, &exchange(reserved))),
        "`additional_payload.a._crv_empty`: the field name `_crv_empty` is reserved"
    );
    let twice = payload(vec![("a", ints(&[1])), ("a", ints(&[1]))]);
    assert_eq!(refusal(fresh(&EXCHANGE_DESC, &exchange(twice))), "`additional_payload.a` occurs twice");
    let deep = (0..60).fold(ints(&[1]), |inner, _| payload(vec![("f", inner)]));
    let error = refusal(fresh(&EXCHANGE_DESC, &exchange(deep)));
    assert!(error.ends_with(".f.f.f` nests deeper than 48 levels"), "{error}");
}

#[test]
fn lists_of_structs_come_in_every_layout() {
    let structs = || payload(vec![("score", ints(&[1, 2, 3, 4]))]);
    let item = Arc::new(Field::new("item", structs().data_type().clone(), true));
    let fixed: ArrayRef = Arc::new(FixedSizeListArray::new(item.clone(), 2, structs(), None));
    let list = list_of(structs(), &[2, 2]);
    let as_type = |data_type: DataType| arrow_cast::cast(&list, &data_type).unwrap();
    let untyped = list_of(Arc::new(NullArray::new(0)), &[0, 0]);
    for (column, items) in [
        (list.clone(), 4),
        (as_type(DataType::LargeList(item.clone())), 4),
        (as_type(DataType::ListView(item.clone())), 4),
        (as_type(DataType::LargeListView(item.clone())), 4),
        (fixed, 4),
        (untyped, 0),
    ] {
        let layout = column.data_type().clone();
        let frame = frame(vec![
            ("tick", ints(&[1, 2])),
            ("agent_id", texts(&["a", "b"])),
            ("chosen_action", empty_structs(2)),
            ("action_candidates", column),
            ("token_value_estimates", empty_structs(2)),
        ]);
        let prepared = fresh(&DECISIONS_DESC, &frame).unwrap();
        let table = prepared.grown().cloned().unwrap_or_else(|| TableSchema::of(&DECISIONS_DESC));
        let back = read_back(&prepared, &table);
        let candidates = back.column_by_name("action_candidates").unwrap().as_list::<i32>();
        assert_eq!((candidates.len(), candidates.null_count()), (2, 0), "{layout}");
        assert_eq!(candidates.values().len(), items, "{layout}");
        assert!(!prepared.provisional());
    }
    let numbers = list_of(ints(&[1]), &[1]);
    let error = refusal(fresh(
        &DECISIONS_DESC,
        &frame(vec![
            ("tick", ints(&[1])),
            ("agent_id", texts(&["a"])),
            ("chosen_action", empty_structs(1)),
            ("action_candidates", numbers),
            ("token_value_estimates", empty_structs(1)),
        ]),
    ));
    assert_eq!(error, "`action_candidates` is list[i64] and cannot become list[struct]");
}
