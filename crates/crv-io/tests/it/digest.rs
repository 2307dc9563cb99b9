//! The digest of a run's rows, and where two runs part.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::Field;
use crv_io::config::Compression;
use crv_io::digest::{DIGEST_BUCKET, RunDigest, diff};
use crv_io::{AppendOptions, CompactOptions, Dataset, IoSettings, TableId};
use sha2::{Digest as _, Sha256};

use crate::support::{EDGES, Root, append, edges, holdings};

const TRADES: TableId = TableId::EXCHANGE;

fn texts(rows: Range<i64>, of: impl Fn(i64) -> String) -> ArrayRef {
    Arc::new(rows.map(|row| Some(of(row))).collect::<StringArray>())
}

/// A field of a payload, whose values follow from the rows' numbers.
fn member(name: &str, rows: Range<i64>) -> ArrayRef {
    let count = (rows.end - rows.start) as usize;
    match name {
        "lot" => Arc::new(Int64Array::from_iter_values(rows)),
        "none" => Arc::new(Int64Array::from(vec![None::<i64>; count])),
        "price" => {
            let price = |row| (row % 3 > 0).then_some(row as f64 / 2.0);
            Arc::new(rows.map(price).collect::<Float64Array>())
        }
        _ => {
            let all = 0..2 * count as i64;
            let members = vec![
                ("b", Arc::new(Int64Array::from_iter_values(all.clone())) as ArrayRef),
                ("a", texts(all, |row| row.to_string())),
            ];
            let items = Arc::new(StructArray::try_from(members).unwrap());
            let item = Arc::new(Field::new_list_field(items.data_type().clone(), true));
            Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(vec![2; count]), items, None))
        }
    }
}

/// Trades of a tick, whose payload has these fields.
pub(crate) fn trades(tick: i64, rows: Range<i64>, fields: &[&str]) -> RecordBatch {
    let count = (rows.end - rows.start) as usize;
    let members: Vec<(&str, ArrayRef)> =
        fields.iter().map(|field| (*field, member(field, rows.clone()))).collect();
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick; count])) as ArrayRef),
        ("venue_id", texts(rows.clone(), |row| format!("V{}", row % 3))),
        ("token_id", texts(rows.clone(), |_| "T".into())),
        ("exchange_event_type", texts(rows, |_| "trade".into())),
        ("additional_payload", Arc::new(StructArray::try_from(members).unwrap()) as ArrayRef),
    ])
    .unwrap()
}

pub(crate) fn joined(frames: &[RecordBatch]) -> RecordBatch {
    arrow_select::concat::concat_batches(frames[0].schema_ref(), frames).unwrap()
}

fn add(dataset: &Dataset, table: TableId, frame: RecordBatch) {
    dataset.append(table, frame, AppendOptions::default()).unwrap();
}

/// Two tables over some ticks, in appends of `step` ticks.
fn run(settings: &IoSettings, id: &str, step: usize) -> Dataset {
    let dataset = Dataset::open(settings.clone(), id).unwrap();
    let ticks: Vec<i64> = (0..40).chain(2_000..2_010).collect();
    for ticks in ticks.chunks(step) {
        append(&dataset, ticks.iter().copied());
        let frames: Vec<RecordBatch> =
            ticks.iter().map(|tick| trades(*tick, 0..4, &["price", "lot", "legs"])).collect();
        add(&dataset, TRADES, joined(&frames));
    }
    dataset
}

#[test]
fn the_layout_makes_no_difference() {
    let root = Root::new();
    let settings = root.settings();
    let expected = run(&settings, "a", 1).digest().unwrap();
    assert_eq!((expected.rows, expected.tables.len()), (250, 2));
    let buckets: Vec<i64> = expected.tables[0].buckets.iter().map(|bucket| bucket.first_tick).collect();
    assert_eq!(buckets, [0, DIGEST_BUCKET]);
    for (name, size, compression, step) in [
        ("b", 7, Compression::Lz4, 3),
        ("c", 5_000, Compression::Snappy, 50),
        ("d", 1, Compression::Zstd, 10),
    ] {
        let other = Root::new();
        let settings = other.settings().with_tick_bucket_size(size).unwrap().with_compression(compression);
        let dataset = run(&settings, name, step);
        assert_eq!(dataset.digest().unwrap(), expected, "{name}");
        dataset.compact(EDGES, CompactOptions::default()).unwrap();
        dataset.compact(TRADES, CompactOptions::default()).unwrap();
        assert_eq!(dataset.digest().unwrap(), expected, "{name}, merged");
        let same = diff(&run(&root.settings(), name, 4), &dataset).unwrap();
        assert!(same.equal && same.first.is_none() && same.tables.len() == 2);
    }
}

