//! The buffered writer: what it flushes and when, that the result equals a bulk write, and what a failure leaves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray,
    StringViewArray, StructArray,
};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat_batches;
use crv_io::config::FsProtocol;
use crv_io::{
    AppendOptions, CommitOutcome, Dataset, Error, ErrorKind, Frame, IoSettings, TableId, TickRange, Writer,
    WriterOptions,
};

use crate::faults::{Fault, Faulty, open, orphans, ticks};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings, names_in, ticks_of};

const HOLDINGS: TableId = TableId::HOLDINGS;

fn writer(dataset: &Dataset) -> Writer {
    dataset.writer(WriterOptions::default())
}

fn max_rows(dataset: &Dataset, rows: u64) -> Writer {
    dataset.writer(WriterOptions::default().with_max_rows(rows).unwrap())
}

/// Appends, and returns the commit that was flushed to make room, if any.
fn add(writer: &mut Writer, table: TableId, frame: impl Into<Frame>) -> Option<u64> {
    let summary = writer.append(table, frame, AppendOptions::default()).unwrap();
    summary.map(|summary| summary.commit.unwrap())
}

/// Appends, and ignores an error.
fn add_or_fail(writer: &mut Writer, table: TableId, frame: impl Into<Frame>) {
    let _ = writer.append(table, frame, AppendOptions::default());
}

/// Appends a tick to both tables.
fn tick(writer: &mut Writer, tick: i64) -> Result<(), Error> {
    writer.append(EDGES, edges([tick]), AppendOptions::default())?;
    writer.append(HOLDINGS, holdings([tick]), AppendOptions::default())?;
    Ok(())
}

/// The ticks of a table, none if it was never written.
fn seen(dataset: &Dataset, table: TableId) -> Vec<i64> {
    match ticks_of(dataset, table, TickRange::ALL) {
        Ok(ticks) => ticks,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

/// An exchange with this payload.
fn exchange(tick: i64, payload: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let members = payload
        .into_iter()
        .map(|(name, values)| (Arc::new(Field::new(name, values.data_type().clone(), true)), values));
    let members: Vec<_> = members.collect();
    let payload: ArrayRef = if members.is_empty() {
        Arc::new(StructArray::new_empty_fields(1, None))
    } else {
        Arc::new(StructArray::from(members))
    };
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick])) as ArrayRef),
        ("venue_id", Arc::new(StringViewArray::from(vec!["V"]))),
        ("token_id", Arc::new(StringArray::from(vec!["T"]))),
        ("exchange_event_type", Arc::new(StringArray::from(vec!["trade"]))),
        ("additional_payload", payload),
    ])
    .unwrap()
}

/// All rows of a table, as one batch.
fn rows(dataset: &Dataset, table: TableId) -> RecordBatch {
    let scan = dataset.scan(table).unwrap();
    let batches: Vec<RecordBatch> = scan.batches().map(Result::unwrap).collect();
    concat_batches(batches[0].schema_ref(), &batches).unwrap()
}

#[test]
fn small_appends_come_out_as_if_they_had_been_written_at_once() {
    let (buffered, bulk) = (Root::new(), Root::new());
    let all: Vec<i64> = (0..20_000).map(|row| row / 80).collect();
    let dataset = buffered.open();
    let mut writer = writer(&dataset);
    for rows in all.chunks(7) {
        writer.append(EDGES, edges(rows.iter().copied()), AppendOptions::default()).unwrap();
    }
    writer.close().unwrap();
    let at_once = bulk.open();
    at_once.append(EDGES, edges(all), AppendOptions::default()).unwrap();
    assert_eq!(rows(&dataset, EDGES), rows(&at_once, EDGES));
    let parts = |dataset: &Dataset| -> Vec<_> {
        let manifest = dataset.manifest(EDGES).unwrap();
        let parts = manifest.partitions.values().map(|partition| {
            let rows = partition.parts.iter().map(|part| (part.rows, part.tick_min, part.tick_max));
            rows.collect::<Vec<_>>()
        });
        parts.collect()
    };
    // One append of seven rows crosses the end of each bucket.
    assert_eq!(parts(&dataset).iter().map(Vec::len).max(), Some(2));
    let rows_of = |parts: &[Vec<(u64, i64, i64)>]| -> Vec<u64> {
        parts.iter().map(|parts| parts.iter().map(|part| part.0).sum()).collect()
    };
    assert_eq!(rows_of(&parts(&dataset)), rows_of(&parts(&at_once)));
}

