//! Checking a run: all damage is detected and named, and nothing else is reported.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crv_io::paths::StorePath;
use crv_io::run::bundle::{BundleMeta, Versions};
use crv_io::store::{EntryKind, MemoryStore, PutMode, Store as _};
use crv_io::{AppendOptions, CheckOptions, CheckReport, Dataset, IoSettings, ProblemKind, TableId};

use crate::support::{EDGES, RUN, Root, append, edges, holdings, sealed};

const DEEP: CheckOptions = CheckOptions { deep: true };
const SHALLOW: CheckOptions = CheckOptions { deep: false };

fn check(root: &Root) -> CheckReport {
    root.open().check(DEEP).unwrap()
}

fn kinds(report: &CheckReport) -> Vec<ProblemKind> {
    report.problems.iter().map(|problem| problem.kind).collect()
}

#[track_caller]
fn assert_clean(report: &CheckReport) {
    assert!(report.ok && report.problems.is_empty(), "{report:#?}");
}

/// Checks that there is only this problem, and what holds for every problem. Returns it.
#[track_caller]
fn assert_only(root: &Root, kind: ProblemKind, path: &str) -> crv_io::Problem {
    for options in [SHALLOW, DEEP] {
        let report = root.open().check(options).unwrap();
        assert_eq!(kinds(&report), [kind], "{report:#?}");
        assert_eq!(report.ok, kind.is_harmless());
        let problem = &report.problems[0];
        assert!(problem.path.ends_with(path), "{problem:#?}");
        assert!(!problem.message.is_empty() && !problem.action.is_empty(), "{problem:#?}");
    }
    check(root).problems.remove(0)
}

fn commit(number: u64) -> String {
    format!("_commits/{number:020}.json")
}

fn part_of(dataset: &Dataset, number: usize) -> String {
    dataset.scan(EDGES).unwrap().parts().remove(number).path
}

fn tick(dataset: &Dataset, tick: i64) {
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([tick]), AppendOptions::default()).unwrap();
    transaction.append(TableId::HOLDINGS, holdings([tick]), AppendOptions::default()).unwrap();
    transaction.commit().unwrap();
}

/// A handle that writes no manifest after the first one of each table, unless it is closed.
fn lagging(root: &Root) -> Dataset {
    Dataset::open(root.settings().with_write_manifest_every_n(Some(1000)).unwrap(), RUN).unwrap()
}

/// Leaks a handle, as if its process died before it could close.
fn forget(dataset: Dataset) {
    std::mem::forget(dataset);
}

#[test]
fn a_run_that_is_well_has_no_problem_at_all() {
    let root = Root::new();
    assert_clean(&check(&root));
    let dataset = root.open();
    (0..150).for_each(|number| tick(&dataset, number));
    let report = check(&root);
    assert_clean(&report);
    assert_eq!((report.tables, report.commits, report.parts, report.rows), (2, 150, 300, 300));
    assert!(report.deep && report.bytes > 300 * 500, "{report:?}");
    dataset.rebuild_manifest(EDGES).unwrap();
    assert_clean(&check(&root));
    dataset.write_bundle(BundleMeta::default(), Versions::default()).unwrap();
    dataset.prune(Duration::ZERO).unwrap();
    (150..170).for_each(|number| tick(&dataset, number));
    let report = root.open().check(SHALLOW).unwrap();
    assert_clean(&report);
    assert_eq!((report.commits, report.parts, report.deep), (20, 340, false));
}

