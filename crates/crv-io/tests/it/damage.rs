//! Every way to read a part, against every kind of damage to it. `tests/test_io_damage.py` does the same from Python.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow_array::{Float64Array, RecordBatch};
use crv_io::config::VerifyReads;
use crv_io::{
    AppendOptions, CompactOptions, Dataset, Error, ErrorKind, Rereads, Result, TableId, VacuumOptions,
};

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, forget_checksums, holdings};

/// Rows of a part that is read whole, and of one that is not: it is larger than 128 KiB.
const SMALL: i64 = 50;
const LARGE: i64 = 40_000;

/// Edges of one bucket, with weights that no codec can compress.
fn rows(count: i64, seed: u64) -> RecordBatch {
    let batch = edges((0..count).map(|row| row % 100));
    let mut random = fastrand::Rng::with_seed(seed);
    let weights: Float64Array = (0..count).map(|_| Some(random.f64())).collect();
    let at = batch.schema().index_of("edge_weight").unwrap();
    let mut columns = batch.columns().to_vec();
    columns[at] = std::sync::Arc::new(weights);
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// A run of one part, and the path of the part.
fn written(root: &Root, count: i64) -> (Dataset, PathBuf) {
    let dataset = root.open();
    dataset.append(EDGES, rows(count, 1), AppendOptions::default()).unwrap();
    let part = PathBuf::from(&dataset.files(EDGES).unwrap()[0].path);
    (dataset, part)
}

fn part_bytes(count: i64, seed: u64) -> Vec<u8> {
    let root = Root::new();
    root.open().append(EDGES, rows(count, seed), AppendOptions::default()).unwrap();
    fs_err::read(&root.open().files(EDGES).unwrap()[0].path).unwrap()
}

/// Another valid part of as many rows and of the same size.
fn of_the_same_size(count: i64, size: usize) -> Vec<u8> {
    (2..400).map(|seed| part_bytes(count, seed)).find(|bytes| bytes.len() == size).unwrap()
}

fn holdings_part() -> Vec<u8> {
    let root = Root::new();
    root.open().append(TableId::HOLDINGS, holdings(0..50), AppendOptions::default()).unwrap();
    fs_err::read(&root.open().files(TableId::HOLDINGS).unwrap()[0].path).unwrap()
}

/// A way to read a table, by name.
type Way = (&'static str, fn(&Dataset) -> Result<()>);

/// Every way to read a part, including those that only verify parts for another reader.
const WAYS: [Way; 5] = [
    ("scan", |dataset| drained(dataset.scan(EDGES)?)),
    ("scan of some ticks", |dataset| drained(dataset.scan(EDGES)?.ticks(0..=3))),
    ("scan of a column", |dataset| drained(dataset.scan(EDGES)?.columns(&["edge_weight"])?)),
    ("verify", |dataset| dataset.scan(EDGES)?.verify()),
    ("examine", |dataset| dataset.scan(EDGES)?.examine()),
];

fn drained(scan: crv_io::Scan) -> Result<()> {
    scan.batches().try_for_each(|batch| batch.map(drop))
}

fn compacted(dataset: &Dataset) -> Result<()> {
    dataset.compact(EDGES, CompactOptions::default()).map(drop)
}

#[track_caller]
fn names_it(outcome: Result<()>, part: &Path, what: &str) -> Error {
    let Err(error) = outcome else { panic!("{what}: no error") };
    assert_eq!(error.kind(), ErrorKind::Read, "{what}: {error}");
    let text = error.to_string();
    for name in [RUN, EDGES.as_str(), part.to_str().unwrap()] {
        assert!(text.contains(&format!("`{name}`")), "{what} names no {name}: {text}");
    }
    assert!(error.hint().is_some(), "{what}: {text}");
    error
}

#[test]
fn every_read_of_a_damaged_part_is_a_read_error_that_names_it() {
    for count in [SMALL, LARGE] {
        let root = Root::new();
        let (dataset, part) = written(&root, count);
        append(&dataset, [5]);
        let whole = fs_err::read(&part).unwrap();
        assert_eq!(whole.len() > 128 * 1024, count == LARGE);
        let damages: [(&str, Option<Vec<u8>>); 6] = [
            ("missing", None),
            ("truncated", Some(whole[..whole.len() - 10].to_vec())),
            ("empty", Some(Vec::new())),
            ("another part of the same size", Some(of_the_same_size(count, whole.len()))),
            ("another part of another size", Some(part_bytes(count + 7, 3))),
            ("a part of another table", Some(holdings_part())),
        ];
        for (damage, bytes) in damages {
            match bytes {
                Some(bytes) => fs_err::write(&part, bytes).unwrap(),
                None => fs_err::remove_file(&part).unwrap(),
            }
            for (name, way) in WAYS.into_iter().chain([("compact", compacted as fn(&Dataset) -> Result<()>)])
            {
                names_it(way(&root.open()), &part, &format!("{name}, {damage}, {count} rows"));
            }
        }
        fs_err::write(&part, whole).unwrap();
        assert_eq!(all_ticks(&root.open()).len() as i64, count + 1);
    }
}

/// A scan once returned wrong values for nine of ten flipped bits: a page of Parquet has no checksum of its own.
#[test]
fn every_flipped_bit_of_a_small_part_is_a_read_error_whatever_was_read_before() {
    let root = Root::new();
    let (dataset, part) = written(&root, 3);
    append(&dataset, [5]);
    let size = root.settings().with_verify_reads(VerifyReads::Size);
    let handles = [dataset, Dataset::open(size, RUN).unwrap()];
    for handle in &handles {
        all_ticks(handle);
    }
    let whole = fs_err::read(&part).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs_err::write(&part, bytes).unwrap();
        for handle in &handles {
            names_it(WAYS[0].1(handle), &part, &format!("bit {bit}"));
        }
        if bit % 61 == 0 {
            for (name, way) in &WAYS[1..] {
                names_it(way(&root.open()), &part, &format!("{name}, bit {bit}"));
            }
            names_it(compacted(&root.open()), &part, &format!("compact, bit {bit}"));
        }
    }
}

#[test]
fn a_large_part_is_compared_as_the_setting_says_and_once_for_each_handle() {
    let root = Root::new();
    let (_, part) = written(&root, LARGE);
    let opened = |by| Dataset::open(root.settings().with_verify_reads(by), RUN).unwrap();
    let (whole, other) = (fs_err::read(&part).unwrap(), part_bytes(LARGE, 3));
    let same_size = of_the_same_size(LARGE, whole.len());
    let known = opened(VerifyReads::Checksum);
    drained(known.scan(EDGES).unwrap()).unwrap();
    fs_err::write(&part, &same_size).unwrap();
    for (_, way) in WAYS {
        let by_checksum = names_it(way(&opened(VerifyReads::Checksum)), &part, "checksum");
        assert!(by_checksum.to_string().contains("its checksum is"), "{by_checksum}");
    }
    // It is taken for the original part where only sizes are compared, and by a handle that has compared the original.
    drained(opened(VerifyReads::Size).scan(EDGES).unwrap()).unwrap();
    opened(VerifyReads::Size).scan(EDGES).unwrap().verify().unwrap();
    drained(known.scan(EDGES).unwrap()).unwrap();
    known.scan(EDGES).unwrap().verify().unwrap();
    // `examine` compares every byte in any case.
    names_it(known.scan(EDGES).unwrap().examine(), &part, "examine");
    names_it(opened(VerifyReads::Size).scan(EDGES).unwrap().examine(), &part, "examine");
    // Another size is always detected.
    if other.len() != whole.len() {
        fs_err::write(&part, &other).unwrap();
        names_it(known.scan(EDGES).unwrap().verify(), &part, "another size");
    }
}

#[test]
fn without_a_checksum_size_and_rows_are_compared() {
    for count in [SMALL, LARGE] {
        let root = Root::new();
        let (dataset, part) = written(&root, count);
        forget_checksums(&dataset);
        let whole = fs_err::read(&part).unwrap();
        // The same size and fewer rows: a smaller part, with zeros after its first four bytes.
        let fewer = part_bytes(count - 20, 3);
        let mut bytes = fewer[..4].to_vec();
        bytes.resize(whole.len() - fewer.len() + 4, 0);
        bytes.extend_from_slice(&fewer[4..]);
        assert_eq!(bytes.len(), whole.len());
        fs_err::write(&part, bytes).unwrap();
        for (name, way) in WAYS {
            let error = names_it(way(&root.open()), &part, name);
            assert!(error.to_string().contains("rows where its entry says"), "{name}: {error}");
        }
        fs_err::write(&part, &whole[1..]).unwrap();
        names_it(root.open().scan(EDGES).unwrap().verify(), &part, "a byte less");
    }
}

#[test]
fn only_parts_with_the_rows_asked_for_are_compared_beyond_their_size() {
    let root = Root::new();
    let (dataset, _) = written(&root, SMALL);
    append(&dataset, 100..150);
    let second = dataset.files(EDGES).unwrap()[1].path.clone();
    let mut bytes = fs_err::read(&second).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&second, &bytes).unwrap();
    let verify = |limit: u64| root.open().scan(EDGES).unwrap().limit(limit).verify();
    verify(50).unwrap();
    names_it(verify(51), Path::new(&second), "the first row of the second part");
    // How many rows of the first part are in the range is not known before it is read.
    let scan = root.open().scan(EDGES).unwrap().ticks(49..=120).limit(1);
    names_it(scan.verify(), Path::new(&second), "a range");
    fs_err::write(&second, &bytes[1..]).unwrap();
    names_it(verify(1), Path::new(&second), "the size of a part that is not needed");
}

