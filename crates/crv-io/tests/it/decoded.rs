//! Small parts that are decoded together give the rows that each of them gives alone.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema};
use arrow_select::concat::concat_batches;
use crv_io::config::Compression;
use crv_io::schema::string_views;
use crv_io::{AppendOptions, Dataset, ErrorKind, Scan, TableId, TickRange};

use crate::support::{EDGES, RUN, Root, append, forget_checksums};

const TRADES: TableId = TableId::EXCHANGE;

/// Trades of a tick. Their payload differs from tick to tick: other fields, another type of number, lists, nulls.
fn trades(tick: i64) -> RecordBatch {
    let rows = 1 + tick as usize % 5;
    let words = |word: &str| Arc::new(StringArray::from(vec![word; rows])) as ArrayRef;
    let number: ArrayRef = if tick % 7 == 0 {
        Arc::new(Float64Array::from_iter((0..rows).map(|row| (row % 2 == 0).then_some(tick as f64 + 0.5))))
    } else {
        Arc::new(Int64Array::from_iter_values((0..rows).map(|row| tick + row as i64)))
    };
    let mut members = vec![("lot", number)];
    if tick % 3 == 0 {
        members
            .push(("note", words(&format!("a text that is longer than a view holds, of tick {}", tick % 4))));
    }
    if tick % 4 == 0 {
        let list = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>(
            (0..rows as i64).map(|row| Some((0..row).map(Some).collect::<Vec<_>>())),
        );
        members.push(("path", Arc::new(list) as ArrayRef));
    }
    let payload = StructArray::try_from(members).unwrap();
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick; rows])) as ArrayRef),
        ("venue_id", words(if tick % 2 == 0 { "a venue with a name of some length" } else { "V" })),
        ("token_id", words("T")),
        ("exchange_event_type", words("trade")),
        ("additional_payload", Arc::new(payload) as ArrayRef),
    ])
    .unwrap()
}

fn run(root: &Root, compression: Compression) -> Dataset {
    let settings = root.settings().with_compression(compression);
    let dataset = Dataset::open(settings, RUN).unwrap();
    for tick in 0..150 {
        dataset.append(TRADES, trades(tick), AppendOptions::default()).unwrap();
    }
    dataset
}

fn rows(scan: Scan) -> RecordBatch {
    let schema = scan.schema();
    let batches: Vec<RecordBatch> = scan.batches().map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// The rows of a scan, read part by part.
fn one_by_one(scan: &Scan) -> RecordBatch {
    let parts = (0..scan.parts().len()).map(|part| rows(scan.clone().part_range(part..part + 1)));
    concat_batches(&scan.schema(), &parts.collect::<Vec<_>>()).unwrap()
}

#[test]
fn parts_that_are_decoded_together_give_the_rows_of_each() {
    for compression in [Compression::Zstd, Compression::Lz4, Compression::Snappy] {
        let root = Root::new();
        let dataset = run(&root, compression);
        let all = dataset.scan(TRADES).unwrap();
        assert_eq!((all.parts().len(), rows(all.clone()).num_rows()), (150, 450));
        let ranges = [TickRange::ALL, (10..=130).into(), (77..=77).into(), (149..=9_999).into()];
        for range in ranges {
            let scan = all.clone().ticks(range);
            let expected = one_by_one(&scan);
            assert_eq!(rows(scan.clone()), expected);
            for columns in [&["venue_id"][..], &["additional_payload", "tick"], &["token_id", "side"]] {
                let scan = scan.clone().columns(columns).unwrap();
                assert_eq!(rows(scan.clone()), one_by_one(&scan), "{columns:?}");
            }
            for limit in [1, 2, 3, 50, 449, 1_000] {
                let taken = expected.slice(0, limit.min(expected.num_rows()));
                assert_eq!(rows(scan.clone().limit(limit as u64)), taken, "{limit} rows");
            }
        }
    }
}

/// Ticks that share a part with others: rows are filtered.
#[test]
fn rows_of_other_ticks_stay_out() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..60 {
        append(&dataset, [tick, tick + 1, tick + 2]);
    }
    for range in [TickRange::from(30..=31), (0..=0).into(), (45..=99).into()] {
        let scan = dataset.scan(EDGES).unwrap().ticks(range);
        assert_eq!(rows(scan.clone()), one_by_one(&scan));
        let scan = scan.columns(&["edge_weight"]).unwrap();
        assert_eq!(rows(scan.clone()), one_by_one(&scan));
    }
}

#[test]
fn texts_as_views_are_the_same_texts_at_every_depth() {
    let root = Root::new();
    let dataset = run(&root, Compression::Zstd);
    dataset.compact(TRADES, crv_io::CompactOptions::default()).unwrap();
    for tick in 150..170 {
        dataset.append(TRADES, trades(tick), AppendOptions::default()).unwrap();
    }
    for columns in [&["venue_id"][..], &["additional_payload"], &["side", "token_id"]] {
        let scan = dataset.scan(TRADES).unwrap().columns(columns).unwrap();
        let (texts, views) = (rows(scan.clone()), rows(scan.clone().string_views()));
        assert_eq!(*views.schema(), Schema::new(string_views(texts.schema().fields())));
        for (text, view) in texts.columns().iter().zip(views.columns()) {
            assert_eq!(*cast(view, text.data_type()).unwrap(), **text);
        }
    }
    let views = rows(dataset.scan(TRADES).unwrap().string_views());
    assert_eq!(*views.column_by_name("venue_id").unwrap().data_type(), DataType::Utf8View);
    let payload = views.column_by_name("additional_payload").unwrap().as_struct();
    assert_eq!(*payload.column_by_name("note").unwrap().data_type(), DataType::Utf8View);
}

/// Parts of an earlier implementation have no checksums: they are read one by one, beside others.
#[test]
fn parts_without_a_checksum_come_in_their_place() {
    let root = Root::new();
    let dataset = root.open();
    (0..20).for_each(|tick| append(&dataset, [tick]));
    forget_checksums(&dataset);
    (20..40).for_each(|tick| append(&dataset, [tick]));
    let scan = dataset.scan(EDGES).unwrap();
    assert_eq!(rows(scan.clone()), one_by_one(&scan));
    let views = rows(scan.clone().string_views());
    for (text, view) in rows(scan).columns().iter().zip(views.columns()) {
        assert_eq!(*cast(view, text.data_type()).unwrap(), **text);
    }
}

#[test]
fn rows_before_a_damaged_part_come_before_its_error() {
    let root = Root::new();
    let dataset = root.open();
    (0..40).for_each(|tick| append(&dataset, [tick]));
    let scan = root.open().scan(EDGES).unwrap().string_views();
    let damaged = scan.parts()[17].path.clone();
    let mut bytes = fs_err::read(&damaged).unwrap();
    bytes[40] ^= 1;
    fs_err::write(&damaged, bytes).unwrap();
    let mut before = 0;
    let error = scan
        .batches()
        .find_map(|batch| match batch {
            Ok(batch) => {
                before += batch.num_rows();
                None
            }
            Err(error) => Some(error),
        })
        .unwrap();
    assert_eq!((before, error.kind()), (17, ErrorKind::Read));
    assert!(error.to_string().contains(&damaged), "{error}");
}