/// Ticks that come back, in one append and in a later one: rows of a tick count in the order of their appends.
#[test]
fn ticks_may_come_in_any_order() {
    let root = Root::new();
    let rows = |dataset: &Dataset, ticks: &[i64]| {
        let frames = ticks.iter().zip(0..).map(|(tick, at)| trades(*tick, at..at + 1, &["lot"]));
        add(dataset, TRADES, joined(&frames.collect::<Vec<_>>()));
    };
    let open = |name: &str, size: u64| {
        Dataset::open(root.settings().with_tick_bucket_size(size).unwrap(), name).unwrap()
    };
    let (one, other) = (open("a", 100), open("b", 2));
    for dataset in [&one, &other] {
        rows(dataset, &[5, 3, 7, 3, 5, 120]);
        rows(dataset, &[3, 1]);
    }
    assert_eq!(one.digest().unwrap(), other.digest().unwrap());
    let swapped = open("c", 100);
    rows(&swapped, &[3, 1]);
    rows(&swapped, &[5, 3, 7, 3, 5, 120]);
    let found = diff(&one, &swapped).unwrap().first.unwrap();
    assert_eq!((found.tick, found.row, found.columns.len()), (3, 0, 2));
    assert_eq!(found.columns[0].column, "venue_id");
    assert_eq!(found.columns[1].column, "additional_payload.lot");
    assert_eq!((found.columns[1].left.as_str(), found.columns[1].right.as_str()), ("1", "0"));
}

#[test]
fn absent_columns_are_null_and_numbers_are_values() {
    let root = Root::new();
    let digest = |name: &str, frames: &[RecordBatch]| -> RunDigest {
        let dataset = Dataset::open(root.settings(), name).unwrap();
        for frame in frames {
            add(&dataset, TRADES, frame.clone());
        }
        dataset.digest().unwrap()
    };
    let plain = digest("a", &[trades(1, 0..3, &["lot"])]);
    assert_eq!(digest("b", &[trades(1, 0..3, &["none", "lot"])]).digest, plain.digest);
    assert_ne!(digest("c", &[trades(1, 0..3, &["lot", "price"])]).digest, plain.digest);
    // Beyond what a float holds of every integer.
    let large = |value: i64| {
        let frame = trades(1, 0..1, &["lot"]);
        let payload =
            StructArray::try_from(vec![("lot", Arc::new(Int64Array::from(vec![value])) as ArrayRef)]);
        let columns = frame.columns().iter().take(4).cloned().chain([Arc::new(payload.unwrap()) as ArrayRef]);
        RecordBatch::try_new(frame.schema(), columns.collect()).unwrap()
    };
    let before = digest("f", &[large(1 << 60)]);
    // A later append adds fields and makes a field one of floats: the rows before are the same.
    let first = |digest: &RunDigest| digest.tables[0].buckets[0].digest;
    let grown = digest("d", &[trades(1, 0..3, &["lot"]), trades(5_000, 0..3, &["lot", "legs"])]);
    assert_eq!(first(&grown), first(&plain));
    let half: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
    let payload = StructArray::try_from(vec![("lot", half)]).unwrap();
    let float = trades(5_000, 0..1, &["lot"]);
    let columns = float.columns().iter().take(4).cloned().chain([Arc::new(payload.clone()) as ArrayRef]);
    let fields: Vec<Field> =
        float.schema().fields().iter().map(|field| field.as_ref().clone()).take(4).collect();
    let payload = Field::new("additional_payload", payload.data_type().clone(), false);
    let schema = Arc::new(arrow_schema::Schema::new(fields.into_iter().chain([payload]).collect::<Vec<_>>()));
    let float = RecordBatch::try_new(schema, columns.collect()).unwrap();
    let half = float.clone();
    let widened = digest("e", &[trades(1, 0..3, &["lot"]), float]);
    assert_eq!(first(&widened), first(&plain));
    assert_eq!(first(&digest("g", &[large(1 << 60), half])), first(&before));
}

