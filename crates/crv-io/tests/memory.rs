//! How much memory hostile input takes: at most a multiple of its own size, whatever it claims (invariant 9).
//!
//! A separate test binary with a single test, because all allocations of the process are counted.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

use std::sync::Arc;

use crv_io::config::Compression;
use crv_io::fuzzing;
use crv_io::{AppendOptions, Dataset, IoSettings};
use parquet::basic::{Compression as Codec, Encoding};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

/// Counts the bytes that are allocated, and their peak.
#[expect(
    unsafe_code,
    reason = "an allocator is unsafe; this one only counts, and leaves the work to the system's"
)]
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    struct Counting;

    // An allocation that grows is counted twice while it moves: `realloc` is the trait's default, which uses these two.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
            MOST.fetch_max(now, Relaxed);
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            NOW.fetch_sub(layout.size(), Relaxed);
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    #[global_allocator]
    static COUNTING: Counting = Counting;

    /// Runs `work`, and returns the peak of the bytes that it had allocated.
    pub(super) fn most<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = NOW.load(Relaxed);
        MOST.store(before, Relaxed);
        let done = work();
        (done, MOST.load(Relaxed) - before)
    }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// Bytes of memory for each byte of a document.
const OF_A_DOCUMENT: usize = 32;
/// Bytes of memory for each byte of the facts of a run, which are at most 16 MiB: a map takes room for its next keys.
const OF_FACTS: usize = 128;
/// Bytes of memory for each byte of a part with false claims, in the densest codec.
const OF_A_PART: usize = 256;

fn document_of(partitions: &str, beside: &str) -> String {
    let time = "2025-09-25T08:00:00+00:00";
    format!(
        r#"{{"table":"identity_edges","version":1,"created_at":"{time}","updated_at":"{time}","commit":1{beside},"partitions":{{{partitions}}}}}"#
    )
}

fn partition_of(key: &str, beside: &str) -> String {
    format!(
        r#""{key}":{{"bucket_id":0,"state":"","tick_min":0,"tick_max":0,"row_count":0,"byte_size":0,"parts":[]{beside}}}"#
    )
}

/// Documents with elements that are small as text and large in memory.
fn documents() -> Vec<(&'static str, String)> {
    let many = |item: &str, count: usize| vec![item; count].join(",");
    let list = |key: &str, item: &str| format!(",\"{key}\":[{}]", many(item, 200_000));
    let in_partition = |beside: &str| document_of(&partition_of("000000", beside), "");
    let fields =
        |item: &str| document_of("", &format!(",\"schema\":{{\"fields\":[{}]}}", many(item, 100_000)));
    let lying = (0..1_000_000_u32).map(|bucket| {
        format!(
            r#""{bucket:06}":{{"bucket_id":{bucket},"state":"","tick_min":0,"tick_max":0,"row_count":{},"byte_size":0,"parts":[]}}"#,
            u64::MAX
        )
    });
    vec![
        ("a million false partitions", document_of(&lying.collect::<Vec<_>>().join(","), "")),
        ("no checksums", in_partition(&list("parts_crc32c", "null"))),
        ("empty checksums", in_partition(&list("parts_crc32c", "\"\""))),
        ("empty provisional parts", in_partition(&list("provisional", "\"\""))),
        ("unknown values", in_partition(&list("new", "{}"))),
        ("deep unknown values", in_partition(&format!(",\"new\":{}", "[".repeat(MIB)))),
        ("fields without a name", fields("{\"type\":\"\"}")),
        ("fields of one name", fields("{\"name\":\"\",\"type\":\"i64\"}")),
        ("a field with many fields", fields("{\"name\":\"\",\"type\":\"struct\",\"fields\":[]}")),
        ("a deep field", document_of("", &format!(",\"schema\":{}", "{\"fields\":[".repeat(100_000)))),
        ("a long key", document_of(&partition_of(&"0".repeat(MIB), ""), "")),
        (
            "a long name",
            in_partition("").replace("[]", &format!("[{{\"path\":\"{}\"}}]", "\\u0000".repeat(MIB))),
        ),
        ("a long time", in_partition("").replace("2025", &"2".repeat(MIB))),
        (
            "a long number",
            in_partition("").replace("\"row_count\":0", &format!("\"row_count\":{}", "9".repeat(MIB))),
        ),
        ("a long word", in_partition("").replace("identity_edges", &"\u{1f980}".repeat(MIB))),
    ]
}

/// Encodes a number as Thrift's compact protocol does.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Encodes the first fields of a struct, all of them numbers, without the end of the struct.
fn numbers(numbers: &[i64]) -> Vec<u8> {
    let field =
        |number: &i64| [vec![0x15], varint(((number << 1) ^ (number >> 63)).cast_unsigned())].concat();
    numbers.iter().flat_map(field).collect()
}

/// A page header of this kind (0 data, 2 dictionary) that claims these sizes and this many values.
fn page(kind: i64, uncompressed: i64, compressed: i64, values: i64, encoding: i64) -> Vec<u8> {
    let inner = if kind == 2 { numbers(&[values, encoding]) } else { numbers(&[values, encoding, 3, 3]) };
    // The header of a data page is field 5, that of a dictionary page field 7: the upper digit is the distance from 3.
    let step = if kind == 2 { 0x4c } else { 0x2c };
    [numbers(&[kind, uncompressed, compressed]), vec![step], inner, vec![0, 0]].concat()
}