#[test]
fn a_part_is_laid_out_as_if_written_in_bulk() {
    let (buffered, bulk) = (Root::new(), Root::new());
    let settings = |root: &Root| root.settings().with_row_group_size(4_000).unwrap();
    let dataset = Dataset::open(settings(&buffered), RUN).unwrap();
    let mut writer = writer(&dataset);
    for tick in 0..100 {
        add(&mut writer, EDGES, edges(std::iter::repeat_n(tick, 100)));
    }
    assert_eq!(buffered.files(), [] as [&str; 0], "nothing is written before it has to be");
    writer.close().unwrap();
    let at_once = Dataset::open(settings(&bulk), RUN).unwrap();
    append(&at_once, (0..10_000).map(|row| row / 100));
    let layout = |dataset: &Dataset| -> Vec<(i64, i64, bool)> {
        let path = dataset.scan(EDGES).unwrap().parts()[0].path.clone();
        let file = fs_err::File::open(path).unwrap();
        let reader =
            parquet::file::serialized_reader::SerializedFileReader::new(file.into_parts().0).unwrap();
        let metadata = parquet::file::reader::FileReader::metadata(&reader).clone();
        let columns = metadata.row_groups().iter().flat_map(|group| {
            group.columns().iter().map(|column| {
                let statistics = column.statistics().is_some();
                (group.num_rows(), column.dictionary_page_offset().map_or(0, |_| 1), statistics)
            })
        });
        columns.collect()
    };
    assert_eq!(layout(&dataset), layout(&at_once));
    assert_eq!(rows(&dataset, EDGES), rows(&at_once, EDGES));
}

#[test]
fn payloads_that_differ_from_append_to_append_come_out_as_with_appends() {
    let float = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
    let int = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let null = || Arc::new(NullArray::new(1)) as ArrayRef;
    let no_text = || Arc::new(StringArray::from(vec![None::<&str>])) as ArrayRef;
    let list = |values: Option<Vec<Option<i64>>>| {
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([values])) as ArrayRef
    };
    let untyped_list = || {
        let offsets = arrow_buffer::OffsetBuffer::new(ScalarBuffer::from(vec![0, 2]));
        let item = Arc::new(Field::new("item", DataType::Null, true));
        Arc::new(ListArray::new(item, offsets, Arc::new(NullArray::new(2)), None)) as ArrayRef
    };
    let payloads = || {
        vec![
            vec![("a", int(1)), ("never", null())],
            vec![],
            vec![("b", text("x")), ("a", float(1.5)), ("items", untyped_list())],
            // Integers where the table has floats by now, and a field of another type that has no value.
            vec![("a", int(7)), ("b", Arc::new(Int64Array::from(vec![None::<i64>])))],
            vec![("items", list(Some(vec![Some(1), None]))), ("wide", int(i64::MAX))],
            vec![("items", list(None)), ("wide", int(1)), ("b", no_text())],
            vec![(
                "nested",
                Arc::new(StructArray::from(vec![(
                    Arc::new(Field::new("empty", DataType::Struct(arrow_schema::Fields::empty()), true)),
                    Arc::new(StructArray::new_empty_fields(1, None)) as ArrayRef,
                )])),
            )],
        ]
    };
    let (buffered, appended) = (Root::new(), Root::new());
    let (ours, theirs) = (buffered.open(), appended.open());
    // Enough ticks that small batches are joined, while new fields are added.
    let ticks = 0..40_usize;
    let mut writer = writer(&ours);
    for tick in ticks.clone() {
        let payload = payloads().swap_remove((tick / 6).min(6));
        add(&mut writer, TableId::EXCHANGE, exchange(tick as i64, payload));
    }
    assert_eq!(writer.close().unwrap().commit, Some(1));
    for tick in ticks {
        let payload = payloads().swap_remove((tick / 6).min(6));
        theirs.append(TableId::EXCHANGE, exchange(tick as i64, payload), AppendOptions::default()).unwrap();
    }
    assert_eq!(rows(&ours, TableId::EXCHANGE), rows(&theirs, TableId::EXCHANGE));
}

#[test]
fn columns_that_only_some_appends_have_are_null_in_the_others() {
    let root = Root::new();
    let settings = root.settings().with_strict_schema(false);
    let dataset = Dataset::open(settings, RUN).unwrap();
    let with = |tick: i64, name: &str, values: ArrayRef| {
        let batch = holdings([tick]);
        let schema = batch.schema();
        let columns = schema.fields().iter().map(|field| field.name().clone()).zip(batch.columns().to_vec());
        RecordBatch::try_from_iter(columns.chain([(name.to_owned(), values)])).unwrap()
    };
    let mut writer = writer(&dataset);
    let no_schema = AppendOptions { validate_schema: false, validate_rows: false };
    add(&mut writer, HOLDINGS, with(0, "mood", Arc::new(StringArray::from(vec!["glad"]))));
    // A column is missing that the table requires, and validation is off.
    let without = holdings([1]).project(&[0, 1, 2]).unwrap();
    writer.append(HOLDINGS, without, no_schema).unwrap();
    add(&mut writer, HOLDINGS, with(2, "untyped", Arc::new(NullArray::new(1))));
    writer.close().unwrap();
    let rows = rows(&dataset, HOLDINGS);
    let quantity = rows.column_by_name("quantity").unwrap();
    assert_eq!(quantity.as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(0), None, Some(2)]));
    let mood = rows.column_by_name("mood").unwrap();
    assert_eq!(mood.as_string::<i32>(), &StringArray::from(vec![Some("glad"), None, None]));
}