/// Computed from docs/format.md, value by value.
#[test]
fn others_can_compute_it() {
    let root = Root::new();
    let dataset = Dataset::open(root.settings(), "r").unwrap();
    let small = |values: Vec<Option<i32>>| Arc::new(Int32Array::from(values)) as ArrayRef;
    let inner =
        StructArray::try_from(vec![("y", small(vec![Some(1), None])), ("x", small(vec![None, Some(-1)]))])
            .unwrap();
    let item = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    let list = ListArray::new(
        item,
        OffsetBuffer::from_lengths([2, 0]),
        Arc::new(inner.clone()),
        Some(NullBuffer::from(vec![true, false])),
    );
    let frame = RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![3, 3])) as ArrayRef),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None])) as ArrayRef),
        ("float", Arc::new(Float64Array::from(vec![2.0, -0.0])) as ArrayRef),
        ("narrow", Arc::new(Float32Array::from(vec![0.5, f32::NAN])) as ArrayRef),
        ("large", Arc::new(UInt64Array::from(vec![u64::MAX, 7])) as ArrayRef),
        ("day", Arc::new(Date32Array::from(vec![1, -1])) as ArrayRef),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![5, 6]).with_timezone("UTC")) as ArrayRef),
        (
            "cost",
            Arc::new(Decimal128Array::from(vec![150, 7]).with_precision_and_scale(10, 2).unwrap())
                as ArrayRef,
        ),
        ("text", Arc::new(StringArray::from(vec!["é", ""])) as ArrayRef),
        ("of", Arc::new(inner) as ArrayRef),
        ("list", Arc::new(list) as ArrayRef),
    ])
    .unwrap();
    let table = crv_io::paths::parse_table("t").unwrap();
    dataset.declare_like(table, &frame.schema(), &[] as &[&str]).unwrap();
    add(&dataset, table, frame);

    let int = |value: i64| [&[3_u8][..], &value.to_le_bytes()].concat();
    let float = |bits: u64| [&[5_u8][..], &bits.to_le_bytes()].concat();
    let kind = |kind: u8, value: i64| [&[kind][..], &value.to_le_bytes()].concat();
    let name = |name: &str| [&(name.len() as u32).to_le_bytes()[..], name.as_bytes()].concat();
    let decimal = |digits: i128, scale: u8| [&[13_u8][..], &digits.to_le_bytes(), &[scale]].concat();
    let one = |field: &str, value: i64| [&[15, 1, 0, 0, 0][..], &name(field), &int(value)].concat();
    let list = [&[14, 2, 0, 0, 0][..], &one("y", 1), &one("x", -1), &[0]].concat();
    let mut streams: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (name("flag"), vec![2, 0]),
        (name("float"), [int(2), float((-0.0_f64).to_bits())].concat()),
        (name("narrow"), [float(0.5_f64.to_bits()), float(0x7ff8_0000_0000_0000)].concat()),
        (name("large"), [[&[4_u8][..], &u64::MAX.to_le_bytes()].concat(), int(7)].concat()),
        (name("day"), [kind(8, 1), kind(8, -1)].concat()),
        (name("at"), [kind(11, 5), kind(11, 6)].concat()),
        (name("cost"), [decimal(15, 1), decimal(7, 2)].concat()),
        (name("text"), [&[6, 2, 0, 0, 0][..], "é".as_bytes(), &[6, 0, 0, 0, 0]].concat()),
        (name("of"), vec![15, 15]),
        ([name("of"), name("y")].concat(), [int(1), vec![0]].concat()),
        ([name("of"), name("x")].concat(), [vec![0], int(-1)].concat()),
        (name("list"), list),
    ];
    streams.sort();
    let mut tick = Sha256::new();
    tick.update(3_i64.to_le_bytes());
    tick.update(2_u64.to_le_bytes());
    for (path, stream) in streams {
        tick.update((path.len() as u32).to_le_bytes());
        tick.update(&path);
        tick.update(Sha256::digest(&stream));
    }
    let bucket = Sha256::digest(tick.finalize());
    let table = Sha256::digest([&0_i64.to_le_bytes()[..], &bucket].concat());
    let whole = Sha256::digest([&name("t")[..], &table].concat());
    let digest = dataset.digest().unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert_eq!(digest.tables[0].buckets[0].digest.to_string(), hex(&bucket));
    assert_eq!(digest.tables[0].digest.to_string(), hex(&table));
    assert_eq!(digest.digest.to_string(), hex(&whole));
}

#[test]
fn a_difference_is_told_with_its_tick_row_and_columns() {
    let root = Root::new();
    let open = |name: &str| run(&root.settings(), name, 5);
    let (one, other) = (open("a"), open("b"));
    assert!(diff(&one, &other).unwrap().equal);
    // A table and a tick that only one of them has.
    add(&other, TableId::HOLDINGS, holdings([30]));
    let found = diff(&one, &other).unwrap();
    let first = found.first.as_ref().unwrap();
    assert!(!found.equal);
    assert_eq!((first.table, first.tick, first.left_rows, first.right_rows), (TableId::HOLDINGS, 30, 0, 1));
    assert!(first.columns.is_empty() && first.row == 0);
    // An earlier difference in another table comes first.
    append(&one, [17]);
    let found = diff(&one, &other).unwrap();
    let first = found.first.unwrap();
    assert_eq!((first.table, first.tick, first.row), (EDGES, 17, 1));
    assert_eq!((first.left_rows, first.right_rows), (2, 1));
    let tables: Vec<bool> = found.tables.iter().map(|table| table.first.is_some()).collect();
    assert_eq!(tables, [false, true, true], "exchange, holdings, identity_edges");
    // One value of many.
    let third = Dataset::open(root.settings(), "c").unwrap();
    let fourth = Dataset::open(root.settings(), "d").unwrap();
    append(&third, 0..3_000);
    let changed = edges(0..3_000);
    let weights = (0..3_000).map(|tick| if tick == 2_345 { 0.125 } else { f64::from(tick) });
    let columns = changed
        .columns()
        .iter()
        .take(3)
        .cloned()
        .chain([Arc::new(weights.collect::<Float64Array>()) as ArrayRef]);
    add(&fourth, EDGES, RecordBatch::try_new(changed.schema(), columns.collect()).unwrap());
    let first = diff(&third, &fourth).unwrap().first.unwrap();
    assert_eq!((first.tick, first.row, first.columns.len()), (2_345, 0, 1));
    let column = &first.columns[0];
    assert_eq!(
        (column.column.as_str(), column.left.as_str(), column.right.as_str()),
        ("edge_weight", "2345.0", "0.125")
    );
}