/// A file with one column of one row group, whose footer claims this.
struct Claims {
    message: &'static str,
    codec: Codec,
    rows: i64,
    values: i64,
    compressed: Option<i64>,
    uncompressed: i64,
    offset: i64,
}

impl Default for Claims {
    fn default() -> Self {
        let message = "message m { required int64 tick; }";
        let codec = Codec::LZ4_RAW;
        Self { message, codec, rows: 100, values: 100, compressed: None, uncompressed: 800, offset: 4 }
    }
}

impl Claims {
    fn with(&self, pages: &[u8]) -> Vec<u8> {
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(parse_message_type(self.message).unwrap())));
        let column = ColumnChunkMetaData::builder(schema.column(0))
            .set_encodings(vec![Encoding::PLAIN])
            .set_compression(self.codec)
            .set_num_values(self.values)
            .set_total_compressed_size(self.compressed.unwrap_or(pages.len() as i64))
            .set_total_uncompressed_size(self.uncompressed)
            .set_data_page_offset(self.offset)
            .build()
            .unwrap();
        let group = RowGroupMetaData::builder(Arc::clone(&schema))
            .set_num_rows(self.rows)
            .set_total_byte_size(self.uncompressed)
            .add_column_metadata(column)
            .build()
            .unwrap();
        let file = FileMetaData::new(1, self.rows, None, None, schema, None);
        let mut bytes = [&b"PAR1"[..], pages].concat();
        let metadata = ParquetMetaData::new(file, vec![group]);
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &metadata).finish().unwrap();
        bytes.extend(footer);
        bytes
    }
}

/// Parts with false claims.
fn parts() -> Vec<(&'static str, Vec<u8>)> {
    let data = [7; KIB];
    let with = |header: Vec<u8>| [header, data.to_vec()].concat();
    let (two_gib, most) = (i64::from(i32::MAX), i64::MAX);
    let kib = KIB as i64;
    let plain = || with(page(0, 800, kib, 100, 0));
    let mut parts = vec![
        ("a page of 2 GiB", Claims::default().with(&with(page(0, two_gib, kib, 100, 0)))),
        ("a page of 4 GiB", Claims::default().with(&with(page(0, two_gib * 2, kib, 100, 0)))),
        ("a page of negative size", Claims::default().with(&with(page(0, -1, kib, 100, 0)))),
        ("a page of 2 GiB values", Claims::default().with(&with(page(0, 800, kib, two_gib, 0)))),
        ("a page longer than the file", Claims::default().with(&with(page(0, 800, two_gib, 100, 0)))),
        ("a dictionary of 2 GiB", Claims::default().with(&with(page(2, two_gib, kib, 100, 0)))),
        ("a dictionary of 2 Gi values", Claims::default().with(&with(page(2, 800, kib, two_gib, 0)))),
        (
            "a column longer than the file",
            Claims { compressed: Some(most), ..Claims::default() }.with(&plain()),
        ),
        (
            "a column whose size is negative",
            Claims { compressed: Some(-1), ..Claims::default() }.with(&plain()),
        ),
        ("a column before the file", Claims { offset: -4, ..Claims::default() }.with(&plain())),
        ("a column after the file", Claims { offset: most, ..Claims::default() }.with(&plain())),
        ("a column of i64::MAX values", Claims { values: most, ..Claims::default() }.with(&plain())),
        ("i64::MAX rows", Claims { rows: most, values: most, ..Claims::default() }.with(&plain())),
        ("a negative number of rows", Claims { rows: -1, ..Claims::default() }.with(&plain())),
        ("i64::MAX bytes", Claims { uncompressed: most, ..Claims::default() }.with(&plain())),
    ];
    for (what, codec) in [("snappy", Codec::SNAPPY), ("no codec", Codec::UNCOMPRESSED)] {
        let claims = Claims { codec, ..Claims::default() };
        parts.push((what, claims.with(&with(page(0, two_gib, kib, 100, 0)))));
    }
    // Encodings with counts in their data, for which a decoder allocates before it checks them:
    // DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY. Blocks of 128 values in 4 miniblocks, and 2^40 values.
    let delta = [varint(128), varint(4), varint(1 << 40), varint(0), data.to_vec()].concat();
    for encoding in 6..=7 {
        let header = page(0, delta.len() as i64, delta.len() as i64, 100, encoding);
        for message in ["message m { required int64 tick; }", "message m { required binary tick; }"] {
            let claims = Claims { message, codec: Codec::UNCOMPRESSED, ..Claims::default() };
            parts.push(("a count within the data", claims.with(&[header.clone(), delta.clone()].concat())));
        }
    }
    let valid = Claims::default().with(&plain());
    let length = valid.len();
    for claim in [0, 1, length as u32, u32::MAX, 1 << 31, length as u32 - 12] {
        let mut bytes = valid.clone();
        bytes[length - 8..length - 4].copy_from_slice(&claim.to_le_bytes());
        parts.push(("a footer of another length", bytes));
    }
    // A footer that is a struct whose field 2 is a list of 2^31 structs.
    let mut footer = [&[0x15, 0x02, 0x19, 0xfc][..], &varint(1 << 31)].concat();
    let footer_length = footer.len() as u32;
    footer.extend(footer_length.to_le_bytes());
    parts.push(("a list of 2^31 columns", [&b"PAR1"[..], &footer, b"PAR1"].concat()));
    parts
}