#[test]
fn when_a_bucket_closes_all_tables_go_out_as_one_commit() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    for at in 0..100 {
        tick(&mut writer, at).unwrap();
    }
    assert_eq!(root.files(), [] as [&str; 0]);
    let summary = writer.append(HOLDINGS, holdings([100]), AppendOptions::default()).unwrap().unwrap();
    assert_eq!(summary.commit, Some(1));
    let tables: Vec<_> =
        summary.tables.iter().map(|table| (table.table, table.rows, table.parts.len())).collect();
    assert_eq!(tables, [(EDGES, 100, 1), (HOLDINGS, 100, 1)]);
    assert_eq!(root.commits().len(), 1);
    assert_eq!(seen(&dataset, HOLDINGS), Vec::from_iter(0..100), "the row that closed it is not in it");
    assert_eq!(writer.buffered_rows(), 1);
    add(&mut writer, EDGES, edges([100]));
    assert_eq!(writer.close().unwrap().commit, Some(2));
    assert_eq!(seen(&dataset, EDGES), Vec::from_iter(0..=100));
    assert_eq!(seen(&dataset, HOLDINGS), Vec::from_iter(0..=100));
}

#[test]
fn blocks_of_ticks_that_lie_across_buckets_join_table_by_table() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    for at in [80, 90, 100, 110] {
        for (table, frame) in [(EDGES, edges(at..at + 10)), (HOLDINGS, holdings(at..at + 10))] {
            add(&mut writer, table, frame);
        }
    }
    // Late rows of a closed bucket wait for the next commit.
    add(&mut writer, EDGES, edges([5]));
    writer.close().unwrap();
    assert_eq!(root.commits().len(), 2, "one when the bucket closed, and one at the end");
    assert_eq!(all_ticks(&dataset), Vec::from_iter((80..100).chain([5]).chain(100..120)));
    assert_eq!(seen(&dataset, HOLDINGS), Vec::from_iter(80..120));
}

#[test]
fn rows_go_out_at_the_bound_and_a_tick_stays_whole() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = max_rows(&dataset, 5);
    for at in 0..20 {
        tick(&mut writer, at).unwrap();
        assert!(writer.buffered_rows() <= 5, "{}", writer.buffered_rows());
        assert_eq!(seen(&dataset, EDGES), seen(&dataset, HOLDINGS), "a torn tick is visible");
    }
    // Two ticks fit, and half of a third, which stays in the buffer until it is complete.
    assert_eq!(seen(&dataset, EDGES), Vec::from_iter(0..18));
    writer.close().unwrap();
    assert_eq!(seen(&dataset, EDGES), Vec::from_iter(0..20));
    assert_eq!(seen(&dataset, HOLDINGS), Vec::from_iter(0..20));
    assert_eq!(root.commits().len(), 10);
}

/// Complete ticks go out when a tick begins, if they have waited for long; the rest of a tick never does.
#[test]
fn complete_ticks_do_not_wait_longer_than_asked() {
    let root = Root::new();
    let dataset = root.open();
    let short = Duration::from_millis(30);
    let options = WriterOptions::default().with_flush_every(short).unwrap();
    let mut writer = dataset.writer(options);
    let mut append = |tick| writer.append(EDGES, edges([tick; 3]), AppendOptions::default()).unwrap();
    assert!(append(0).is_none() && append(1).is_none());
    std::thread::sleep(2 * short);
    assert!(append(1).is_none(), "the tick has not ended");
    let written = append(2).unwrap();
    assert_eq!(written.tables[0].rows, 9, "both ticks go out as one commit");
    assert!(append(3).is_none(), "the time counts from the last write");
    std::thread::sleep(2 * short);
    assert_eq!(append(4).unwrap().tables[0].rows, 6);
    assert_eq!(all_ticks(&dataset).len(), 15);
    assert_eq!(writer.buffered_rows(), 3);
    let patient = WriterOptions::default().with_flush_every(Duration::from_secs(3_600)).unwrap();
    let mut writer = dataset.writer(patient);
    for tick in 5..10 {
        assert!(writer.append(EDGES, edges([tick]), AppendOptions::default()).unwrap().is_none());
    }
    let error = WriterOptions::default().with_flush_every(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
}

#[test]
fn bytes_are_a_bound_too() {
    let root = Root::new();
    let dataset = root.open();
    let mut probe = writer(&dataset);
    add(&mut probe, EDGES, edges(0..1_000));
    let bytes = probe.buffered_bytes();
    assert!((20_000..200_000).contains(&bytes), "a thousand rows of four small columns: {bytes}");
    probe.discard();
    let mut writer = dataset.writer(WriterOptions::default().with_max_bytes(bytes * 3).unwrap());
    let mut commits = Vec::new();
    for _ in 0..10 {
        commits.extend(add(&mut writer, EDGES, edges(std::iter::repeat_n(7, 1_000))));
        assert!(writer.buffered_bytes() <= bytes * 3);
    }
    assert_eq!(commits, [1, 2, 3]);
}

#[test]
fn many_small_appends_take_hardly_more_room_than_one() {
    let root = Root::new();
    let dataset = root.open();
    let (mut one, mut many) = (writer(&dataset), writer(&dataset));
    let ticks: Vec<i64> = (0..3_000).map(|row| row % 100).collect();
    for tick in &ticks {
        add(&mut many, EDGES, edges([*tick]));
    }
    add(&mut one, EDGES, edges(ticks));
    let (one_append, many_appends) = (one.buffered_bytes(), many.buffered_bytes());
    assert!(many_appends < one_append * 3 / 2, "{many_appends} for {one_append}");
    one.discard();
    many.discard();
}

#[test]
fn a_tick_that_the_bound_does_not_hold_goes_out_in_whole_appends() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = max_rows(&dataset, 10);
    assert_eq!(
        add(&mut writer, EDGES, edges(std::iter::repeat_n(0, 25))),
        None,
        "one append is buffered whole"
    );
    assert_eq!(writer.buffered_rows(), 25);
    assert_eq!(add(&mut writer, EDGES, edges(std::iter::repeat_n(0, 8))), Some(1));
    assert_eq!(all_ticks(&dataset).len(), 25);
    assert_eq!(add(&mut writer, HOLDINGS, holdings([0, 0, 0])), Some(2));
    assert_eq!(all_ticks(&dataset).len(), 33);
    assert_eq!(writer.buffered_rows(), 3);
}

