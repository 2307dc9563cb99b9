//! Removing a run: what is removed, what is refused, and what a kill in the middle leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crv_io::catalog::list_runs;
use crv_io::paths::LabDir;
use crv_io::run::{Outcome, RemoveOptions, RunOptions, remove_run, remove_run_in, start_run};
use crv_io::store::{LocalStore, MemoryStore, Store, StoreError};
use crv_io::{AppendOptions, Dataset, ErrorKind, IoSettings, TableId};

use crate::hooked::{Call, Hooked, When};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings, names_in};

const FORCE: RemoveOptions = RemoveOptions { force: true };

/// A run with two tables, a log that was pruned, an artifact and a bundle.
fn recorded(root: &Root, run_id: &str) -> Dataset {
    let options = RunOptions { run_id: Some(run_id.to_owned()), ..RunOptions::default() };
    let run = start_run(&root.settings(), &options).unwrap();
    append(&run, [1, 2, 101]);
    run.append(TableId::HOLDINGS, holdings([3]), AppendOptions::default()).unwrap();
    run.write_lab_text(LabDir::Audit, "a.txt", "a").unwrap();
    run.write_bundle(None, crv_io::run::bundle::Versions::default()).unwrap();
    run.prune(std::time::Duration::ZERO).unwrap();
    append(&run, [102]);
    run.finish(Outcome::Succeeded).unwrap();
    run.dataset().clone()
}

fn remove(root: &Root, run_id: &str) -> crv_io::Result<crv_io::run::RemoveReport> {
    remove_run(&root.settings(), run_id, RemoveOptions::default())
}

#[test]
fn a_run_is_removed_with_all_that_is_in_it_and_no_other_is_touched() {
    let root = Root::new();
    recorded(&root, "other");
    let others = root.files();
    recorded(&root, RUN);
    let files = root.files().len() - others.len();
    let report = remove(&root, RUN).unwrap();
    assert_eq!((report.files, report.leftovers), (files as u64, 0));
    assert!(report.bytes > 0);
    assert_eq!(root.files(), others);
    assert_eq!(names_in(&root.path().join("runs")), ["other"]);
    assert_eq!(remove(&root, RUN).unwrap_err().kind(), ErrorKind::NotFound);
    // The id can be used again, by a handle that was opened before, too.
    recorded(&root, RUN);
    assert_eq!(all_ticks(&root.open()), [1, 2, 101, 102]);
}

#[test]
fn only_a_run_is_removed() {
    let root = Root::new();
    fs_err::create_dir_all(root.run_dir().join("tables.old")).unwrap();
    fs_err::write(root.run_dir().join("thesis.tex"), "x").unwrap();
    for options in [RemoveOptions::default(), FORCE] {
        let error = remove_run(&root.settings(), RUN, options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error
                .to_string()
                .ends_with("is no run: it has none of _commits, tables, run.json, bundle.manifest.json"),
            "{error}"
        );
    }
    assert!(root.run_dir().join("thesis.tex").exists());
    for run_id in ["..", "../runs", "a/b", "", "."] {
        assert_eq!(remove(&root, run_id).unwrap_err().kind(), ErrorKind::Argument);
    }
}

