//! The cost of an append grows linearly with what is appended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::Field;
use crv_io::{AppendOptions, ErrorKind, TableId, WriterOptions};

use crate::support::Root;

fn trade(payload: ArrayRef) -> RecordBatch {
    let text = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![0])) as ArrayRef),
        ("venue_id", text()),
        ("token_id", text()),
        ("exchange_event_type", text()),
        ("additional_payload", payload),
    ])
    .unwrap()
}

/// A payload with this number of fields.
fn wide(fields: i64) -> RecordBatch {
    let field = |n: i64| {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![n]));
        (Arc::new(Field::new(format!("token_{n}"), array.data_type().clone(), true)), array)
    };
    trade(Arc::new(StructArray::from((0..fields).map(field).collect::<Vec<_>>())))
}

/// A payload of nested structs, with this number of levels including the column itself.
fn deep(levels: usize) -> RecordBatch {
    let mut array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for _ in 1..levels {
        let field = Arc::new(Field::new("a", array.data_type().clone(), true));
        array = Arc::new(StructArray::from(vec![(field, array)]));
    }
    trade(array)
}

/// Returns the shortest of some tries: other load on the machine makes a try longer, never shorter.
fn shortest(mut work: impl FnMut()) -> Duration {
    let once = |_| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    (0..5).map(once).min().unwrap()
}

/// Four times the fields take about four times as long; with a quadratic cost it would be sixteen times.
#[test]
fn an_append_takes_time_by_the_fields_of_its_payload_and_not_by_their_square() {
    let took = |fields: i64| {
        let root = Root::new();
        let dataset = root.open();
        let frame = wide(fields);
        shortest(|| {
            dataset.append(TableId::EXCHANGE, frame.clone(), AppendOptions::default()).unwrap();
        })
    };
    let ratio = || took(8_000).as_secs_f64() / took(2_000).as_secs_f64();
    let ratios: Vec<f64> = (0..3).map(|_| ratio()).take_while(|ratio| *ratio > 9.0).collect();
    assert!(ratios.len() < 3, "{ratios:?}");
}

/// A schema that no table can have is refused before its rows exist, with the error of an append.
#[test]
fn a_schema_that_nests_too_deep_is_refused_without_rows() {
    let root = Root::new();
    let dataset = root.open();
    let (transaction, writer) = (dataset.transaction(), dataset.writer(WriterOptions::default()));
    for levels in [49, 460] {
        let frame = deep(levels);
        let schema = frame.schema();
        let refused = dataset.append(TableId::EXCHANGE, frame, AppendOptions::default()).unwrap_err();
        assert!(refused.to_string().ends_with("nests deeper than 48 levels"), "{refused}");
        for checked in [
            dataset.check_nesting(TableId::EXCHANGE, &schema),
            transaction.check_nesting(TableId::EXCHANGE, &schema),
            writer.check_nesting(TableId::EXCHANGE, &schema),
        ] {
            let error = checked.unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Schema, refused.to_string()));
            assert_eq!(error.hint(), refused.hint());
        }
    }
    let taken = deep(48);
    dataset.check_nesting(TableId::EXCHANGE, &taken.schema()).unwrap();
    dataset.append(TableId::EXCHANGE, taken, AppendOptions::default()).unwrap();
}