#[test]
fn rows_of_one_append_are_one_commit_whatever_the_bound() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = max_rows(&dataset, 1);
    add(&mut writer, EDGES, edges(0..1_000));
    assert_eq!(writer.flush().unwrap().commit, Some(1));
    assert_eq!(root.commits().len(), 1);
    assert_eq!(dataset.manifest(EDGES).unwrap().partitions.len(), 10);
}

#[test]
fn the_order_of_rows_is_kept() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = max_rows(&dataset, 40);
    // Ticks of a bucket in any order, a few rows at a time, some of them flushed in between.
    let ticks: Vec<i64> = (0..700).map(|row| row * 37 % 100).collect();
    for rows in ticks.chunks(3) {
        add(&mut writer, EDGES, edges(rows.iter().copied()));
    }
    writer.close().unwrap();
    assert_eq!(all_ticks(&dataset), ticks);
    assert!(root.commits().len() > 10);
}

#[test]
fn rows_are_durable_when_they_were_flushed_and_counted_until_then() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    assert_eq!((writer.buffered_rows(), writer.buffered_bytes()), (0, 0));
    assert_eq!(writer.flush().unwrap().commit, None, "nothing was buffered");
    assert_eq!(names_in(root.path()), [] as [&str; 0]);
    add(&mut writer, EDGES, edges([0, 1]));
    assert_eq!(add(&mut writer, EDGES, edges([])), None);
    assert_eq!(writer.buffered_rows(), 2);
    assert_eq!(seen(&root.open(), EDGES), [] as [i64; 0]);
    let summary = writer.flush().unwrap();
    assert_eq!((summary.commit, summary.tables[0].rows, summary.tables[0].commit), (Some(1), 2, Some(1)));
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!((writer.buffered_rows(), writer.buffered_bytes()), (0, 0));
    assert_eq!(writer.close().unwrap().commit, None);
    assert_eq!(writer.close().unwrap().commit, None, "closing twice does nothing");
    assert!(writer.is_closed());
    for error in
        [writer.append(EDGES, edges([2]), AppendOptions::default()).unwrap_err(), writer.flush().unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains(RUN) && error.to_string().contains("closed"), "{error}");
    }
}

#[test]
fn a_refused_append_leaves_the_writer_as_it_was() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    add(&mut writer, EDGES, edges([1]));
    let before = writer.buffered_bytes();
    let error = writer.append(EDGES, edges([3, -5]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let text = error.to_string();
    let said = [RUN, "identity_edges", "-5 at row 1"].iter().all(|said| text.contains(said));
    assert!(said, "{text}");
    // Values are validated on request.
    let checked = AppendOptions { validate_rows: true, ..AppendOptions::default() };
    let error = writer.append(EDGES, edges([2]), checked).unwrap_err();
    assert!(error.to_string().contains("subject_id"), "{error}");
    // Buffered rows count for the schema as written rows do.
    add(&mut writer, TableId::EXCHANGE, exchange(1, vec![("a", Arc::new(Int64Array::from(vec![1])))]));
    let other = exchange(1, vec![("a", Arc::new(StringArray::from(vec!["x"])))]);
    let error = writer.append(TableId::EXCHANGE, other.clone(), AppendOptions::default()).unwrap_err();
    assert!(error.to_string().contains("additional_payload.a"), "{error}");
    assert_eq!(writer.buffered_rows(), 2);
    assert!(writer.buffered_bytes() > before);
    writer.close().unwrap();
    assert_eq!((all_ticks(&dataset), seen(&dataset, TableId::EXCHANGE)), (vec![1], vec![1]));
}

#[test]
fn an_abandoned_tick_leaves_nothing_behind_not_even_its_fields() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    tick(&mut writer, 0).unwrap();
    add(&mut writer, EDGES, edges([1]));
    add(&mut writer, TableId::EXCHANGE, exchange(1, vec![("a", Arc::new(Int64Array::from(vec![1])))]));
    assert_eq!(writer.abandon_tick(), 2);
    assert_eq!(writer.abandon_tick(), 0, "the tick before is complete");
    // The tick is written again, with another payload.
    add(&mut writer, TableId::EXCHANGE, exchange(1, vec![("a", Arc::new(StringArray::from(vec!["x"])))]));
    tick(&mut writer, 1).unwrap();
    writer.close().unwrap();
    assert_eq!((all_ticks(&dataset), seen(&dataset, HOLDINGS)), (vec![0, 1], vec![0, 1]));
    assert_eq!(seen(&dataset, TableId::EXCHANGE), [1]);
}