#[test]
fn a_run_with_files_of_others_is_refused_unless_forced() {
    for (place, shown) in [
        ("notes.md", "notes.md"),
        ("tables/holdings/mine.parquet", "mine.parquet"),
        ("tables/new/x", "tables/new"),
    ] {
        let root = Root::new();
        recorded(&root, RUN);
        let path = root.run_dir().join(place);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, "x").unwrap();
        let before = root.files();
        let error = remove(&root, RUN).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(
            error.to_string().contains(shown) && error.to_string().ends_with("it was not removed"),
            "{error}"
        );
        assert_eq!(root.files(), before);
        remove_run(&root.settings(), RUN, FORCE).unwrap();
        assert!(root.files().is_empty());
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_run_is_removed_by_force_and_what_it_leads_to_stays() {
    let root = Root::new();
    recorded(&root, RUN);
    let precious = root.path().join("precious");
    fs_err::create_dir_all(&precious).unwrap();
    fs_err::write(precious.join("file"), "x").unwrap();
    std::os::unix::fs::symlink(&precious, root.run_dir().join("artifacts/link")).unwrap();
    assert_eq!(remove(&root, RUN).unwrap_err().kind(), ErrorKind::Conflict);
    remove_run(&root.settings(), RUN, FORCE).unwrap();
    assert_eq!(root.files(), ["precious/file"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_run_is_not_followed() {
    let (root, other) = (Root::new(), Root::new());
    recorded(&other, RUN);
    let files = other.files();
    fs_err::create_dir_all(root.path().join("runs")).unwrap();
    std::os::unix::fs::symlink(other.run_dir(), root.run_dir()).unwrap();
    for options in [RemoveOptions::default(), FORCE] {
        let error = remove_run(&root.settings(), RUN, options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().ends_with("is a link"), "{error}");
    }
    assert_eq!(other.files(), files);
}

#[test]
fn a_run_that_still_runs_is_refused_unless_forced() {
    let root = Root::new();
    let options = RunOptions { run_id: Some(RUN.to_owned()), ..RunOptions::default() };
    let run = start_run(&root.settings(), &options).unwrap();
    let error = remove(&root, RUN).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("still runs, as process"), "{error}");
    remove_run(&root.settings(), RUN, FORCE).unwrap();
    drop(run);
}

/// A local store that counts removals and fails after some of them, as a kill would.
fn killed_after(root: &Root, removals: usize) -> Arc<dyn Store> {
    let left = AtomicUsize::new(removals);
    Hooked::store(root, move |when, call| match call {
        Call::Remove(_) if when == When::Before => {
            let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            taken.map(drop).map_err(|_| StoreError::new("remove", "x", std::io::Error::other("killed")))
        }
        _ => Ok(()),
    })
}

/// The hooked store has no rename of directories, as an object store.
#[test]
fn without_a_rename_a_run_that_is_half_removed_gives_errors_and_never_fewer_rows() {
    let files = {
        let root = Root::new();
        recorded(&root, RUN);
        root.files().len()
    };
    for removals in 0..files {
        let root = Root::new();
        recorded(&root, RUN);
        let store = killed_after(&root, removals);
        remove_run_in(&store, &root.settings(), RUN, RemoveOptions::default()).unwrap_err();
        let left = root.open();
        for table in [EDGES, TableId::HOLDINGS] {
            let whole = if table == EDGES { 4 } else { 1 };
            let rows = left.scan(table).map(|scan| {
                scan.batches().map(|batch| batch.map(|b| b.num_rows())).sum::<Result<usize, _>>()
            });
            match rows {
                Ok(Ok(rows)) => assert_eq!(rows, whole, "after {removals} removals"),
                Ok(Err(_)) | Err(_) => assert!(removals > 0),
            }
        }
        // It is a run to the last, and the same call again removes the rest.
        assert!(root.run_dir().join("run.json").exists(), "after {removals} removals");
        let store = killed_after(&root, usize::MAX);
        remove_run_in(&store, &root.settings(), RUN, RemoveOptions::default()).unwrap();
        assert!(root.files().is_empty());
    }
}

/// A store that renames, and fails after some removals.
#[derive(Debug)]
struct Renaming {
    inner: LocalStore,
    hooked: Arc<dyn Store>,
}

impl Store for Renaming {
    fn read(
        &self,
        path: &crv_io::paths::StorePath,
    ) -> Result<Option<(bytes::Bytes, crv_io::store::Tag)>, StoreError> {
        self.inner.read(path)
    }
    fn tag(&self, path: &crv_io::paths::StorePath) -> Result<Option<crv_io::store::Tag>, StoreError> {
        self.inner.tag(path)
    }
    fn modified(&self, path: &crv_io::paths::StorePath) -> Result<Option<u64>, StoreError> {
        self.inner.modified(path)
    }
    fn open(
        &self,
        path: &crv_io::paths::StorePath,
    ) -> Result<Option<Box<dyn crv_io::store::Blob>>, StoreError> {
        self.inner.open(path)
    }
    fn list(
        &self,
        dir: &crv_io::paths::StorePath,
        after: Option<&str>,
    ) -> Result<Vec<crv_io::store::Entry>, StoreError> {
        self.inner.list(dir, after)
    }
    fn put(
        &self,
        path: &crv_io::paths::StorePath,
        bytes: &[u8],
        mode: crv_io::store::PutMode<'_>,
    ) -> Result<crv_io::store::PutOutcome, StoreError> {
        self.inner.put(path, bytes, mode)
    }
    fn remove(&self, path: &crv_io::paths::StorePath) -> Result<(), StoreError> {
        self.hooked.remove(path)
    }
    fn rename_dir(
        &self,
        from: &crv_io::paths::StorePath,
        to: &crv_io::paths::StorePath,
    ) -> Result<bool, StoreError> {
        self.inner.rename_dir(from, to)
    }
    fn remove_dir(&self, dir: &crv_io::paths::StorePath) -> Result<(), StoreError> {
        self.inner.remove_dir(dir)
    }
    fn locate(&self, path: &crv_io::paths::StorePath) -> String {
        self.inner.locate(path)
    }
}

#[test]
fn with_a_rename_a_run_is_gone_at_once_and_the_next_removal_finishes() {
    for removals in [0, 3] {
        let root = Root::new();
        recorded(&root, "other");
        let others = root.files();
        recorded(&root, RUN);
        let store: Arc<dyn Store> = Arc::new(Renaming {
            inner: LocalStore::new(root.path().to_str().unwrap()),
            hooked: killed_after(&root, removals),
        });
        remove_run_in(&store, &root.settings(), RUN, RemoveOptions::default()).unwrap_err();
        let runs = list_runs(&root.settings()).unwrap();
        assert_eq!(runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["other"]);
        assert!(!root.open().exists().unwrap());
        assert!(root.files().len() > others.len());
        // The id is free at once, and the new run is not taken for what is left of the old one.
        recorded(&root, RUN);
        let report = remove(&root, "absent");
        assert_eq!(report.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(all_ticks(&root.open()), [1, 2, 101, 102]);
        assert_eq!(names_in(&root.path().join("runs")).len(), 2);
    }
}

#[test]
fn what_is_left_of_a_run_is_removed_by_its_name_as_well() {
    let root = Root::new();
    let left = root.path().join(format!("runs/{RUN}~removed-0123456789abcdef/tables/x"));
    fs_err::create_dir_all(&left).unwrap();
    fs_err::write(left.join("y"), "z").unwrap();
    let report = remove(&root, RUN).unwrap();
    assert_eq!((report.files, report.leftovers), (0, 1));
    assert!(names_in(&root.path().join("runs")).is_empty());
}

#[test]
fn a_run_in_memory_is_removed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let run = Dataset::with_store(IoSettings::default(), RUN, Arc::clone(&store)).unwrap();
    run.append(EDGES, edges([1]), AppendOptions::default()).unwrap();
    let other = Dataset::with_store(IoSettings::default(), &format!("{RUN}0"), Arc::clone(&store)).unwrap();
    other.append(EDGES, edges([1]), AppendOptions::default()).unwrap();
    drop(run);
    remove_run_in(&store, &IoSettings::default(), RUN, RemoveOptions::default()).unwrap();
    let run = Dataset::with_store(IoSettings::default(), RUN, store).unwrap();
    assert!(!run.exists().unwrap());
    assert_eq!(all_ticks(&other), [1]);
}
