//! The rules of the formats: types of values that are read, refused input, and round trips.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field};
use crv_core::tables::{IDENTITY_EDGES_DESC, MESSAGES_DESC};

use super::{BatchWriter, Format, FormatError, Frames, read_file, read_stream};
use crv_schema::Frame;
use crv_schema::schema::Descriptor;

fn frames(text: &[u8], format: Format, table: &Descriptor) -> Result<Frames, FormatError> {
    read_stream("input", Cursor::new(text.to_vec()), format, table)
}

/// The only batch of a text with one frame.
fn one(text: &[u8], format: Format) -> RecordBatch {
    let frames: Vec<Frame> = frames(text, format, &Descriptor::from(&MESSAGES_DESC))
        .unwrap()
        .collect::<Result<_, FormatError>>()
        .unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].batches().len(), 1);
    frames[0].batches()[0].clone()
}

fn refused(text: &[u8], format: Format) -> String {
    let error = frames(text, format, &Descriptor::from(&MESSAGES_DESC))
        .and_then(Iterator::collect::<Result<Vec<Frame>, _>>)
        .expect_err("this input should be refused");
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

/// The batch as NDJSON, which shows values, fields and nulls.
fn shown(batch: &RecordBatch) -> String {
    let mut writer = BatchWriter::new(Vec::new(), Format::Ndjson, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn type_of(batch: &RecordBatch, column: &str) -> DataType {
    batch.schema().field_with_name(column).unwrap().data_type().clone()
}

/// A batch with every kind of column, with nulls and an empty payload.
fn every_kind() -> RecordBatch {
    let stance = StringArray::from(vec![Some("for"), None, Some("say \"no\",\nthen")]);
    let style = StructArray::new(
        vec![Arc::new(Field::new("tone", DataType::Utf8, true))].into(),
        vec![Arc::new(StringArray::from(vec![Some("warm"), None, Some("ü")]))],
        None,
    );
    let columns: [(&str, ArrayRef); 5] = [
        ("tick", Arc::new(Int64Array::from(vec![0, i64::MAX, 2]))),
        ("topic_label", Arc::new(StringArray::from(vec!["a", "", "c"]))),
        ("stance_label", Arc::new(stance)),
        ("weight", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-1e300)]))),
        ("style", Arc::new(style)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn written(batch: &RecordBatch, format: Format) -> Vec<u8> {
    let mut writer = BatchWriter::new(Vec::new(), format, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let batch = every_kind();
    for format in [Format::Parquet, Format::Arrow] {
        assert_eq!(one(&written(&batch, format), format).columns(), batch.columns(), "{format}");
    }
    // NDJSON is read with another column order.
    assert_eq!(shown(&one(shown(&batch).as_bytes(), Format::Ndjson)).len(), shown(&batch).len());
    let text = String::from_utf8(written(&batch, Format::Csv)).unwrap();
    assert_eq!(
        text,
        "tick,topic_label,stance_label,weight,style\n0,a,for,0.1,\"{\"\"tone\"\":\"\"warm\"\"}\"\n\
         9223372036854775807,,,,{}\n2,c,\"say \"\"no\"\",\nthen\",-1e300,\"{\"\"tone\"\":\"\"ü\"\"}\"\n"
    );
    let back = one(text.as_bytes(), Format::Csv);
    assert_eq!(back.column_by_name("topic_label").unwrap(), batch.column_by_name("topic_label").unwrap());
    assert_eq!(back.column_by_name("stance_label").unwrap(), batch.column_by_name("stance_label").unwrap());
    assert_eq!(back.column_by_name("style").unwrap(), batch.column_by_name("style").unwrap());
}

#[test]
fn an_output_without_rows_still_has_its_columns() {
    let none = every_kind().slice(0, 0);
    assert_eq!(
        String::from_utf8(written(&none, Format::Csv)).unwrap(),
        "tick,topic_label,stance_label,weight,style\n"
    );
    assert_eq!(written(&none, Format::Ndjson), b"");
    for format in [Format::Parquet, Format::Arrow] {
        let bytes = written(&none, format);
        let rows: usize = frames(&bytes, format, &Descriptor::from(&MESSAGES_DESC))
            .unwrap()
            .map(|frame| frame.unwrap().num_rows())
            .sum();
        assert_eq!(rows, 0, "{format}");
    }
}

#[test]
fn an_arrow_stream_is_read_as_well_as_a_file() {
    let batch = every_kind();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    assert_eq!(one(&bytes, Format::Arrow), batch);
}

#[test]
fn compressed_arrow_files_are_read() {
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
    // Large enough to be compressed: the writer stores data uncompressed if compression does not make it smaller.
    let batch = RecordBatch::try_from_iter([("tick", Arc::new(Int64Array::from(vec![1; 9999])) as ArrayRef)])
        .unwrap();
    for codec in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let options = IpcWriteOptions::default().try_with_compression(Some(codec)).unwrap();
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        assert_eq!(one(&writer.into_inner().unwrap(), Format::Arrow), batch);
    }
}

#[test]
fn json_integers_stay_integers_to_the_last_digit() {
    let batch =
        one(b"{\"a\":9223372036854775807,\"b\":1}\n{\"a\":-9223372036854775808,\"b\":1.5}", Format::Ndjson);
    let integers = batch.column_by_name("a").unwrap().as_primitive::<Int64Type>();
    assert_eq!(integers.values(), &[i64::MAX, i64::MIN]);
    let floats = batch.column_by_name("b").unwrap().as_primitive::<Float64Type>();
    assert_eq!(floats.values(), &[1.0, 1.5]);
}

#[test]
fn json_numbers_that_would_change_are_refused() {
    assert_eq!(
        refused(b"{\"x\":{\"y\":9007199254740993}}\n{\"x\":{\"y\":0.5}}", Format::Ndjson),
        "input: line 2: `x.y` has both floats and the integer 9007199254740993, which no 64-bit float can hold exactly"
    );
    assert_eq!(
        refused(b"{\"x\":0.5}\n\n{\"x\":9007199254740993}", Format::Ndjson),
        "input: line 3: `x` has both floats and the integer 9007199254740993, which no 64-bit float can hold exactly"
    );
    assert_eq!(
        refused(b"{\"x\":18446744073709551616}", Format::Ndjson),
        "input: line 1: `x` is 18446744073709551616, which does not fit a 64-bit integer"
    );
    assert_eq!(
        refused(b"{\"x\":[1e999]}", Format::Ndjson),
        "input: line 1: `x.item` is 1e+999, which does not fit a 64-bit float"
    );
}

#[test]
fn payloads_may_differ_from_line_to_line_at_any_depth() {
    let text = b"{\"p\":{}}\n{\"p\":{\"a\":[{\"b\":1}]}}\n{}\n{\"p\":{\"a\":[],\"c\":null}}\n{\"p\":{\"a\":[{\"d\":\"x\"},null]}}";
    let batch = one(text, Format::Ndjson);
    assert_eq!(
        shown(&batch),
        "{\"p\":{}}\n{\"p\":{\"a\":[{\"b\":1}]}}\n{}\n{\"p\":{\"a\":[]}}\n{\"p\":{\"a\":[{\"d\":\"x\"},null]}}\n"
    );
    let DataType::Struct(fields) = type_of(&batch, "p") else { panic!("p is a struct") };
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(fields[1].data_type(), &DataType::Null);
}

#[test]
fn empty_payloads_and_rows_without_fields_are_kept() {
    let batch = one(b"{\"p\":{}}\n{\"p\":null}\n{\"p\":{}}", Format::Ndjson);
    let payload = batch.column_by_name("p").unwrap();
    assert_eq!(payload.data_type(), &DataType::Struct(arrow_schema::Fields::empty()));
    assert_eq!((payload.len(), payload.null_count()), (3, 1));
    assert_eq!(one(b"{}\n{}", Format::Ndjson).num_rows(), 2);
}

#[test]
fn parquet_carries_empty_payloads_there_and_back() {
    let text = b"{\"p\":{},\"q\":[{},{\"r\":{}}],\"tick\":1}\n{\"q\":[],\"s\":{\"n\":null},\"tick\":2}\n";
    let batch = one(text, Format::Ndjson);
    let bytes = written(&batch, Format::Parquet);
    let back = one(&bytes, Format::Parquet);
    assert_eq!(shown(&back), "{\"p\":{},\"q\":[{},{\"r\":{}}],\"tick\":1}\n{\"q\":[],\"tick\":2,\"s\":{}}\n");
    let DataType::Struct(fields) = type_of(&back, "p") else { panic!("p is a struct") };
    assert!(fields.is_empty(), "the placeholder is dropped");
}

#[test]
fn a_json_value_of_another_kind_is_refused_with_its_path() {
    assert_eq!(
        refused(b"{\"p\":{\"a\":[1]}}\n{\"p\":{\"a\":[\"x\"]}}", Format::Ndjson),
        "input: line 2: `p.a.item` is text here and a number in a row before"
    );
}

#[test]
fn lines_that_are_not_objects_are_refused() {
    let list = "a list where a JSON object should be\nhint: NDJSON has one object on each line, without a list \
                around them";
    assert_eq!(refused(b"[{\"a\":1}]", Format::Ndjson), format!("input: line 1: {list}"));
    assert_eq!(refused(b"\n[\n{\"a\":1}\n]", Format::Ndjson), format!("input: line 2: {list}"));
    assert_eq!(refused(b"3", Format::Ndjson), "input: line 1: a number where a JSON object should be");
    assert_eq!(
        refused(b"{\"a\":1}\n{\"a\":NaN}", Format::Ndjson),
        "input: line 2: not valid JSON: expected value at column 6"
    );
    assert_eq!(
        refused(b"{\"a\":1", Format::Ndjson),
        "input: line 1: not valid JSON: EOF while parsing an object at column 6"
    );
    let deep = [b"{\"a\":".as_slice(), &b"[".repeat(100_000)].concat();
    assert!(refused(&deep, Format::Ndjson).contains("recursion limit exceeded"));
}

#[test]
fn inputs_without_rows_and_columns_have_no_frames() {
    for text in [b"".as_slice(), b"\n\r\n"] {
        assert_eq!(
            frames(text, Format::Ndjson, &Descriptor::from(&MESSAGES_DESC)).unwrap().count(),
            0,
            "{text:?}"
        );
    }
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_no_content() {
    let json = one(b"\xef\xbb\xbf{\"tick\":1}\r\n", Format::Ndjson);
    assert_eq!(shown(&json), "{\"tick\":1}\n");
    let csv = one(b"\xef\xbb\xbftick,topic_label\r\n1,x\r\n", Format::Csv);
    assert_eq!(shown(&csv), "{\"tick\":\"1\",\"topic_label\":\"x\"}\n");
}

#[test]
fn csv_cells_are_text_and_payload_cells_are_json() {
    let text = b"tick,sender_agent_id,stance_label,topic_label,style,claims,audience\n\
                 007,,,,\"{\"\"a\"\":1}\",{},\n\
                 8,A1,for,x,\"{\"\"a\"\":1.5}\",{},\n";
    let batch = one(text, Format::Csv);
    assert_eq!(type_of(&batch, "tick"), DataType::Utf8);
    assert_eq!(
        shown(&batch),
        "{\"tick\":\"007\",\"sender_agent_id\":\"\",\"topic_label\":\"\",\"style\":{\"a\":1.0},\"claims\":{}}\n\
         {\"tick\":\"8\",\"sender_agent_id\":\"A1\",\"stance_label\":\"for\",\"topic_label\":\"x\",\
         \"style\":{\"a\":1.5},\"claims\":{}}\n"
    );
    assert_eq!(type_of(&batch, "audience"), DataType::Null);
}

#[test]
fn a_refused_csv_names_line_and_column() {
    assert_eq!(
        refused(b"tick,style\n1,{}\n2,oops\n", Format::Csv),
        "input: line 3: `style` is not valid JSON, as a payload must be: oops"
    );
    assert_eq!(
        refused(b"tick,style\n1,\"{\"\"a\"\":1}\"\n2,\"{\"\"a\"\":true}\"\n", Format::Csv),
        "input: line 3: `style.a` is a boolean here and a number in a row before"
    );
    assert_eq!(refused(b"tick,tick\n1,2\n", Format::Csv), "input: the header names the column `tick` twice");
    assert_eq!(refused(b"tick,style\n1\n", Format::Csv), "input: line 2: 1 cells where the header has 2");
    assert_eq!(refused(b"tick\n\xff\n", Format::Csv), "input: line 2: cell 1 is not valid UTF-8");
    assert_eq!(
        refused(b"", Format::Csv),
        "input: no header line\nhint: the first line of a CSV file names the columns"
    );
}

#[test]
fn damaged_and_foreign_files_are_refused_by_name() {
    assert!(refused(b"tick\n1\n", Format::Parquet).starts_with("input: not a readable Parquet file: "));
    assert!(refused(b"", Format::Parquet).starts_with("input: not a readable Parquet file: "));
    assert!(
        refused(b"tick\n1\n", Format::Arrow).starts_with("input: not a readable Arrow IPC file or stream: ")
    );
    assert!(refused(b"", Format::Arrow).starts_with("input: not a readable Arrow IPC file or stream: "));
    let whole = written(&every_kind(), Format::Parquet);
    assert!(
        refused(&whole[..whole.len() / 2], Format::Parquet).starts_with("input: not a readable Parquet file")
    );
}

#[test]
fn a_missing_file_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ticks.csv");
    let error = read_file(&path, Format::Csv, &Descriptor::from(&IDENTITY_EDGES_DESC)).err().unwrap();
    let name = path.display().to_string();
    assert_eq!(error.to_string().matches(&name).count(), 1, "{error}");
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound));
}