#[test]
fn one_that_is_dropped_writes_its_complete_ticks() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    tick(&mut writer, 0).unwrap();
    tick(&mut writer, 1).unwrap();
    add(&mut writer, EDGES, edges([2]));
    drop(dataset);
    drop(writer);
    let dataset = root.open();
    assert_eq!((all_ticks(&dataset), seen(&dataset, HOLDINGS)), (vec![0, 1], vec![0, 1]));
    let manifest = fs_err::read_to_string(root.manifest(EDGES)).unwrap();
    assert!(manifest.contains("\"row_count\": 2"), "the writer was the last to hold the handle: {manifest}");
}

#[test]
fn bounds_below_one_are_refused_by_name() {
    for (name, refused) in [
        ("max_rows", WriterOptions::default().with_max_rows(0)),
        ("max_bytes", WriterOptions::default().with_max_bytes(0)),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().unwrap().contains("at least 1"));
    }
}

#[test]
fn it_writes_to_memory_as_well() {
    let settings = IoSettings::default()
        .with_root_dir("the buffered writer writes to memory as well")
        .unwrap()
        .with_fs_protocol(FsProtocol::Memory);
    let dataset = Dataset::open(settings, RUN).unwrap();
    let mut writer = max_rows(&dataset, 7);
    for at in 0..250 {
        tick(&mut writer, at).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(all_ticks(&dataset), Vec::from_iter(0..250));
    assert_eq!(seen(&dataset, HOLDINGS), Vec::from_iter(0..250));
}

/// A simulation that fills the same array at every tick.
#[test]
fn rows_are_copied_so_that_their_buffers_can_be_used_again() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    let owner: Arc<Vec<i64>> = Arc::new(vec![3; 1_000_000]);
    let bytes = std::ptr::NonNull::new(owner.as_ptr().cast_mut().cast::<u8>()).unwrap();
    #[expect(unsafe_code, reason = "a buffer whose owner can be watched")]
    // SAFETY: the buffer keeps the vector alive, and the vector is not written to.
    let buffer = unsafe { Buffer::from_custom_allocation(bytes, 8_000_000, owner.clone()) };
    let ticks = Int64Array::new(ScalarBuffer::new(buffer, 5, 2), None);
    let batch = RecordBatch::try_from_iter([
        ("tick", Arc::new(ticks.clone()) as ArrayRef),
        ("agent_id", Arc::new(StringArray::from(vec!["A"; 2]))),
        ("token_id", Arc::new(StringArray::from(vec!["T"; 2]))),
        ("quantity", Arc::new(ticks)),
    ]);
    add(&mut writer, HOLDINGS, batch.unwrap());
    assert_eq!(Arc::strong_count(&owner), 1, "nothing of the frame is kept");
    assert!(writer.buffered_bytes() < 10_000, "{}: two rows of a million", writer.buffered_bytes());
    writer.close().unwrap();
    assert_eq!(seen(&dataset, HOLDINGS), [3, 3]);
}

/// Another writer has meanwhile given the table a schema that has no union with ours.
#[test]
fn a_conflict_with_another_writer_is_told_at_the_flush() {
    let root = Root::new();
    let (ours, theirs) = (root.open(), root.open());
    let mut writer = writer(&ours);
    add(&mut writer, TableId::EXCHANGE, exchange(0, vec![("a", Arc::new(Int64Array::from(vec![1])))]));
    add(&mut writer, EDGES, edges([0]));
    let other = exchange(0, vec![("a", Arc::new(StringArray::from(vec!["x"])))]);
    theirs.append(TableId::EXCHANGE, other, AppendOptions::default()).unwrap();
    for _ in 0..2 {
        let error = writer.flush().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        assert!(error.to_string().contains("additional_payload.a"), "{error}");
        assert_eq!(writer.buffered_rows(), 2);
        assert_eq!(seen(&ours, EDGES), [] as [i64; 0], "one commit, or none");
    }
    assert_eq!(writer.discard(), 2);
    add(&mut writer, TableId::EXCHANGE, exchange(1, vec![("a", Arc::new(StringArray::from(vec!["y"])))]));
    writer.close().unwrap();
    assert_eq!(seen(&ours, TableId::EXCHANGE), [0, 1]);
}