#[test]
fn a_run_of_the_earlier_implementation_is_well() {
    let root = Root::new();
    let earlier = "20250925-000000";
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/earlier-run"), root.path());
    let dataset = Dataset::open(root.settings(), earlier).unwrap();
    for options in [SHALLOW, DEEP] {
        let report = dataset.check(options).unwrap();
        assert_eq!(kinds(&report), [ProblemKind::ForeignManifest; 3], "{report:#?}");
        assert!(report.ok && report.parts > 10 && report.rows == 290, "{report:?}");
    }
    let other = Dataset::open(root.settings().with_tick_bucket_size(7).unwrap(), earlier).unwrap();
    assert!(kinds(&other.check(DEEP).unwrap()).contains(&ProblemKind::BucketSize));
    append(&dataset, [250]);
    dataset.close().unwrap();
    let report = dataset.check(DEEP).unwrap();
    assert_eq!(kinds(&report), [ProblemKind::ForeignManifest; 2], "one table is ours now: {report:#?}");
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

/// A run in memory, with every kind of file: a base, a commit after it, a manifest, a part.
fn in_memory() -> (Arc<MemoryStore>, Vec<StorePath>) {
    let store = Arc::new(MemoryStore::new());
    let dataset = Dataset::with_store(IoSettings::default(), RUN, store.clone()).unwrap();
    append(&dataset, [1]);
    dataset.prune(Duration::ZERO).unwrap();
    dataset.append(TableId::HOLDINGS, holdings([2]), AppendOptions::default()).unwrap();
    dataset.close().unwrap();
    let run = crv_io::paths::RunPaths::new(crv_io::RunId::new(RUN).unwrap());
    let dirs = [run.commits(), run.table(EDGES), run.bucket(EDGES, crv_io::paths::BucketId::new(0))];
    let files = dirs.iter().flat_map(|dir| {
        let entries = store.list(dir, None).unwrap().into_iter();
        let files = entries.filter(|entry| matches!(entry.kind, EntryKind::Object(_)));
        files.map(|entry| dir.entry(&entry.name).unwrap()).collect::<Vec<_>>()
    });
    let files: Vec<StorePath> = files.collect();
    (store, files)
}

#[test]
fn every_flipped_bit_of_every_file_is_noticed() {
    let (_, files) = in_memory();
    assert_eq!(files.len(), 4, "base, commit, manifest and part: {files:?}");
    thread::scope(|scope| {
        for index in 0..files.len() {
            scope.spawn(move || every_flipped_bit_is_noticed(index));
        }
    });
}

fn every_flipped_bit_is_noticed(index: usize) {
    let (store, files) = in_memory();
    let path = &files[index];
    let dataset = Dataset::with_store(IoSettings::default(), RUN, store.clone()).unwrap();
    assert_clean(&dataset.check(DEEP).unwrap());
    let options = CheckOptions { deep: path.as_str().ends_with(".parquet") };
    let (whole, _) = store.read(path).unwrap().unwrap();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        store.put(path, &flipped, PutMode::Replace).unwrap();
        assert!(!dataset.check(options).unwrap().ok, "bit {bit} of {path}");
    }
    store.put(path, &whole, PutMode::Replace).unwrap();
    assert_clean(&dataset.check(DEEP).unwrap());
}

/// Parts of other implementations have no checksum: the reader returns rows or an error for any bytes.
#[test]
fn a_damaged_part_without_a_checksum_is_decoded_and_never_a_panic() {
    let root = Root::new();
    append(&root.open(), 0..50);
    let mut manifest = root.open().manifest(EDGES).unwrap();
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::write(root.manifest(EDGES), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let part = part_of(&root.open(), 0);
    let whole = fs_err::read(&part).unwrap();
    let check = || root.open().check(DEEP).unwrap();
    assert_eq!(kinds(&check()), [ProblemKind::ForeignManifest]);
    let mut noticed = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        fs_err::write(&part, &changed).unwrap();
        noticed += usize::from(!check().ok);
    }
    assert!(noticed > whole.len() / 7 / 2, "{noticed} of {}", whole.len() / 7);
    fs_err::write(&part, &whole).unwrap();
    // The ticks of the entry are compared with the column.
    let partition = manifest.partitions.get_mut("000000").unwrap();
    (partition.tick_max, partition.parts[0].tick_max) = (60, 60);
    fs_err::write(root.manifest(EDGES), serde_json::to_vec(&manifest).unwrap()).unwrap();
    assert_eq!(kinds(&check()), [ProblemKind::PartDisagrees, ProblemKind::ForeignManifest]);
}