#[test]
fn a_large_input_comes_in_several_frames_with_every_row_once() {
    let lines = ["{\"tick\":1}\n"; 10].concat();
    let cells = format!(
        "tick
{}",
        "1
"
        .repeat(10)
    );
    for (text, format) in [(lines, Format::Ndjson), (cells, Format::Csv)] {
        let mut frames = frames(text.as_bytes(), format, &Descriptor::from(&MESSAGES_DESC)).unwrap();
        frames.size.rows = 4;
        let rows: Vec<usize> = frames.map(|frame| frame.unwrap().num_rows()).collect();
        assert_eq!(rows, [4, 4, 2], "{format}");
    }
}

#[test]
fn nothing_follows_an_error() {
    let mut frames =
        frames(b"{\"a\":1}\n{\"a\":\n{\"a\":2}", Format::Ndjson, &Descriptor::from(&MESSAGES_DESC)).unwrap();
    assert!(frames.next().unwrap().is_err());
    assert!(frames.next().is_none());
}

#[test]
fn the_name_of_a_file_says_its_format() {
    for format in Format::ALL {
        assert_eq!(Format::from_word(format.as_str()), Some(format));
        for extension in format.extensions() {
            assert_eq!(Format::of_path(format!("a.b.{extension}").as_ref()).unwrap(), format);
        }
    }
    let error = Format::of_path("ticks.json".as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "ticks.json: the file's name does not say its format");
    assert_eq!(error.hint(), Some("for one JSON object on each line, use `--format ndjson`"));
    let error = Format::of_path("ticks".as_ref()).unwrap_err();
    assert_eq!(
        error.hint(),
        Some(
            "name the format with `--format`, or use one of .parquet, .pq, .csv, .ndjson, .jsonl, .arrow, .arrows, \
             .ipc, .feather"
        )
    );
}