/// Rows that stay buffered while earlier ticks are written keep the types of their payload fields: the append that
/// contradicts them is refused, not a flush after it.
#[test]
fn a_payload_type_is_kept_while_its_rows_wait_for_the_rest_of_their_tick() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = dataset.writer(WriterOptions::default().with_max_rows(2).unwrap());
    let int = |tick, field| exchange(tick, vec![(field, Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    add(&mut writer, TableId::EXCHANGE, int(0, "a"));
    add(&mut writer, TableId::EXCHANGE, int(1, "b"));
    add(&mut writer, TableId::EXCHANGE, int(1, "b"));
    assert_eq!(seen(&root.open(), TableId::EXCHANGE), [0], "the complete tick is written");
    let text = exchange(1, vec![("b", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]);
    let error = writer.append(TableId::EXCHANGE, text, AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("additional_payload.b"), "{error}");
    writer.close().unwrap();
    assert_eq!(seen(&root.open(), TableId::EXCHANGE), [0, 1, 1]);
}

/// The same after the newest tick was abandoned: the rows of complete ticks are still buffered.
#[test]
fn a_payload_type_is_kept_while_its_rows_wait_after_a_tick_was_abandoned() {
    let root = Root::new();
    let dataset = root.open();
    let mut writer = writer(&dataset);
    let int = |tick| exchange(tick, vec![("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    add(&mut writer, TableId::EXCHANGE, int(0));
    add(&mut writer, TableId::EXCHANGE, int(1));
    writer.abandon_tick();
    let text = exchange(1, vec![("a", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]);
    let error = writer.append(TableId::EXCHANGE, text, AppendOptions::default()).unwrap_err();
    assert!(error.to_string().contains("additional_payload.a"), "{error}");
    writer.close().unwrap();
    assert_eq!(seen(&root.open(), TableId::EXCHANGE), [0]);
}

#[test]
fn the_bounds_of_a_writer_are_those_it_was_given() {
    let options = WriterOptions::default().with_max_rows(7).unwrap().with_max_bytes(1 << 20).unwrap();
    assert_eq!((options.max_rows(), options.max_bytes()), (7, 1 << 20));
}

/// Every write of a flush fails in turn, in every way. No row is lost or doubled, and no tick is torn.
#[test]
fn a_flush_that_fails_keeps_the_rows_and_can_be_tried_again() {
    for fault in [Fault::Refused, Fault::UnknownAndNot, Fault::UnknownAndDone] {
        for forever in [false, true] {
            for at in 0.. {
                let store = Arc::new(Faulty::new(i64::MAX, fault, forever));
                let dataset = open(&store);
                let mut writer = writer(&dataset);
                tick(&mut writer, 0).unwrap();
                writer.flush().unwrap();
                tick(&mut writer, 1).unwrap();
                store.left.store(at, Ordering::SeqCst);
                let outcome = writer.flush();
                let failed = store.left.load(Ordering::SeqCst) < 0;
                let told = format!("{fault:?} {forever} {at}: {outcome:?}");
                match &outcome {
                    Ok(summary) => assert_eq!(summary.commit, Some(2), "{told}"),
                    Err(error) => {
                        assert_eq!(writer.buffered_rows(), 2, "{told}");
                        let unknown = error.kind() == ErrorKind::UnknownOutcome;
                        assert_eq!(writer.in_doubt(), error.commit(), "{told}");
                        assert_eq!(unknown, writer.in_doubt().is_some(), "{told}");
                        if unknown {
                            assert!(error.hint().unwrap().contains("nothing twice"), "{told}");
                        }
                        let _ = writer.flush();
                    }
                }
                // More rows are appended meanwhile.
                tick(&mut writer, 2).unwrap();
                store.mend();
                let summary = writer.close().unwrap();
                assert_eq!(ticks(&store), [0, 1, 2], "{told}");
                let rows: u64 = summary.tables.iter().map(|table| table.rows).sum();
                assert!(rows == 2 || rows == 4, "{told}: {summary:?}");
                if fault == Fault::Refused {
                    assert_eq!(orphans(&store), 0, "{told}");
                }
                if !failed {
                    assert!(at >= 6, "{told}");
                    break;
                }
            }
        }
    }
}

/// An append that has to make room fails as the flush does. Its own rows are not buffered.
#[test]
fn an_append_that_cannot_make_room_is_not_taken_in_and_can_be_made_again() {
    let store = Arc::new(Faulty::new(i64::MAX, Fault::Refused, true));
    let dataset = open(&store);
    let mut writer = writer(&dataset);
    tick(&mut writer, 99).unwrap();
    store.left.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        let error = writer.append(EDGES, edges([100]), AppendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Write, "{error}");
        assert_eq!(writer.buffered_rows(), 2);
    }
    store.mend();
    tick(&mut writer, 100).unwrap();
    writer.close().unwrap();
    assert_eq!(ticks(&store), [99, 100]);
}

/// Runs an append that meets the bound in the middle of a tick. Every write of it fails in turn, in every way.
fn at_the_bound(mut try_it: impl FnMut(&Arc<Faulty>, &mut Writer, Result<(), Error>, &str)) {
    for fault in [Fault::Refused, Fault::UnknownAndNot, Fault::UnknownAndDone] {
        for forever in [false, true] {
            for at in 0.. {
                let store = Arc::new(Faulty::new(i64::MAX, fault, forever));
                let dataset = open(&store);
                let mut writer = max_rows(&dataset, 2);
                tick(&mut writer, 0).unwrap();
                writer.flush().unwrap();
                add(&mut writer, EDGES, edges([1, 1]));
                store.left.store(at, Ordering::SeqCst);
                let outcome = writer.append(HOLDINGS, holdings([1]), AppendOptions::default()).map(drop);
                let failed = store.left.load(Ordering::SeqCst) < 0;
                let told = format!("{fault:?} {forever} {at}: {outcome:?}");
                try_it(&store, &mut writer, outcome, &told);
                if !failed {
                    assert!(at >= 3, "{told}");
                    break;
                }
            }
        }
    }
}

/// The bound was met in the middle of the tick, and the write failed. The torn tick then counted as complete:
/// abandoning it dropped nothing, and the tick that was written again had its rows twice.
#[test]
fn a_tick_whose_write_failed_at_the_bound_can_be_abandoned_and_done_again() {
    at_the_bound(|store, writer, outcome, told| {
        let in_doubt = writer.in_doubt().is_some();
        if outcome.is_ok() || in_doubt {
            // Part of the tick is in the store, or may be.
            return;
        }
        assert_eq!(writer.buffered_rows(), 2, "{told}");
        assert_eq!(writer.abandon_tick(), 2, "{told}");
        assert_eq!(writer.buffered_rows(), 0, "{told}");
        store.mend();
        add(writer, EDGES, edges([1, 1]));
        add(writer, HOLDINGS, holdings([1]));
        writer.close().unwrap();
        let dataset = open(store);
        assert_eq!((seen(&dataset, EDGES), seen(&dataset, HOLDINGS)), (vec![0, 1, 1], vec![0, 1]), "{told}");
    });
}

/// The same, but the call is retried instead: no row is lost or doubled.
#[test]
fn an_append_that_failed_at_the_bound_in_the_middle_of_a_tick_can_be_made_again() {
    at_the_bound(|store, writer, outcome, told| {
        store.mend();
        if outcome.is_err() {
            add(writer, HOLDINGS, holdings([1]));
        }
        writer.close().unwrap();
        let dataset = open(store);
        assert_eq!((seen(&dataset, EDGES), seen(&dataset, HOLDINGS)), (vec![0, 1, 1], vec![0, 1]), "{told}");
    });
}

/// A commit with the first half of a tick has an unknown outcome. Abandoning the tick drops its rows there too: if the
/// commit did not take effect, the tick that is written again has them once; if it did, they stay in the store.
#[test]
fn an_abandoned_tick_of_a_commit_in_doubt_is_not_written_again() {
    let mut doubts = 0;
    at_the_bound(|store, writer, _, told| {
        if writer.in_doubt().is_none() {
            return;
        }
        doubts += 1;
        add_or_fail(writer, HOLDINGS, holdings([1]));
        let waiting = writer.buffered_rows();
        assert_eq!(writer.abandon_tick(), waiting, "{told}");
        assert_eq!(writer.buffered_rows(), 0, "{told}");
        store.mend();
        let took_effect = seen(&open(store), EDGES).len() == 3;
        add(writer, EDGES, edges([2]));
        writer.close().unwrap();
        let dataset = open(store);
        let expected = if took_effect { vec![0, 1, 1, 2] } else { vec![0, 2] };
        assert_eq!((seen(&dataset, EDGES), seen(&dataset, HOLDINGS)), (expected, vec![0]), "{told}");
    });
    assert!(doubts >= 2, "{doubts}");
}

/// Rows of the newest tick in a commit of unknown outcome that did not take effect belong to the newest tick again.
#[test]
fn a_tick_that_was_in_doubt_and_is_not_there_can_be_abandoned_as_a_whole() {
    let (store, mut writer) = in_doubt(Fault::UnknownAndNot, 100);
    // More rows of the same tick are appended before the outcome is known.
    add(&mut writer, EDGES, edges([1]));
    store.mend();
    writer.resolve(CommitOutcome::DidNot);
    assert_eq!((writer.abandon_tick(), writer.buffered_rows()), (3, 0));
    // Not so when a later tick has begun.
    let (store, mut writer) = in_doubt(Fault::UnknownAndNot, 100);
    tick(&mut writer, 2).unwrap();
    store.mend();
    writer.resolve(CommitOutcome::DidNot);
    assert_eq!((writer.abandon_tick(), writer.buffered_rows()), (2, 2));
    writer.close().unwrap();
    assert_eq!(ticks(&store), [0, 1]);
}

/// A failed flush completes no tick.
#[test]
fn after_a_flush_that_failed_the_newest_tick_can_be_abandoned_and_done_again() {
    let store = Arc::new(Faulty::new(i64::MAX, Fault::Refused, true));
    let dataset = open(&store);
    let mut writer = writer(&dataset);
    tick(&mut writer, 0).unwrap();
    tick(&mut writer, 1).unwrap();
    store.left.store(0, Ordering::SeqCst);
    writer.flush().unwrap_err();
    writer.close().unwrap_err();
    assert!(!writer.is_closed());
    assert_eq!((writer.abandon_tick(), writer.abandon_tick(), writer.buffered_rows()), (2, 0, 2));
    store.mend();
    tick(&mut writer, 1).unwrap();
    writer.close().unwrap();
    assert_eq!(ticks(&store), [0, 1]);
}

/// A commit of unknown outcome took effect, and the write after it fails: the next call that succeeds returns both.
#[test]
fn a_commit_that_was_in_doubt_is_in_the_summary_even_if_the_next_write_fails_first() {
    let (store, mut writer) = in_doubt(Fault::UnknownAndDone, 100);
    tick(&mut writer, 2).unwrap();
    // Storage works again, but the parts cannot be written.
    for at in 0.. {
        store.mend();
        if writer.in_doubt().is_none() {
            break;
        }
        store.left.store(at, Ordering::SeqCst);
        writer.flush().unwrap_err();
    }
    store.mend();
    let summary = writer.close().unwrap();
    let commits: Vec<_> = summary.tables.iter().map(|table| (table.rows, table.commit.unwrap())).collect();
    assert_eq!(commits, [(1, 3), (1, 3), (1, 4), (1, 4)]);
    assert_eq!(ticks(&store), [0, 1, 2]);
}

/// Storage fails after the put of a commit, which took effect or did not: the writer has a commit of unknown outcome.
fn in_doubt(fault: Fault, max: u64) -> (Arc<Faulty>, Writer) {
    for at in 0.. {
        let store = Arc::new(Faulty::new(i64::MAX, fault, true));
        let dataset = open(&store);
        append(&dataset, [0]);
        dataset.append(HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
        let mut writer = max_rows(&dataset, max);
        tick(&mut writer, 1).unwrap();
        store.left.store(at, Ordering::SeqCst);
        if writer.flush().is_err_and(|error| error.kind() == ErrorKind::UnknownOutcome) {
            return (store, writer);
        }
    }
    unreachable!()
}

#[test]
fn a_commit_in_doubt_is_looked_for_before_anything_is_written() {
    for fault in [Fault::UnknownAndNot, Fault::UnknownAndDone] {
        let (store, mut writer) = in_doubt(fault, 4);
        let doubt = writer.in_doubt().map(|(number, id)| (number, id.to_owned())).unwrap();
        assert_eq!(doubt.0, 3);
        assert_eq!(writer.buffered_rows(), 2, "rows of unknown outcome are kept, and count");
        tick(&mut writer, 2).unwrap();
        if fault == Fault::UnknownAndDone {
            // It took effect, but its name cannot be synced.
            let error = writer.append(EDGES, edges([3]), AppendOptions::default()).unwrap_err();
            assert_eq!(
                (error.kind(), error.commit()),
                (ErrorKind::UnknownOutcome, Some((doubt.0, doubt.1.as_str())))
            );
            assert!(error.hint().unwrap().contains("resolve"), "{error:?}");
            assert_eq!(writer.buffered_rows(), 4);
        }
        store.mend();
        let summary = writer.append(EDGES, edges([3]), AppendOptions::default()).unwrap().unwrap();
        let commits: Vec<_> =
            summary.tables.iter().map(|table| (table.rows, table.commit.unwrap())).collect();
        match fault {
            Fault::UnknownAndDone => assert_eq!(commits, [(1, 3), (1, 3), (1, 4), (1, 4)]),
            _ => assert_eq!(commits, [(2, 3), (2, 3)]),
        }
        assert_eq!(writer.in_doubt(), None);
        add(&mut writer, HOLDINGS, holdings([3]));
        writer.close().unwrap();
        assert_eq!(ticks(&store), [0, 1, 2, 3]);
    }
}

#[test]
fn what_came_of_a_commit_in_doubt_can_be_told() {
    for (fault, outcome) in
        [(Fault::UnknownAndNot, CommitOutcome::DidNot), (Fault::UnknownAndDone, CommitOutcome::TookEffect)]
    {
        let (store, mut writer) = in_doubt(fault, 100);
        store.mend();
        writer.resolve(outcome);
        assert_eq!((writer.in_doubt(), writer.buffered_rows() > 0), (None, outcome == CommitOutcome::DidNot));
        writer.resolve(CommitOutcome::TookEffect);
        writer.close().unwrap();
        assert_eq!(ticks(&store), [0, 1]);
    }
}

/// A log that was pruned beyond the commit does not record its outcome: the writer does not guess.
#[test]
fn a_commit_in_doubt_that_was_pruned_since_is_not_guessed_at() {
    let (store, mut writer) = in_doubt(Fault::UnknownAndDone, 100);
    store.mend();
    let other = open(&store);
    append(&other, [5]);
    other.prune(Duration::ZERO).unwrap();
    let error = writer.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert!(error.to_string().contains("pruned"), "{error}");
    assert_eq!(writer.buffered_rows(), 2);
    writer.resolve(CommitOutcome::TookEffect);
    writer.close().unwrap();
    assert_eq!(seen(&other, EDGES), [0, 1, 5]);
}
