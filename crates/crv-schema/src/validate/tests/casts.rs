//! Scalars are cast only if no value changes.

use std::sync::Arc;

use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float32Array, Float64Array, Int8Array,
    Int32Array, Int64Array, LargeStringArray, NullArray, RunArray, StringArray, StringViewArray, UInt8Array,
    UInt64Array,
};
use arrow_schema::DataType;
use crv_core::tables::{HOLDINGS_DESC, HOLDINGS_VALUATION_DESC};

use crate::testing::frames::{frame, fresh, holdings, ints, refusal, texts, written};
use crate::validate::{Prepared, ValidationError};

fn into(name: &str, column: ArrayRef) -> Result<Prepared, ValidationError> {
    fresh(&HOLDINGS_DESC, &holdings(column.len(), name, column))
}

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// A frame of `holdings_valuation` with this nullable column.
fn valuation(name: &'static str, column: ArrayRef) -> Result<Prepared, ValidationError> {
    let text = texts(&vec!["x"; column.len()]);
    let ticks = ints(&vec![1; column.len()]);
    let columns = vec![
        ("tick", ticks.clone()),
        ("agent_id", text.clone()),
        ("token_id", text),
        ("quantity", ticks),
        (name, column),
    ];
    fresh(&HOLDINGS_VALUATION_DESC, &frame(columns))
}

#[test]
fn whole_numbers_in_any_type_become_i64() {
    for column in [
        array(Int8Array::from(vec![1, 0])),
        array(Int32Array::from(vec![1, 0])),
        array(UInt8Array::from(vec![1, 0])),
        array(UInt64Array::from(vec![1, 0])),
        array(Float32Array::from(vec![1.0, -0.0])),
        array(Float64Array::from(vec![1.0, 0.0])),
        array(BooleanArray::from(vec![true, false])),
        texts(&["1", "0"]),
        array(StringViewArray::from(vec!["1.0", "0e5"])),
        array(vec![Some("1"), Some("0")].into_iter().collect::<DictionaryArray<UInt32Type>>()),
    ] {
        let from = column.data_type().clone();
        assert_eq!(&written(&into("quantity", column).unwrap(), "quantity"), &ints(&[1, 0]), "{from}");
    }
    let limits = [i64::MIN as f64, 4_611_686_018_427_387_904.0];
    let prepared = into("quantity", array(Float64Array::from(limits.to_vec()))).unwrap();
    assert_eq!(&written(&prepared, "quantity"), &ints(&[i64::MIN, 1 << 62]));
}

#[test]
fn a_value_that_is_no_i64_is_named_with_its_row() {
    for (column, message) in [
        (array(Float64Array::from(vec![1.0, 2.5])), "2.5 at row 1"),
        (array(Float64Array::from(vec![1.0, f64::NAN])), "NaN at row 1"),
        (array(Float64Array::from(vec![9.223_372_036_854_776e18])), "9.223372036854776e18 at row 0"),
        (array(UInt64Array::from(vec![1 << 63])), "9223372036854775808 at row 0"),
        (texts(&["1", "2", " 3"]), "\" 3\" at row 2"),
        (texts(&["1", "", "3"]), "\"\" at row 1"),
        (texts(&["1.5"]), "\"1.5\" at row 0"),
    ] {
        let message = format!("`quantity`: {message} cannot become i64 without changing");
        assert_eq!(refusal(into("quantity", column)), message);
    }
}

#[test]
fn a_type_that_is_no_number_is_refused_whatever_its_values() {
    let dates = array(Date32Array::from(vec![1]));
    assert_eq!(refusal(into("quantity", dates)), "`quantity` is date and cannot become i64");
    let flags = array(BooleanArray::from(vec![true]));
    assert_eq!(refusal(into("agent_id", flags)), "`agent_id` is bool and cannot become str");
    let flags = array(BooleanArray::from(vec![true]));
    assert_eq!(refusal(valuation("mark_price", flags)), "`mark_price` is bool and cannot become f64");
}

#[test]
fn numbers_become_f64_only_if_they_are_one() {
    for column in [
        array(Int64Array::from(vec![Some(3), None])),
        array(Int8Array::from(vec![Some(3), None])),
        array(Float32Array::from(vec![Some(3.0), None])),
        array(StringArray::from(vec![Some("3e0"), None])),
    ] {
        let prepared = valuation("mark_price", column).unwrap();
        assert_eq!(
            written(&prepared, "mark_price").as_ref(),
            &Float64Array::from(vec![Some(3.0), None]) as &dyn Array
        );
    }
    let far = array(Int64Array::from(vec![Some(1 << 53), None, Some((1 << 53) + 1)]));
    assert_eq!(
        refusal(valuation("mark_price", far)),
        "`mark_price`: 9007199254740993 at row 2 cannot become f64 without changing"
    );
}