#[test]
fn a_csv_without_a_header_is_refused_and_its_first_row_is_not_lost() {
    assert_eq!(
        refused(b"0,A0,Alpha,10\n", Format::Csv),
        "input: line 1: the header names no column of table `messages`: `0`, `A0`, `Alpha`, `10`\n\
         hint: the first line of a CSV file names the columns, some of bucket, tick, sender_agent_id, \
         channel_name, visibility_scope, audience, speech_act, topic_label, stance_label, claims, style"
    );
}

#[test]
fn an_input_without_rows_gives_its_columns_once() {
    let none = every_kind().slice(0, 0);
    for format in [Format::Csv, Format::Parquet, Format::Arrow] {
        let read: Vec<Frame> = frames(&written(&none, format), format, &Descriptor::from(&MESSAGES_DESC))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read.len(), 1, "{format}");
        let names: Vec<String> = read[0].schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!((names.len(), names[0].as_str(), read[0].num_rows()), (5, "tick", 0), "{format}");
        let rows: Vec<Frame> =
            frames(&written(&every_kind(), format), format, &Descriptor::from(&MESSAGES_DESC))
                .unwrap()
                .map(Result::unwrap)
                .collect();
        assert_eq!(rows.iter().map(Frame::num_rows).collect::<Vec<_>>(), [3], "{format}");
    }
}
