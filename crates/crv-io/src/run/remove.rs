//! [`remove_run`]: removes a run, so that it is whole or gone, also after a kill in the middle.
//!
//! Where the store can rename a directory, the run's directory first gets a [name that is no run id](RemovedRun): from
//! then on there is no such run. Then its files are removed. What a kill leaves under such a name, the next removal under
//! the same root removes.
//!
//! Other stores remove file by file: manifests first, then parts, then the log, and the facts last. After a kill in between
//! the run still is one, every read of it is an error that says that a manifest is lost, and none returns fewer rows; the
//! same removal again removes the rest.

use std::sync::Arc;

use serde::Serialize;

use crate::config::IoSettings;
use crate::dataset::{Dataset, open_store};
use crate::error::{Error, ErrorKind, Result};
use crate::maintenance::check::foreign_names;
use crate::paths::{
    self, BUNDLE_FILE, COMMITS_DIR, FACTS_FILE, MANIFEST_FILE, RemovedRun, RunPaths, STATUS_FILE, StorePath,
    TABLES_DIR,
};
use crate::run::artifacts::hinted;
use crate::run::facts::RunState;
use crate::stamp;
use crate::store::{EntryKind, Store};

/// Names that make a directory a run.
const MARKS: [&str; 4] = [COMMITS_DIR, TABLES_DIR, FACTS_FILE, BUNDLE_FILE];
/// Directories nested deeper than this are not removed: nothing of a run is.
const MAX_DEPTH: usize = 64;

/// How a run is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoveOptions {
    /// Removes a run that still runs, or that has names in it which are not of the format.
    pub force: bool,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RemoveReport {
    /// Files of the run.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Runs whose removal was interrupted before, and that were removed now.
    pub leftovers: u64,
}

/// Removes a run with all that lies in its directory. To be called while no process uses the run.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) if there is no such run, or the directory is none. [`Conflict`](ErrorKind::Conflict)
/// if the run still runs, or has a name in it that is not of the format: the error names it, nothing was removed, and
/// [`force`](RemoveOptions::force) removes it all the same.
pub fn remove_run(settings: &IoSettings, run_id: &str, options: RemoveOptions) -> Result<RemoveReport> {
    remove_run_in(&open_store(settings)?, settings, run_id, options)
}

/// The same in `store`, whatever root and protocol the settings name.
pub fn remove_run_in(
    store: &Arc<dyn Store>,
    settings: &IoSettings,
    run_id: &str,
    options: RemoveOptions,
) -> Result<RemoveReport> {
    let dataset = Dataset::with_store(settings.clone(), run_id, Arc::clone(store))?;
    let (_, run) = dataset.storage();
    let mut report = RemoveReport::default();
    let had_leftovers = remove_leftovers(&**store, Some(run), &mut report)?;
    if let Err(error) = dataset.check_exists() {
        // What a removal of this very run left is removed: it is done.
        return if had_leftovers && error.kind() == ErrorKind::NotFound { Ok(report) } else { Err(error) };
    }
    check_is_run(&**store, run)?;
    if !options.force {
        check_unused(&dataset)?;
    }
    let aside = RemovedRun::new(run.run(), stamp::random()).path();
    let renamed = store.rename_dir(run.root(), &aside);
    let renamed = renamed.map_err(|error| in_run(run, hinted(ErrorKind::Write, error)))?;
    let dir = if renamed { &aside } else { run.root() };
    let (files, bytes) = remove_all(&**store, dir).map_err(|error| in_run(run, error))?;
    report.files = files;
    report.bytes = bytes;
    Ok(report)
}

fn in_run(run: &RunPaths, error: Error) -> Error {
    error.in_context(format_args!("run `{}`", run.run()))
}

/// Removes what interrupted removals left. Returns whether some of it was of the run `run`.
fn remove_leftovers(store: &dyn Store, run: Option<&RunPaths>, report: &mut RemoveReport) -> Result<bool> {
    let entries = store.list(&paths::runs_dir(), None).map_err(|error| hinted(ErrorKind::Read, error))?;
    let mut had = false;
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
        let Some(left) = RemovedRun::parse(&entry.name) else { continue };
        remove_all(store, &left.path())?;
        report.leftovers += 1;
        had |= run.is_some_and(|run| left.is_of(run.run()));
    }
    Ok(had)
}