/// A valid part, as the crate writes it.
fn honest_part() -> Vec<u8> {
    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    let root = tempfile::tempdir().unwrap();
    let settings = IoSettings::default()
        .with_root_dir(root.path().to_str().unwrap())
        .unwrap()
        .with_compression(Compression::Lz4);
    let dataset = Dataset::open(settings, "r").unwrap();
    let batch = RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from_iter_values(0..20)) as ArrayRef),
        (
            "observer_agent_id",
            Arc::new(StringArray::from_iter_values((0..20).map(|row| format!("A{}", row % 3)))),
        ),
        ("edge_kind", Arc::new(StringArray::from(vec!["self_to_object"; 20]))),
        ("edge_weight", Arc::new(Float64Array::from(vec![0.5; 20]))),
    ])
    .unwrap();
    dataset.append(fuzzing::TABLE, batch, AppendOptions::default()).unwrap();
    let part = dataset.scan(fuzzing::TABLE).unwrap().parts().remove(0);
    fs_err::read(part.path).unwrap()
}

/// Returns the outcome of reading a part, and the memory that it takes. A panic of a decoder is a failure. It is not
/// printed, because a backtrace takes tens of megabytes.
fn most_of_a_part(bytes: &[u8]) -> (Result<(), String>, usize) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let measured = counting::most(|| fuzzing::part(bytes));
    std::panic::set_hook(hook);
    measured
}

#[test]
fn hostile_input_takes_memory_by_its_size_and_not_by_what_it_claims() {
    let documents = documents();
    for (what, document) in &documents {
        let sealed = fuzzing::sealed(document.as_bytes());
        let limit = OF_A_DOCUMENT * sealed.len() + MIB;
        let (_, most) = counting::most(|| fuzzing::manifest(&sealed));
        assert!(most <= limit, "{what}: {most} bytes for {}", sealed.len());
        let base = format!(
            "{{\"format\":1,\"through\":1,\"created_at\":\"\",\"tables\":{{\"identity_edges\":{document}}}}}"
        );
        let (_, most) = counting::most(|| fuzzing::base_file(&fuzzing::sealed(base.as_bytes())));
        assert!(most <= limit + 4 * base.len(), "{what}, in a base: {most} bytes for {}", base.len());
    }
    drop(documents);

    let many = vec![r#"{"bucket_id":0,"path":""}"#; 100_000].join(",");
    for change in [format!("\"remove\":[{many}]"), format!("\"add\":[{many}]"), format!("\"new\":[{many}]")] {
        let document = format!(
            r#"{{"format":1,"commit":17,"id":"","operation":"append","created_at":"2025-09-25T08:00:00Z","tables":{{"holdings":{{{change}}}}}}}"#
        );
        let sealed = fuzzing::sealed(document.as_bytes());
        let (_, most) = counting::most(|| fuzzing::commit_file(&sealed));
        assert!(
            most <= OF_A_DOCUMENT * sealed.len() + MIB,
            "{change:.20}: {most} bytes for {}",
            sealed.len()
        );
    }

    // Objects that callers passed are kept as they are, key by key.
    let many = |item: &str| vec![item; 100_000].join(",");
    for params in [many(r#"{"":0}"#), many("[]"), many("{}"), many("0"), many("\"\"")] {
        let document =
            format!(r#"{{"format":1,"run_id":"r","created_at":"soon","pid":1,"params":{{"a":[{params}]}}}}"#);
        let sealed = fuzzing::sealed(document.as_bytes());
        let (outcome, most) = counting::most(|| fuzzing::facts(&sealed));
        // Refused after all of it was read.
        assert_eq!(outcome, Err("`created_at` is not a time".to_owned()));
        assert!(most <= OF_FACTS * sealed.len() + MIB, "{params:.9}: {most} bytes for {}", sealed.len());
    }

    for (what, bytes) in parts() {
        let (outcome, most) = most_of_a_part(&bytes);
        assert!(outcome.is_err(), "{what} was accepted");
        assert!(most <= OF_A_PART * bytes.len() + MIB, "{what}: {most} bytes for {}", bytes.len());
    }

    let honest = honest_part();
    assert_eq!(fuzzing::part(&honest), Ok(()));
    for at in 0..honest.len() {
        for flip in [0x80, 0xff, 0x7f] {
            let mut bytes = honest.clone();
            bytes[at] ^= flip;
            let (_, most) = most_of_a_part(&bytes);
            assert!(most <= OF_A_PART * bytes.len() + MIB, "byte {at}: {most} bytes for {}", bytes.len());
        }
    }
}
