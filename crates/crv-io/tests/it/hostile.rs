//! Hostile and random input: no document, name or part makes the library leave its root, panic or hang (invariant 9).
//! How much memory it may take is in `tests/memory.rs`.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crv_io::paths::{BucketId, PartId, RunPaths};
use crv_io::store::files::{FileSystem, Lock, NewFile, OpenFile, OsFiles, Stat};
use crv_io::store::{EntryKind, LocalStore, MemoryStore, PutMode, Store};
use crv_io::{AppendOptions, Dataset, ErrorKind, IoSettings, RunId, TableId, TickRange};

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, forget_checksums, names_in, ticks_of};

/// Returns a document with a valid checksum, as the format defines it: an attacker can compute one.
fn sealed(document: &str) -> Vec<u8> {
    let body = document.trim_end().strip_suffix('}').unwrap().trim_end();
    format!("{body},\"crc32c\":\"{:08x}\"}}\n", crc32c::crc32c(body.as_bytes())).into_bytes()
}

const TIME: &str = "2025-09-25T08:00:00+00:00";

/// The entry of a part, as in manifests and in commit files.
fn entry(path: &str) -> String {
    format!(r#""path":"{path}","rows":1,"bytes":1000,"tick_min":0,"tick_max":0,"created_at":"{TIME}""#)
}

fn part_name(number: u128) -> String {
    PartId::new(number).file_name()
}

fn commit_of(tables: &str) -> String {
    format!(
        r#"{{"format":1,"commit":1,"id":"x","operation":"append","created_at":"{TIME}","tables":{{{tables}}}}}"#
    )
}

fn commit_adding(path: &str) -> String {
    commit_of(&format!(r#""identity_edges":{{"add":[{{"bucket_id":0,{}}}]}}"#, entry(path)))
}

fn commit_removing(path: &str) -> String {
    commit_of(&format!(r#""identity_edges":{{"remove":[{{"bucket_id":0,"path":"{path}"}}]}}"#))
}

/// The state of a table with these partitions, as of commit 1.
fn state_of(partitions: &str) -> String {
    format!(
        r#"{{"table":"identity_edges","version":1,"created_at":"{TIME}","updated_at":"{TIME}","commit":1,"partitions":{{{partitions}}}}}"#
    )
}

fn partition(key: &str, parts: &str) -> String {
    format!(
        r#""{key}":{{"bucket_id":0,"state":"ready","tick_min":0,"tick_max":0,"row_count":1,"byte_size":1000,"parts":[{parts}]}}"#
    )
}

fn state_naming(path: &str) -> String {
    state_of(&partition("000000", &format!("{{{}}}", entry(path))))
}

fn base_of(table: &str, state: &str) -> String {
    format!(r#"{{"format":1,"through":1,"created_at":"{TIME}","tables":{{"{table}":{state}}}}}"#)
}

/// Writes a document to its place in the run.
fn plant(root: &Root, place: &str, document: &[u8]) {
    let path = root.run_dir().join(place);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, document).unwrap();
}

const MANIFEST: &str = "tables/identity_edges/manifest.json";
const COMMIT: &str = "_commits/00000000000000000001.json";
const BASE: &str = "_commits/base.json";

/// A manifest without parts that includes no commit: the rest is in the log.
fn empty_manifest() -> Vec<u8> {
    sealed(&state_of("").replace("\"commit\":1", "\"commit\":0"))
}

/// A file system that records the path of every call.
#[derive(Debug, Default)]
struct Watched {
    seen: Mutex<Vec<PathBuf>>,
}

impl Watched {
    fn see<'a>(&self, path: &'a Path) -> &'a Path {
        self.seen.lock().unwrap().push(path.to_owned());
        path
    }

    /// The paths that are not in `root`, or that contain `..`.
    fn outside(&self, root: &Path) -> Vec<PathBuf> {
        let plain = |path: &Path| path.components().all(|part| part != Component::ParentDir);
        let seen = self.seen.lock().unwrap();
        // The directory above the root is synced, to make the root's name durable.
        let inside = |path: &Path| path.starts_with(root) || root.ancestors().any(|above| above == path);
        seen.iter().filter(|path| !plain(path) || !inside(path)).cloned().collect()
    }
}

impl FileSystem for Watched {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        OsFiles.create_new(self.see(path))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        OsFiles.open(self.see(path))
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        OsFiles.stat(self.see(path))
    }
    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        OsFiles.read_dir(self.see(path))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.create_dir(self.see(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.rename(self.see(from), self.see(to))
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.hard_link(self.see(from), self.see(to))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsFiles.remove_file(self.see(path))
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.sync_dir(self.see(path))
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        OsFiles.try_lock(self.see(path))
    }
}

/// Calls every operation on the run, and ignores their errors.
fn do_everything(dataset: &Dataset) {
    if let Ok(scan) = dataset.scan(EDGES) {
        scan.batches().for_each(drop);
    }
    let _ = dataset.manifest(EDGES).map(|manifest| dataset.replace_manifest(&manifest));
    let _ = dataset.append(EDGES, edges([1]), AppendOptions::default());
    let _ = dataset.prune(Duration::ZERO);
    let _ = dataset.rebuild_manifest(EDGES);
    let _ = dataset.tables();
    let _ = dataset.close();
}

/// Invalid names of parts: each would lead elsewhere, or name another file on some file system.
fn hostile_names() -> Vec<String> {
    let hex = "0".repeat(32);
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "/",
        "../",
        "../../canary/secret",
        "/etc/passwd",
        "C:\\\\x",
        "..\\\\x",
        "\\u0000",
        "a\\u0000.parquet",
        "manifest.json",
        "part-.parquet",
        "part-..parquet",
        "part-1.parquet",
        "part-\\u0000.parquet",
        "../bucket=000001/part-00000000000000000000000000000001.parquet",
        "./part-00000000000000000000000000000001.parquet",
        "part-00000000000000000000000000000001.parquet/",
        "part-00000000000000000000000000000001.parquet/../../../../../../canary/secret",
        "part-00000000000000000000000000000001.parquet\\u0000",
        "part-00000000000000000000000000000001.parquet ",
        "part-0000000000000000000000000000000A.parquet",
        "PART-00000000000000000000000000000001.parquet",
        "part-00000000000000000000000000000001.PARQUET",
        "part-+0000000000000000000000000000001.parquet",
        "part-0x000000000000000000000000000001.parquet",
        // A hyphen, digits and letters that only look like the ASCII ones.
        "part\u{2010}00000000000000000000000000000001.parquet",
        "part-０0000000000000000000000000000001.parquet",
        "part-0000000000000000000000000000000\u{430}.parquet",
        "part-00000000000000000000000000000001\u{200b}.parquet",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push(format!("part-{hex}0.parquet"));
    names.push("a".repeat(100_000));
    names.push("../".repeat(10_000));
    names
}

#[test]
fn no_name_in_a_document_is_followed_out_of_the_root() {
    let outer = Root::new();
    let canary = outer.path().join("canary");
    for name in hostile_names() {
        let name = name.as_str();
        let documents = [
            (MANIFEST, sealed(&state_naming(name))),
            (MANIFEST, state_naming(name).replace("\"commit\":1,", "").into_bytes()),
            (MANIFEST, sealed(&state_naming(name).replace("\"000000\"", &format!("\"{name}\"")))),
            (MANIFEST, sealed(&state_naming(&part_name(1)).replace("identity_edges", name))),
            (COMMIT, sealed(&commit_adding(name))),
            (COMMIT, sealed(&commit_removing(name))),
            (COMMIT, sealed(&commit_adding(&part_name(1)).replace("identity_edges", name))),
            (BASE, sealed(&base_of("identity_edges", &state_naming(name)))),
            (BASE, sealed(&base_of(name, &state_naming(&part_name(1))))),
        ];
        for (place, document) in documents {
            let root = Root::under(outer.path());
            fs_err::create_dir_all(&canary).unwrap();
            fs_err::write(canary.join("secret"), "canary").unwrap();
            if place != MANIFEST {
                plant(&root, MANIFEST, &empty_manifest());
            }
            plant(&root, place, &document);
            let files = Arc::new(Watched::default());
            let store =
                LocalStore::on(root.path().to_str().unwrap(), Arc::clone(&files) as Arc<dyn FileSystem>);
            let dataset = Dataset::with_store(root.settings(), RUN, Arc::new(store)).unwrap();
            let error = dataset.scan(EDGES).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Manifest, "{place} {name:.60}: {error:.300}");
            assert!(error.to_string().len() < 1000 + 2 * name.len(), "{place} {name:.60}");
            do_everything(&dataset);
            drop(dataset);
            assert_eq!(files.outside(root.path()), Vec::<PathBuf>::new(), "{place} {name:.60}");
            assert_eq!(names_in(&canary), ["secret"], "{place} {name:.60}");
            assert_eq!(fs_err::read_to_string(canary.join("secret")).unwrap(), "canary");
        }
    }
}

#[test]
fn a_hostile_run_id_is_refused_before_anything_is_touched() {
    let root = Root::new();
    let long = "a".repeat(256);
    let refused = [
        "",
        ".",
        "..",
        "/",
        "../up",
        "a/b",
        "/etc",
        "a\\b",
        "a\0",
        "\0",
        "a b",
        " ",
        "a\n",
        "run\u{200b}",
        "ｒｕｎ",
        "r\u{443}n",
        "..\\",
        "%2e%2e%2f",
        "~",
        "$HOME",
        "*",
        "a?",
        &long,
    ];
    for id in refused {
        let error = Dataset::open(root.settings(), id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{id:?}");
    }
    assert_eq!(root.files(), Vec::<String>::new());
}

/// On file systems that distinguish case, as the format says; on others they would be one directory.
#[test]
fn two_run_ids_that_differ_in_case_are_two_runs() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let open = |id: &str| Dataset::with_store(IoSettings::default(), id, Arc::clone(&store)).unwrap();
    append(&open("Run"), [1]);
    append(&open("run"), [2]);
    append(&open("..."), [3]);
    assert_eq!((all_ticks(&open("Run")), all_ticks(&open("run"))), (vec![1], vec![2]));
    assert_eq!(all_ticks(&open("...")), [3]);
}

/// Directories whose names only look like ours are unrecognized: they are ignored, not taken for another bucket.
#[test]
fn a_name_on_disk_that_is_nearly_ours_is_passed_over() {
    let root = Root::new();
    append(&root.open(), [0]);
    let table = root.table_dir(EDGES);
    for name in
        ["Bucket=000000", "BUCKET=000000", "bucket=0", "bucket=0000001", "bucket=-00001", "bucket=+00001"]
    {
        fs_err::create_dir(table.join(name)).unwrap();
        fs_err::write(table.join(name).join(part_name(1)), "no part").unwrap();
    }
    for name in ["PART-0.parquet", "part-0000000000000000000000000000000F.parquet", "part-1.parquet"] {
        fs_err::write(table.join("bucket=000000").join(name), "no part").unwrap();
    }
    for name in
        ["18446744073709551616.json", "00000000000000000001.JSON", "+0000000000000000002.json", "2.json"]
    {
        fs_err::write(root.run_dir().join("_commits").join(name), "no commit").unwrap();
    }
    fs_err::create_dir_all(root.run_dir().join("tables/Identity_Edges/bucket=000000")).unwrap();
    fs_err::create_dir_all(root.run_dir().join("tables/no_table_of_ours")).unwrap();
    let dataset = root.open();
    assert_eq!(dataset.rebuild_manifest(EDGES).unwrap().rows, 1);
    assert_eq!(dataset.tables().unwrap(), [EDGES]);
    assert_eq!(all_ticks(&dataset), [0]);
}

/// A symbolic link in the root is followed, and a cycle of links is an error.
#[cfg(unix)]
#[test]
fn links_are_followed_to_their_end_or_are_errors() {
    use std::os::unix::fs::symlink;
    let root = Root::new();
    append(&root.open(), [0, 100]);
    let elsewhere = Root::new();
    let bucket = root.table_dir(EDGES).join("bucket=000001");
    let moved = elsewhere.path().join("bucket");
    fs_err::rename(&bucket, &moved).unwrap();
    symlink(&moved, &bucket).unwrap();
    assert_eq!(all_ticks(&root.open()), [0, 100]);
    // A link to itself, and a directory, in place of the manifest.
    let manifest = root.manifest(EDGES);
    fs_err::remove_file(&manifest).unwrap();
    symlink(&manifest, &manifest).unwrap();
    assert_eq!(root.open().scan(EDGES).unwrap_err().kind(), ErrorKind::Read);
    fs_err::remove_file(&manifest).unwrap();
    fs_err::create_dir(&manifest).unwrap();
    assert_eq!(root.open().scan(EDGES).unwrap_err().kind(), ErrorKind::Read);
}

/// Invalid documents, each as a manifest, a commit file and a base: the text, and its place in the run.
fn lies() -> Vec<(String, &'static str)> {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let mut lies = Vec::new();
    let mut lie = |document: String, place: &'static str| lies.push((document, place));
    let partition = partition("000000", &format!("{{{}}}", entry(&part_name(1))));
    let state = state_of(&partition);
    let commit = commit_adding(&part_name(1));
    let base = base_of("identity_edges", &state);
    for (document, place) in [(&state, MANIFEST), (&commit, COMMIT), (&base, BASE)] {
        let mut replaced = |from: &str, to: &str| {
            assert!(document.contains(from), "{from} {document}");
            lie(document.replacen(from, to, 1), place);
        };
        // Nested deeper than any reader's stack.
        replaced("\"rows\":1", &format!("\"rows\":{}", deep("[", "]")));
        replaced("\"rows\":1", &format!("\"rows\":{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000)));
        // Numbers that are not valid integers.
        let digits = "9".repeat(100_000);
        for number in [
            "0",
            "-1",
            "1.5",
            "1.0",
            "1e0",
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "0x1",
            "01",
            "+1",
            "true",
            "null",
            "\"1\"",
            "18446744073709551616",
            "18446744073709551615",
            "9223372036854775808",
            "340282366920938463463374607431768211457",
            &digits,
            "[]",
            "{}",
        ] {
            replaced("\"rows\":1", &format!("\"rows\":{number}"));
            // `bytes` may be 0, and any number up to the size of the largest file.
            if number != "0" {
                replaced("\"bytes\":1000", &format!("\"bytes\":{number}"));
            }
        }
        for (min, max) in [(i64::MIN, 0), (-1, 0), (0, -1), (1, 0), (i64::MAX, 0), (i64::MAX, i64::MIN)] {
            let ticks = "\"tick_min\":0,\"tick_max\":0,\"created_at\"";
            replaced(ticks, &format!("\"tick_min\":{min},\"tick_max\":{max},\"created_at\""));
        }
        replaced(TIME, "9999-99-99T99:99:99Z");
        replaced(TIME, "-999999999999-01-01T00:00:00Z");
        replaced(TIME, &"2".repeat(100_000));
        // Duplicate keys, at every level: two readers might take different ones.
        replaced("\"created_at\"", &format!("\"created_at\":\"{TIME}\",\"created_at\""));
        replaced("\"rows\":1", "\"rows\":1,\"rows\":1");
        replaced("\"path\"", "\"path\":\"x\",\"path\"");
        replaced("\"bucket_id\":0", "\"bucket_id\":0,\"bucket_id\":0");
        // Invalid text, and text around a document.
        lie(format!("\u{feff}{document}"), place);
        lie(format!("{document}{document}"), place);
        lie(format!("[{document}]}}"), place);
        lie(document.replace('"', "'"), place);
        lie("{}".to_owned(), place);
        lie("{\"a\":1}".to_owned(), place);
    }
    let twice = |document: &str, part: &str| document.replacen(part, &format!("{part},{part}"), 1);
    lie(twice(&state, &partition), MANIFEST);
    lie(twice(&state, &format!("{{{}}}", entry(&part_name(1)))), MANIFEST);
    lie(twice(&state, "\"version\":1"), MANIFEST);
    lie(twice(&state, "\"commit\":1"), MANIFEST);
    lie(state.replace("\"commit\":1", "\"commit\":18446744073709551615"), MANIFEST);
    lie(state.replace("\"row_count\":1", "\"row_count\":18446744073709551615"), MANIFEST);
    lie(state.replace("\"commit\":1", "\"commit\":1,\"tick_bucket_size\":0"), MANIFEST);
    lie(commit.replace("{\"add\"", "{\"tick_bucket_size\":0,\"add\""), COMMIT);
    lie(twice(&commit, "\"commit\":1"), COMMIT);
    lie(twice(&commit, "\"format\":1"), COMMIT);
    lie(twice(&commit, &commit[commit.find("\"identity_edges\"").unwrap()..commit.len() - 2]), COMMIT);
    lie(twice(&base, "\"through\":1"), BASE);
    lie(twice(&base, &format!("\"identity_edges\":{state}")), BASE);
    lie(base.replace("\"through\":1", "\"through\":0"), BASE);
    lie(base.replace("\"through\":1", "\"through\":18446744073709551615"), BASE);
    lies
}

fn refused(place: &str, document: &[u8], what: &str) {
    let root = Root::new();
    if place != MANIFEST {
        plant(&root, MANIFEST, &empty_manifest());
    }
    plant(&root, place, document);
    let dataset = root.open();
    let Err(error) = dataset.scan(EDGES) else { panic!("{place} was accepted: {what:.600}") };
    assert_eq!(error.kind(), ErrorKind::Manifest, "{place} {what:.300}: {error:.300}");
    assert!(error.to_string().contains(place), "{place} {what:.300}: {error:.300}");
    let error = dataset.append(EDGES, edges([0]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Manifest, "{place} {what:.300}: {error:.300}");
}

#[test]
fn a_document_that_lies_is_an_error_that_names_it() {
    for (document, place) in lies() {
        refused(place, &sealed(&document), &document);
        if place == MANIFEST {
            // The same without our keys, as earlier writers wrote it: it has no checksum.
            let unsealed = document.replace("\"commit\":1,", "");
            if unsealed != document && !document.contains("\"commit\":1,\"commit\":1") {
                refused(place, unsealed.as_bytes(), &unsealed);
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_an_error_that_names_them() {
    for bytes in [
        &b""[..],
        b"\0",
        b"\xff\xfe{}",
        b"{",
        b"}",
        b"\"crc32c\"",
        b",\"crc32c\":\"00000000\"}\n",
        &vec![b'['; 1 << 20],
    ] {
        for place in [MANIFEST, COMMIT, BASE] {
            refused(place, bytes, "bytes");
        }
    }
    let mut invalid = state_of("").into_bytes();
    invalid.splice(2..2, *b"\xf0\x28\x8c\xbc");
    let body = &invalid[..invalid.len() - 1];
    let sealed = [body, format!(",\"crc32c\":\"{:08x}\"}}\n", crc32c::crc32c(body)).as_bytes()].concat();
    refused(MANIFEST, &sealed, "invalid UTF-8");
}

/// Unknown keys are ignored, whatever their values are and however deep.
#[test]
fn a_deep_value_of_an_unknown_key_is_passed_over() {
    let root = Root::new();
    let deep = format!("\"new\":{}{},", "[{\"a\":".repeat(50_000) + "1", "}]".repeat(50_000));
    let huge = format!("\"newer\":{}e{},", "7".repeat(100_000), "9".repeat(1000));
    let add = |text: &str| text.replacen('{', &format!("{{{deep}{huge}"), 1);
    plant(&root, MANIFEST, &sealed(&add(&state_of("").replace("\"commit\":1", "\"commit\":0"))));
    plant(&root, COMMIT, &sealed(&add(&commit_adding(&part_name(1)))));
    assert_eq!(root.open().manifest(EDGES).unwrap().partitions["000000"].row_count, 1);
}

/// Three parts with as many rows as a part may claim: the sum used to overflow.
#[test]
fn totals_that_no_count_can_say_stop_at_the_largest() {
    let root = Root::new();
    let largest = i64::MAX;
    let parts: Vec<String> = (1..=3)
        .map(|number| {
            let entry = entry(&part_name(number)).replace("\"rows\":1,", &format!("\"rows\":{largest},"));
            format!(
                "{{\"bucket_id\":0,{}}}",
                entry.replace("\"bytes\":1000", &format!("\"bytes\":{largest}"))
            )
        })
        .collect();
    plant(&root, MANIFEST, &empty_manifest());
    plant(
        &root,
        COMMIT,
        &sealed(&commit_of(&format!("\"identity_edges\":{{\"add\":[{}]}}", parts.join(",")))),
    );
    let dataset = root.open();
    let totals = |dataset: &Dataset| dataset.manifest(EDGES).unwrap().partitions["000000"].clone();
    assert_eq!((totals(&dataset).row_count, totals(&dataset).byte_size), (u64::MAX, u64::MAX));
    // The manifest that we write of it can be read.
    append(&dataset, [100]);
    dataset.close().unwrap();
    assert_eq!(totals(&root.open()).row_count, u64::MAX);
}

/// A commit that adds and removes very many parts: each change used to take time in proportion to the number of parts.
#[test]
fn a_commit_that_moves_very_many_parts_is_applied_in_a_moment() {
    let many = 60_000;
    let list = |of: &dyn Fn(u128) -> String| (0..many).map(of).collect::<Vec<_>>().join(",");
    let add = list(&|number| format!("{{\"bucket_id\":0,{}}}", entry(&part_name(number))));
    let remove = list(&|number| format!("{{\"bucket_id\":0,\"path\":\"{}\"}}", part_name(number)));
    let provisional = list(&|number| format!("\"{}\"", part_name(number)));
    let parts = list(&|number| format!("{{{}}}", entry(&part_name(number))));
    let state = state_of(&partition("000000", &parts))
        .replace("\"row_count\":1", &format!("\"row_count\":{many}"))
        .replace("\"byte_size\":1000", &format!("\"byte_size\":{}", many * 1000))
        .replace("\"parts\":", &format!("\"provisional\":[{provisional}],\"parts\":"))
        .replace("\"commit\":1", "\"commit\":0");
    let root = Root::new();
    plant(&root, MANIFEST, &sealed(&state));
    let commit = commit_of(&format!("\"identity_edges\":{{\"add\":[{add}],\"remove\":[{remove}]}}"));
    plant(&root, COMMIT, &sealed(&commit));
    let dataset = root.open();
    append(&dataset, [7]);
    assert_eq!(all_ticks(&dataset), [7]);
}

/// A commit file with the largest number: no commit can follow it.
#[test]
fn a_log_that_counts_to_the_end_of_numbers_takes_no_more() {
    let root = Root::new();
    append(&root.open(), [0]);
    plant(&root, &format!("_commits/{:020}.json", u64::MAX - 1), b"whatever");
    let again = root.open();
    let error = again.append(TableId::HOLDINGS, crate::support::holdings([1]), AppendOptions::default());
    assert!(error.unwrap_err().to_string().contains("no commit can have the number"));
    assert!(!root.commits().iter().any(|name| name.contains(&u64::MAX.to_string())), "{:?}", root.commits());
}

/// A part in memory whose bytes can be changed, and a handle that reads them. Its entry has no checksum, so that any
/// bytes are decoded.
struct Mutable {
    store: Arc<MemoryStore>,
    dataset: Dataset,
    path: crv_io::paths::StorePath,
    bytes: Vec<u8>,
}

impl Mutable {
    fn new(compression: crv_io::config::Compression) -> Self {
        let store = Arc::new(MemoryStore::new());
        let settings = IoSettings::default().with_compression(compression).with_row_group_size(5).unwrap();
        let dataset = Dataset::with_store(settings, RUN, Arc::clone(&store) as Arc<dyn Store>).unwrap();
        append(&dataset, 0..9);
        forget_checksums(&dataset);
        let name = dataset.manifest(EDGES).unwrap().partitions["000000"].parts[0].path.clone();
        let part = PartId::parse_file_name(&name).unwrap();
        let path = RunPaths::new(RunId::new(RUN).unwrap()).part(EDGES, BucketId::new(0), part);
        let bytes = store.read(&path).unwrap().unwrap().0.to_vec();
        Self { store, dataset, path, bytes }
    }

    /// Scans the part with these bytes in its place: the result is rows, or an error that names it, never a panic.
    fn scan(&self, bytes: &[u8], what: &str) {
        self.store.put(&self.path, bytes, PutMode::Replace).unwrap();
        for range in [TickRange::ALL, TickRange::from(2..=3)] {
            if let Err(error) = ticks_of(&self.dataset, EDGES, range) {
                assert_eq!(error.kind(), ErrorKind::Read, "{what}: {error}");
                assert!(error.to_string().contains("could not read part"), "{what}: {error}");
            }
        }
    }
}

#[test]
fn a_part_with_any_byte_changed_is_rows_or_an_error_that_names_it() {
    let mutable = Mutable::new(crv_io::config::Compression::Lz4);
    for at in 0..mutable.bytes.len() {
        let flip = [0x01, 0x80, 0xff][at % 3];
        let mut bytes = mutable.bytes.clone();
        bytes[at] ^= flip;
        mutable.scan(&bytes, &format!("byte {at} ^ {flip:#x}"));
    }
}

#[test]
fn a_part_with_many_bytes_changed_is_rows_or_an_error_that_names_it() {
    use crv_io::config::Compression::{Lz4, Snappy, Zstd};
    let mut random = fastrand::Rng::with_seed(9);
    for compression in [Zstd, Lz4, Snappy] {
        let mutable = Mutable::new(compression);
        for round in 0..800 {
            let mut bytes = mutable.bytes.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..bytes.len());
                match random.u8(..4) {
                    0 => bytes[at] = random.u8(..),
                    1 => bytes[at] = 0xff,
                    // Bytes from elsewhere in the part: lengths and offsets that are valid in another place.
                    2 => {
                        let from = random.usize(..bytes.len());
                        let length = random.usize(1..32).min(bytes.len() - at.max(from));
                        bytes.copy_within(from..from + length, at);
                    }
                    _ => bytes[at] ^= 1 << random.u8(..8),
                }
            }
            mutable.scan(&bytes, &format!("{compression:?}, round {round}"));
        }
    }
}

/// Facts and a status that lie are errors that name the file, and hide no row.
#[test]
fn facts_and_a_status_that_lie_are_errors_that_name_the_file() {
    let root = Root::new();
    append(&root.open(), [1]);
    let facts =
        format!(r#"{{"format":1,"run_id":"{RUN}","created_at":"{TIME}","pid":1,"params":{{"a":1}}}}"#);
    let status = format!(
        r#"{{"format":1,"state":"running","started_at":"{TIME}","updated_at":"{TIME}","commit":1,"pid":1}}"#
    );
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let mut lies: Vec<(&str, String)> = Vec::new();
    for (name, document) in [("run.json", &facts), ("status.json", &status)] {
        let mut lie = |from: &str, to: &str| {
            assert!(document.contains(from), "{from} {document}");
            lies.push((name, document.replacen(from, to, 1)));
        };
        for number in ["-1", "1.5", "1e400", "NaN", "4294967296", "null", "\"1\"", &"9".repeat(100_000), "[]"]
        {
            lie("\"pid\":1", &format!("\"pid\":{number}"));
        }
        lie("\"pid\":1", "\"pid\":1,\"pid\":1");
        lie("\"format\":1", "\"format\":1,\"format\":1");
        lie("\"pid\":1", &format!("\"pid\":1,\"host\":{}", deep("{\"a\":", "}")));
        lie(TIME, "9999-99-99T99:99:99Z");
        lie(TIME, &"2".repeat(100_000));
        lies.extend(["", "{}", "[]", "null", "\u{feff}{}"].map(|text| (name, text.to_owned())));
    }
    for id in ["../x", "..", "", "a/b", "/etc/passwd"] {
        lies.push(("run.json", facts.replace(RUN, id)));
    }
    lies.push(("run.json", facts.replace("{\"a\":1}", "[1]")));
    lies.push((
        "run.json",
        facts.replace("{\"a\":1}", &format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64))),
    ));
    lies.push(("run.json", facts.replace("{\"a\":1}", "{},\"seed\":1e3")));
    for state in ["stale", "Running", ""] {
        lies.push(("status.json", status.replace("running", state)));
    }
    let path = |name: &str| root.run_dir().join(name);
    let read = |name: &str| {
        let run = root.open();
        if name == "run.json" { run.facts().map(drop) } else { run.status().map(drop) }
    };
    for (name, document) in [("run.json", &facts), ("status.json", &status)] {
        fs_err::write(path(name), sealed(document)).unwrap();
        read(name).unwrap();
        // A key that is not known is passed over, however deep it is.
        let deeper = document.replacen("\"pid\":1", &format!("\"pid\":1,\"new\":{}", deep("[", "]")), 1);
        fs_err::write(path(name), sealed(&deeper)).unwrap();
        read(name).unwrap();
    }
    for (name, lie) in lies {
        let bytes = if lie.ends_with('}') && lie.len() > 2 { sealed(&lie) } else { lie.clone().into_bytes() };
        fs_err::write(path(name), bytes).unwrap();
        let Err(error) = read(name) else { panic!("accepted as {name}: {lie:.300}") };
        assert_eq!(error.kind(), ErrorKind::Manifest, "{lie:.99}");
        let text = error.to_string();
        assert!(text.contains(name) && text.len() < 1_000, "{text:.2000}");
        assert_eq!(all_ticks(&root.open()), [1]);
    }
}