/// Refuses a directory that is no run, and a link to one: what it leads to may belong to another root.
fn check_is_run(store: &dyn Store, run: &RunPaths) -> Result<()> {
    let names = store.list(&paths::runs_dir(), None).map_err(|error| hinted(ErrorKind::Read, error))?;
    if names.iter().any(|entry| entry.name == run.run().as_str() && entry.kind != EntryKind::Directory) {
        let text = format!("run `{}`: `{}` is a link", run.run(), store.locate(run.root()));
        return Err(Error::new(ErrorKind::Conflict, text).with_hint("remove the link yourself"));
    }
    let entries =
        store.list(run.root(), None).map_err(|error| in_run(run, hinted(ErrorKind::Read, error)))?;
    if entries.iter().any(|entry| MARKS.contains(&entry.name.as_str())) {
        return Ok(());
    }
    let path = store.locate(run.root());
    Err(Error::new(ErrorKind::NotFound, format!("`{path}` is no run: it has none of {}", MARKS.join(", ")))
        .with_hint("if you do not need it, remove the directory yourself"))
}

/// Refuses a run that still runs, or that has files which are not of the format.
fn check_unused(dataset: &Dataset) -> Result<()> {
    let run = dataset.run_id();
    if let Ok(Some(status)) = dataset.status()
        && status.state == RunState::Running
    {
        let text = format!("run `{run}` still runs, as process {}; it was not removed", status.pid);
        return Err(Error::new(ErrorKind::Conflict, text).with_hint("end it first, or remove it by force"));
    }
    let foreign = foreign_names(dataset.log());
    let Some(first) = foreign.first() else { return Ok(()) };
    let more = match foreign.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let text =
        format!("run `{run}` has files that are not of a run: `{}`{more}; it was not removed", first.path);
    Err(Error::new(ErrorKind::Conflict, text).with_hint("move them elsewhere, or remove the run by force"))
}

/// Removes everything in `dir` and the directory itself. Returns how many files there were, and their size.
fn remove_all(store: &dyn Store, dir: &StorePath) -> Result<(u64, u64)> {
    let mut files: Vec<(StorePath, u64)> = Vec::new();
    let mut dirs = vec![(dir.clone(), 0)];
    let mut at = 0;
    while let Some((next, depth)) = dirs.get(at).cloned() {
        at += 1;
        for entry in store.list(&next, None).map_err(|error| hinted(ErrorKind::Read, error))? {
            let Some(path) = next.entry(&entry.name) else { continue };
            match entry.kind {
                EntryKind::Directory if depth < MAX_DEPTH => dirs.push((path, depth + 1)),
                EntryKind::Directory => {}
                // A link is removed, and not what it leads to.
                EntryKind::Object(_) | EntryKind::Other => files.push((path, entry.kind.size())),
            }
        }
    }
    // The sort is stable: within a step, files go in the order of the directories.
    files.sort_by_key(|(path, _)| step(dir, path));
    for (path, _) in &files {
        store.remove(path).map_err(|error| hinted(ErrorKind::Write, error))?;
    }
    for (dir, _) in dirs.iter().rev() {
        store.remove_dir(dir).map_err(|error| hinted(ErrorKind::Write, error))?;
    }
    Ok((files.len() as u64, files.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)))
}

/// When a file is removed: manifests first, so that no reader takes what is left for all there is, and the facts last.
fn step(run: &StorePath, path: &StorePath) -> u8 {
    let relative = path.relative_to(run).unwrap_or_default();
    match relative.split_once('/') {
        Some((TABLES_DIR, _)) if path.file_name() == MANIFEST_FILE => 0,
        Some((TABLES_DIR, _)) => 1,
        Some((COMMITS_DIR, _)) => 3,
        None if relative == STATUS_FILE => 4,
        None if relative == FACTS_FILE => 5,
        _ => 2,
    }
}