#[test]
fn numbers_become_text_that_reads_back() {
    for (column, shown) in [
        (array(Int32Array::from(vec![-7, 0])), ["-7", "0"]),
        (array(UInt64Array::from(vec![u64::MAX, 0])), ["18446744073709551615", "0"]),
        (array(Float64Array::from(vec![1.0, 0.1])), ["1.0", "0.1"]),
        (array(Float32Array::from(vec![0.1, -2.0])), ["0.1", "-2.0"]),
    ] {
        assert_eq!(&written(&into("agent_id", column).unwrap(), "agent_id"), &texts(&shown));
    }
}

#[test]
fn text_in_any_layout_is_text_and_common_layouts_are_not_copied() {
    let words = vec!["alpha", "a text that is longer than a view holds inline", "alpha"];
    let views = StringViewArray::from(words.clone());
    let runs = RunArray::<Int32Type>::try_new(
        &Int32Array::from(vec![2, 3]),
        &StringArray::from(vec!["alpha", "beta"]),
    )
    .unwrap();
    for (column, layout, expected) in [
        (texts(&words), DataType::Utf8, words.clone()),
        (array(LargeStringArray::from(words.clone())), DataType::LargeUtf8, words.clone()),
        (array(views.clone()), DataType::Utf8View, words.clone()),
        (
            array(words.clone().into_iter().collect::<DictionaryArray<UInt32Type>>()),
            DataType::Utf8,
            words.clone(),
        ),
        (array(runs), DataType::Utf8, vec!["alpha", "alpha", "beta"]),
    ] {
        let prepared = into("agent_id", column).unwrap();
        let physical = prepared.physical_schema();
        assert_eq!(physical.field_with_name("agent_id").unwrap().data_type(), &layout);
        let text = arrow_cast::cast(&written(&prepared, "agent_id"), &DataType::Utf8).unwrap();
        assert_eq!(&text, &texts(&expected));
    }
    let prepared = into("agent_id", array(views.clone())).unwrap();
    let cut = prepared.slice(0, 1, 2, 0).unwrap();
    let data = cut.column_by_name("agent_id").unwrap().to_data();
    assert_eq!(data.buffers()[1].as_ptr(), views.data_buffers()[0].as_ptr(), "the text is not copied");
}

#[test]
fn a_column_of_nulls_fits_any_column_that_may_be_null() {
    for nulls in [
        array(NullArray::new(2)),
        array(BooleanArray::from(vec![None, None])),
        array(Date32Array::from(vec![None, None])),
        array(StringArray::from(vec![None::<&str>, None])),
    ] {
        for name in ["mark_price", "price_source"] {
            let prepared = valuation(name, nulls.clone()).unwrap();
            assert_eq!(written(&prepared, name).null_count(), 2);
        }
    }
}

#[test]
fn sliced_columns_are_read_where_they_begin() {
    let prepared = into("quantity", texts(&["x", "1", "2", "y"]).slice(1, 2)).unwrap();
    assert_eq!(&written(&prepared, "quantity"), &ints(&[1, 2]));
    let sliced = array(Float64Array::from(vec![0.5, 1.0, 2.0])).slice(1, 2);
    assert_eq!(&written(&into("quantity", sliced).unwrap(), "quantity"), &ints(&[1, 2]));
    let error = into("quantity", texts(&["x", "1", "y"]).slice(1, 2)).unwrap_err();
    assert!(error.to_string().contains("\"y\" at row 1"), "{error}");
}

/// A time without a zone is no instant: which one it is depends on where it was measured.
#[test]
fn a_time_gets_no_zone_and_loses_none() {
    use arrow_array::TimestampSecondArray;
    use crv_core::tables::TableId;

    use crate::schema::{Descriptor, Field, FieldType};

    let times = |zone: Option<&str>| {
        let times = TimestampSecondArray::from(vec![Some(1), None]);
        array(zone.map_or_else(|| times.clone(), |zone| times.clone().with_timezone(zone)))
    };
    let (utc, cairo) = (Some("UTC"), Some("+02:00"));
    for (from, to, fits) in
        [(None, None, true), (utc, utc, true), (cairo, utc, true), (None, utc, false), (utc, None, false)]
    {
        let ty = FieldType::Timestamp { zone: to.map(Into::into) };
        let table: TableId = "times".parse().unwrap();
        let descriptor = Descriptor::declared(table, vec![Field::nullable("at", ty)]).unwrap();
        let prepared = fresh(descriptor, &frame(vec![("tick", ints(&[0, 1])), ("at", times(from))]));
        match prepared {
            Ok(_) => assert!(fits, "{from:?} to {to:?}"),
            Err(error) => assert!(!fits && error.to_string().starts_with("`at` is timestamp"), "{error}"),
        }
    }
}