#[test]
fn a_newest_commit_that_is_not_whole_is_torn() {
    let root = Root::new();
    let dataset = lagging(&root);
    (1..4).for_each(|number| append(&dataset, [number]));
    forget(dataset);
    let file = root.run_dir().join(commit(3));
    let whole = fs_err::read(&file).unwrap();
    for bytes in [Vec::new(), whole[..50].to_vec(), [b"x", &whole[1..]].concat()] {
        fs_err::write(&file, bytes).unwrap();
        let problem = assert_only(&root, ProblemKind::TornCommit, &commit(3));
        assert_eq!(problem.action, format!("run `crv repair {RUN}`"));
    }
    let later = String::from_utf8(whole).unwrap();
    // A manifest includes it: then it was there, and whole.
    fs_err::write(&file, &later).unwrap();
    root.open().rebuild_manifest(EDGES).unwrap();
    fs_err::write(&file, &later[..50]).unwrap();
    let problem = assert_only(&root, ProblemKind::DamagedCommit, &commit(3));
    assert!(problem.message.contains("every manifest includes it"), "{problem:?}");
    fs_err::write(&file, sealed(&later.replace("\"format\":1", "\"format\":2"))).unwrap();
    let problem = assert_only(&root, ProblemKind::LaterVersion, &commit(3));
    assert!(problem.message.contains("format 2"), "{problem:?}");
}

#[test]
fn damage_in_the_middle_says_whether_anything_is_lost() {
    for lag in [false, true] {
        let root = Root::new();
        let dataset = if lag { lagging(&root) } else { root.open() };
        (1..6).for_each(|number| append(&dataset, [number]));
        forget(dataset);
        let file = root.run_dir().join(commit(2));
        fs_err::write(&file, b"").unwrap();
        let damaged = assert_only(&root, ProblemKind::DamagedCommit, &commit(2));
        fs_err::remove_file(&file).unwrap();
        let missing = assert_only(&root, ProblemKind::MissingCommit, &commit(2));
        fs_err::remove_file(root.run_dir().join(commit(3))).unwrap();
        let hole = assert_only(&root, ProblemKind::MissingCommit, &commit(2));
        assert!(hole.message.contains("commits 2 to 3"), "{hole:?}");
        for problem in [damaged, missing, hole] {
            assert_eq!(problem.message.contains("not every manifest includes"), lag, "{problem:?}");
            assert_eq!(problem.action.contains("crv repair"), !lag, "{problem:?}");
        }
    }
}

#[test]
fn a_log_that_is_lost_is_told_from_one_that_never_was() {
    let root = Root::new();
    let dataset = root.open();
    (1..6).for_each(|number| append(&dataset, [number]));
    forget(dataset);
    fs_err::remove_file(root.run_dir().join(commit(5))).unwrap();
    let problem = assert_only(&root, ProblemKind::LostLog, &commit(5));
    assert!(problem.message.contains("up to 5, but the log ends at 4"), "{problem:?}");
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    assert_only(&root, ProblemKind::LostLog, &commit(1));
}

#[test]
fn a_lost_or_damaged_base_is_noticed() {
    let root = Root::new();
    let dataset = root.open();
    (1..6).for_each(|number| append(&dataset, [number]));
    dataset.prune(Duration::ZERO).unwrap();
    append(&dataset, [6]);
    forget(dataset);
    let base = root.run_dir().join("_commits/base.json");
    let whole = fs_err::read(&base).unwrap();
    fs_err::write(&base, &whole[..100]).unwrap();
    let problem = assert_only(&root, ProblemKind::DamagedBase, "base.json");
    assert!(problem.action.contains("crv repair"), "{problem:?}");
    fs_err::remove_file(&base).unwrap();
    let problem = assert_only(&root, ProblemKind::MissingCommit, &commit(1));
    assert!(problem.message.contains("commits 1 to 5"), "{problem:?}");
}

