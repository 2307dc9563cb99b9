//! Every type of value that a payload can hold, in layouts other than the one in which it is read.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, Date64Array, Decimal32Array, Decimal256Array, DurationNanosecondArray,
    DurationSecondArray, FixedSizeBinaryArray, Float32Array, LargeBinaryArray, Time32SecondArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray,
};
use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use crv_core::tables::EXCHANGE_DESC;

use super::{read_back, through_parquet};
use crate::validate::conform;
use crv_schema::testing::frames::{all_rows, exchange, fresh, payload, refusal};

#[test]
fn times_are_kept_to_the_microsecond_or_refused() {
    let at = |nanoseconds: i64| {
        let zoned = TimestampNanosecondArray::from(vec![nanoseconds]).with_timezone("Europe/Berlin");
        let took: ArrayRef = Arc::new(DurationNanosecondArray::from(vec![nanoseconds]));
        payload(vec![("at", Arc::new(zoned)), ("took", took)])
    };
    let prepared = fresh(&EXCHANGE_DESC, &exchange(at(-7_000))).unwrap();
    assert!(prepared.needs_arrow_metadata());
    let back = read_back(&prepared, prepared.grown().unwrap());
    let column = back.column_by_name("additional_payload").unwrap().as_struct();
    let expected = TimestampMicrosecondArray::from(vec![-7]).with_timezone("Europe/Berlin");
    assert_eq!(column.column(0).as_ref(), &expected as &dyn Array);
    assert_eq!(column.column(1).data_type(), &DataType::Duration(TimeUnit::Microsecond));
    let error = refusal(fresh(&EXCHANGE_DESC, &exchange(at(1))));
    assert!(error.starts_with("`additional_payload.at`: 1970-01-01T00:00:00.000000001Z at row 0"), "{error}");
}

/// One row with a value of every type, each in a layout other than the one in which it is read.
fn kinds() -> ArrayRef {
    let decimal32 = Decimal32Array::from(vec![-125]).with_precision_and_scale(5, 2).unwrap();
    let decimal256 = Decimal256Array::from(vec![i256::from(7)]).with_precision_and_scale(38, 0).unwrap();
    let fixed = FixedSizeBinaryArray::try_from_iter([[1_u8, 2, 3]].into_iter()).unwrap();
    payload(vec![
        ("large", Arc::new(LargeBinaryArray::from(vec![b"bytes".as_slice()]))),
        ("view", Arc::new(BinaryViewArray::from(vec![b"bytes that are too long to be inline".as_slice()]))),
        ("fixed", Arc::new(fixed)),
        ("day", Arc::new(Date64Array::from(vec![-86_400_000]))),
        ("clock", Arc::new(Time32SecondArray::from(vec![3_600]))),
        ("fine_clock", Arc::new(Time64NanosecondArray::from(vec![5_000]))),
        ("wall", Arc::new(TimestampSecondArray::from(vec![-1]))),
        ("utc", Arc::new(TimestampMillisecondArray::from(vec![1]).with_timezone("UTC"))),
        ("berlin", Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("Europe/Berlin"))),
        ("took", Arc::new(DurationSecondArray::from(vec![2]))),
        ("small", Arc::new(decimal32)),
        ("big", Arc::new(decimal256)),
        ("single", Arc::new(Float32Array::from(vec![0.5]))),
    ])
}

/// Without the embedded Arrow schema, zones and durations come from the table's schema.
#[test]
fn every_kind_of_value_comes_back_with_and_without_an_embedded_schema() {
    let prepared = fresh(&EXCHANGE_DESC, &exchange(kinds())).unwrap();
    let table = prepared.grown().unwrap();
    let shown = |embed| {
        let rows = all_rows(&prepared);
        let (batches, _) = through_parquet(prepared.physical_schema(), &[rows], embed);
        let read = conform(&batches[0], table, &table.to_arrow()).unwrap();
        let payload = read.column_by_name("additional_payload").unwrap().as_struct().clone();
        // Without a time zone database, Arrow cannot format a local time.
        let column = |array: &ArrayRef| match array.data_type() {
            DataType::Timestamp(_, Some(_)) => arrow_cast::cast(array, &DataType::Int64).unwrap(),
            _ => array.clone(),
        };
        let value = |array: &ArrayRef| {
            let array = column(array);
            arrow_cast::display::array_value_to_string(&array, 0).unwrap()
        };
        payload.columns().iter().map(value).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(true),
        [
            "6279746573",
            "627974657320746861742061726520746f6f206c6f6e6720746f20626520696e6c696e65",
            "010203",
            "1969-12-31",
            "01:00:00",
            "00:00:00.000005",
            "1969-12-31T23:59:59",
            "1000",
            "1",
            "PT2S",
            "-1.25",
            "7",
            "0.5"
        ]
    );
    assert_eq!(shown(false), shown(true));
}

#[test]
fn a_time_that_is_no_whole_day_or_overflows_is_refused() {
    let day: ArrayRef = Arc::new(Date64Array::from(vec![86_400_001]));
    let error = refusal(fresh(&EXCHANGE_DESC, &exchange(payload(vec![("day", day)]))));
    assert_eq!(
        error,
        "`additional_payload.day`: 1970-01-02T00:00:00.001 at row 0 cannot become date without changing"
    );
    let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
    let error = refusal(fresh(&EXCHANGE_DESC, &exchange(payload(vec![("at", far)]))));
    assert!(error.ends_with("at row 0 cannot become timestamp without changing"), "{error}");
}