fn merge_and_vacuum(root: &Root) {
    let other = root.open();
    other.compact(EDGES, CompactOptions::default()).unwrap();
    other.vacuum(VacuumOptions { older_than: Duration::ZERO, dry_run: false }).unwrap();
}

#[test]
fn a_scan_whose_part_was_vacuumed_says_so_and_a_new_one_reads_on() {
    let root = Root::new();
    let (dataset, part) = written(&root, SMALL);
    append(&dataset, 0..10);
    let scan = dataset.scan(EDGES).unwrap();
    merge_and_vacuum(&root);
    for outcome in [drained(scan.clone()), scan.verify(), scan.examine()] {
        let error = names_it(outcome, &part, "vacuumed");
        assert!(error.is_vacuumed() && error.to_string().contains("was removed by a vacuum"), "{error}");
        assert!(error.hint().unwrap().contains("new scan"), "{error}");
        assert!(Rereads::default().after(&error));
    }
    assert_eq!(all_ticks(&dataset).len(), 60);
}

#[test]
fn a_part_that_is_missing_and_live_was_not_vacuumed() {
    let root = Root::new();
    let (dataset, part) = written(&root, SMALL);
    fs_err::remove_file(&part).unwrap();
    let error = names_it(drained(dataset.scan(EDGES).unwrap()), &part, "missing");
    assert!(!error.is_vacuumed() && error.to_string().contains("is missing"), "{error}");
    assert!(!Rereads::default().after(&error));
}

#[test]
fn a_table_is_read_again_a_bounded_number_of_times() {
    let mut rereads = Rereads::default();
    let mut times = 0;
    while rereads.again() {
        times += 1;
    }
    assert_eq!(times, 16);
}

#[test]
fn a_pinned_scan_reads_the_same_from_another_handle() {
    let root = Root::new();
    let (dataset, part) = written(&root, SMALL);
    append(&dataset, 100..110);
    let scan = dataset.scan(EDGES).unwrap().ticks(0..=99);
    let bytes = scan.pinned().unwrap();
    append(&dataset, [3]);
    let again = root.open().scan_pinned(EDGES, &bytes).unwrap();
    assert_eq!(again.commit(), scan.commit());
    assert_eq!(again.parts(), scan.parts());
    assert_eq!(again.schema(), scan.schema());
    fs_err::write(&part, b"").unwrap();
    names_it(again.verify(), &part, "pinned");
    for bytes in [&bytes[1..], b"", b"{}"] {
        assert_eq!(root.open().scan_pinned(EDGES, bytes).unwrap_err().kind(), ErrorKind::Argument);
    }
    assert_eq!(root.open().scan_pinned(TableId::HOLDINGS, &bytes).unwrap_err().kind(), ErrorKind::Argument);
}