#[test]
fn what_the_base_makes_good_is_harmless() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    let (old, first) =
        (fs_err::read(root.manifest(EDGES)).unwrap(), fs_err::read(root.run_dir().join(commit(1))).unwrap());
    (2..6).for_each(|number| append(&dataset, [number]));
    dataset.prune(Duration::ZERO).unwrap();
    forget(dataset);
    fs_err::write(root.run_dir().join(commit(1)), first).unwrap();
    assert_only(&root, ProblemKind::LeftoverCommit, &commit(1));
    fs_err::remove_file(root.run_dir().join(commit(1))).unwrap();
    fs_err::write(root.manifest(EDGES), old).unwrap();
    assert_only(&root, ProblemKind::OldManifest, "manifest.json");
    assert_eq!(check(&root).parts, 5, "the state is that of the base");
}

#[test]
fn a_manifest_is_held_against_the_log() {
    let root = Root::new();
    (1..4).for_each(|number| append(&root.open(), [number]));
    let manifest = root.manifest(EDGES);
    let whole = fs_err::read(&manifest).unwrap();
    fs_err::write(&manifest, &whole[..whole.len() / 2]).unwrap();
    assert_only(&root, ProblemKind::DamagedManifest, "manifest.json");
    fs_err::remove_file(&manifest).unwrap();
    assert_only(&root, ProblemKind::MissingManifest, "manifest.json");
    let other = Root::new();
    (1..4).for_each(|number| append(&other.open(), [number]));
    fs_err::copy(other.manifest(EDGES), &manifest).unwrap();
    let problem = assert_only(&root, ProblemKind::ManifestDisagrees, "manifest.json");
    assert!(problem.message.contains("names part `part-"), "{problem:?}");
    // An older one is valid: the rest is in the log.
    fs_err::write(&manifest, &whole).unwrap();
    append(&lagging(&root), [4]);
    fs_err::write(&manifest, &whole).unwrap();
    assert_clean(&check(&root));
}

#[test]
fn parts_are_held_against_their_entries() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    append(&dataset, [2]);
    let (part, other) = (part_of(&dataset, 0), part_of(&dataset, 1));
    forget(dataset);
    let name = part.rsplit_once('/').unwrap().1.to_owned();
    let whole = fs_err::read(&part).unwrap();
    fs_err::write(&part, &whole[..whole.len() - 1]).unwrap();
    let problem = assert_only(&root, ProblemKind::DamagedPart, &name);
    assert!(problem.message.contains("bytes where its entry says"), "{problem:?}");
    fs_err::write(&part, vec![0; whole.len()]).unwrap();
    assert_only(&root, ProblemKind::DamagedPart, &name);
    fs_err::remove_file(&part).unwrap();
    assert_only(&root, ProblemKind::MissingPart, &name);
    // Another valid part: by chance it may have the same size, and is then detected by its ticks.
    fs_err::copy(other, &part).unwrap();
    let report = root.open().check(SHALLOW).unwrap();
    assert_eq!(kinds(&report), [ProblemKind::PartDisagrees], "{report:#?}");
    assert!(report.problems[0].message.contains("ticks 2..2 where its entry says 1..1"), "{report:#?}");
    fs_err::write(&part, &whole).unwrap();
    assert_clean(&check(&root));
}

#[test]
fn names_that_mean_nothing_are_harmless_and_named() {
    let root = Root::new();
    append(&root.open(), [1]);
    let part = part_of(&root.open(), 0);
    let bucket = root.table_dir(EDGES).join("bucket=000000");
    let run = root.run_dir();
    let orphan = bucket.join("part-000000000000000000000000000000aa.parquet");
    fs_err::copy(&part, &orphan).unwrap();
    assert_only(&root, ProblemKind::OrphanPart, "aa.parquet");
    fs_err::remove_file(orphan).unwrap();
    for dir in [&run, &run.join("_commits"), &run.join("tables"), &root.table_dir(EDGES), &bucket] {
        for (name, kind) in [
            ("x.json.tmp", ProblemKind::TemporaryFile),
            ("x.replaced-20250101T000000-0123abcd", ProblemKind::ReplacedFile),
            ("notes.txt", ProblemKind::UnknownName),
        ] {
            fs_err::write(dir.join(name), b"x").unwrap();
            assert_only(&root, kind, name);
            fs_err::remove_file(dir.join(name)).unwrap();
        }
        fs_err::create_dir(dir.join("bucket=12")).unwrap();
        assert_only(&root, ProblemKind::UnknownName, "bucket=12");
        fs_err::remove_dir(dir.join("bucket=12")).unwrap();
        fs_err::os::unix::fs::symlink("/", dir.join("link")).unwrap();
        assert_only(&root, ProblemKind::Link, "link");
        fs_err::remove_file(dir.join("link")).unwrap();
    }
    let tidy = run.join("artifacts/lab/tidy");
    fs_err::create_dir_all(&tidy).unwrap();
    fs_err::write(tidy.join("anything"), b"x").unwrap();
    assert_clean(&check(&root));
    // A part that is a symbolic link is checked, and the link is reported.
    let elsewhere = root.path().join("elsewhere");
    fs_err::rename(&part, &elsewhere).unwrap();
    fs_err::os::unix::fs::symlink(elsewhere, &part).unwrap();
    assert_only(&root, ProblemKind::Link, ".parquet");
}

/// A log can hold any name, and a check of it still ends.
#[test]
fn a_check_ends_whatever_it_finds() {
    let root = Root::new();
    append(&root.open(), [1]);
    let last = root.run_dir().join(commit(u64::MAX));
    fs_err::write(&last, b"{}").unwrap();
    let report = check(&root);
    assert_eq!(kinds(&report)[..2], [ProblemKind::MissingCommit, ProblemKind::DamagedCommit], "{report:#?}");
    fs_err::remove_file(&last).unwrap();
    fs_err::create_dir(&last).unwrap();
    assert!(kinds(&check(&root)).contains(&ProblemKind::Unreadable));
    fs_err::remove_dir(last).unwrap();
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    fs_err::create_dir(root.manifest(EDGES)).unwrap();
    let report = check(&root);
    assert!(kinds(&report).contains(&ProblemKind::Unreadable) && !report.ok, "{report:#?}");
    // A pipe without a writer: opening one blocks, unless it is opened as non-blocking.
    fs_err::remove_dir(root.manifest(EDGES)).unwrap();
    let made = std::process::Command::new("mkfifo").arg(root.manifest(EDGES)).status().unwrap();
    assert!(made.success());
    assert!(kinds(&check(&root)).contains(&ProblemKind::Unreadable));
    assert!(root.open().scan(EDGES).unwrap_err().to_string().contains("it is not a file"));
}

#[test]
fn a_run_that_is_written_and_pruned_meanwhile_is_well() {
    let root = Root::new();
    append(&root.open(), [0]);
    thread::scope(|scope| {
        let busy: Vec<_> = (0..2)
            .map(|writer| {
                let dataset = root.open();
                scope.spawn(move || (0..60).for_each(|number| tick(&dataset, writer * 1000 + number)))
            })
            .collect();
        let keeper = root.open();
        scope.spawn(move || {
            for _ in 0..40 {
                // A prune may give up after conflicts with writers: its error is ignored.
                let _ = keeper.prune(Duration::ZERO);
            }
        });
        let mut checks = 0;
        while checks < 10 || busy.iter().any(|writer| !writer.is_finished()) {
            let report = root.open().check(CheckOptions { deep: checks % 2 == 0 }).unwrap();
            let passing = [ProblemKind::TemporaryFile, ProblemKind::OrphanPart, ProblemKind::LeftoverCommit];
            let all_pass = kinds(&report).iter().all(|kind| passing.contains(kind));
            assert!(report.ok && all_pass, "{report:#?}");
            checks += 1;
        }
    });
    root.open().prune(Duration::ZERO).unwrap();
    let report = check(&root);
    assert_clean(&report);
    assert_eq!(report.rows, 241);
}
