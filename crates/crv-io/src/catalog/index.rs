//! The index of runs: what the catalogue knew of each run, and the tags of the files that say so.
//!
//! It is a cache beside the runs, `runs.index` in the root. A listing is correct without it: an entry counts only while
//! every file that could change what it says has the tag that it had. Runs that may change without one of these files
//! are never put into it: those that a process works on, those without a log, and those whose files were changed a moment
//! before they were read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::row::{RunCondition, RunRow, is_of_run};
use crate::commit::Found;
use crate::config::IoSettings;
use crate::dataset::Dataset;
use crate::error::{ErrorKind, Result};
use crate::parallel;
use crate::paths::{self, CommitNumber, RunPaths};
use crate::run::Seed;
use crate::stamp;
use crate::store::{Store, StoreError, Tag};

/// Version of the index. An index of another version counts as absent.
const VERSION: u32 = 1;
/// Roots with fewer runs are read as fast without an index.
const MIN_RUNS: usize = 64;
/// A file that was changed so shortly before it was read may have been changed again within the clock's resolution.
const SETTLED_NS: u64 = 2_000_000_000;

/// A run, and the tags of its files when it was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// `None` if the entry must not be kept.
    tags: Option<Tags>,
    row: RunRow,
}

/// The files that say what a row does, as of one reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tags {
    facts: Option<Tag>,
    status: Option<Tag>,
    /// The directory of the log, which changes with every commit; `None` where there are no directories.
    log: Option<Tag>,
    /// Else the file of the newest commit: its own, or the base. `None` before the first.
    head: Option<Tag>,
    /// The directory of the tables: an implementation without a log may add one.
    tables: Option<Tag>,
    manifests: Vec<(TableId, Option<Tag>)>,
}

/// What an entry says of a run's facts. The rest of it is passed over, which takes a fraction of the time.
#[derive(Deserialize)]
struct FactsEntry {
    tags: Option<FactsTags>,
    row: FactsRow,
}

#[derive(Deserialize)]
struct FactsTags {
    facts: Option<Tag>,
}

/// What a filter on facts may ask for: see [`Selection`](super::Selection).
#[derive(Deserialize)]
struct FactsRow {
    run_id: RunId,
    #[serde(default)]
    seed: Option<Seed>,
    #[serde(default)]
    sweep: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    params: Map<String, Value>,
}

/// The index as it was loaded.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// A line for each run, sorted: the run, a blank and the entry.
    lines: Bytes,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Index {
    fn new(lines: Bytes) -> Self {
        let ends = memchr::memchr_iter(b'\n', &lines).map(|end| end + 1);
        let starts = std::iter::once(0).chain(ends).filter(|start| *start < lines.len()).collect();
        Self { lines, starts }
    }

    /// The entry of a run. One that cannot be read counts as absent.
    pub(super) fn find(&self, run: &RunId) -> Option<Box<Entry>> {
        let entry: Box<Entry> = serde_json::from_slice(self.line(run)?).ok()?;
        (entry.row.run_id == *run).then_some(entry)
    }

    /// What the facts of a run said, if `run.json` is the file that was read: it is written once. `None` if that is not
    /// known, or the run has no facts.
    pub(super) fn facts(&self, store: &dyn Store, run: &RunId) -> Option<RunRow> {
        let entry: FactsEntry = serde_json::from_slice(self.line(run)?).ok()?;
        let known = entry.tags?.facts?;
        let now = store.tag(&RunPaths::new(run.clone()).facts()).ok()?;
        let FactsRow { run_id, seed, sweep, model, params } = entry.row;
        if run_id != *run || now.as_ref() != Some(&known) {
            return None;
        }
        Some(RunRow { seed, sweep, params, model, ..RunRow::empty(run_id) })
    }

    /// The JSON of a run's entry.
    fn line(&self, run: &RunId) -> Option<&[u8]> {
        let id_of = |start: &usize| {
            let line = self.lines.get(*start..).unwrap_or_default();
            line.split(|byte| *byte == b' ').next().unwrap_or_default()
        };
        let wanted = run.as_str().as_bytes();
        let place = self.starts.binary_search_by(|start| id_of(start).cmp(wanted)).ok()?;
        let start = self.starts.get(place)? + wanted.len() + 1;
        let end = self.starts.get(place + 1).copied().unwrap_or(self.lines.len());
        self.lines.get(start..end)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }
}

impl Entry {
    /// Reads the run; `None` if it is not there any more. An error only if the root cannot be read.
    pub(super) fn read(settings: &IoSettings, store: &Arc<dyn Store>, run: &RunId) -> Result<Option<Self>> {
        let began = u64::try_from(stamp::now().as_nanosecond()).unwrap_or(0);
        let dataset = Dataset::with_store(settings.clone(), run.as_ref(), Arc::clone(store))?;
        let row = match dataset.info() {
            Ok(info) => RunRow::from(info),
            Err(error) if is_of_run(&error) => {
                let row = RunRow::unreadable(run.clone(), &error, is_newer(&dataset));
                // They are read on their own: a selection by parameters still finds the run.
                row.with_facts(dataset.facts().ok().flatten())
            }
            // It was removed since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let tags = if is_settled(&row) { Tags::read(&**store, &row, Some(began)) } else { Ok(None) };
        // Without tags it is read again next time.
        Ok(Some(Self { tags: tags.unwrap_or(None), row }))
    }

    /// Whether every file is the one that was read.
    pub(super) fn is_current(&self, store: &dyn Store) -> bool {
        self.tags.is_some() && Tags::read(store, &self.row, None).is_ok_and(|now| now == self.tags)
    }

    pub(super) fn row(&self) -> &RunRow {
        &self.row
    }

    pub(super) fn into_row(self: Box<Self>) -> RunRow {
        self.row
    }
}

/// Whether the newest commit, the base or a manifest of a run that cannot be read says that it has a later version.
fn is_newer(dataset: &Dataset) -> bool {
    fn later<T>(found: &Found<T>) -> bool {
        matches!(found, Found::Damaged(damage) if damage.later)
    }
    let (log, mut read) = (dataset.log(), 0);
    let newest = log.list_commits().ok().and_then(|commits| commits.last().copied());
    newest.is_some_and(|commit| later(&log.look_at_commit(commit, &mut read)))
        || later(&log.look_at_base(&mut read))
        || log.table_dirs().is_ok_and(|tables| {
            tables.into_iter().any(|table| later(&log.look_at_manifest(table, &mut read)))
        })
}

/// Whether what the row says stays true until one of the run's files changes.
fn is_settled(row: &RunRow) -> bool {
    // A run with neither facts nor commits is of an implementation that has no log.
    let has_source = row.commit > 0 || row.state.is_some();
    row.problem.is_none() && has_source && row.state.is_none_or(RunCondition::is_settled)
}

impl Tags {
    /// The tags now. `None` if there are newer commits, or if a file was changed shortly before `began`.
    fn read(store: &dyn Store, row: &RunRow, began: Option<u64>) -> Result<Option<Self>, StoreError> {
        let paths = RunPaths::new(row.run_id.clone());
        let log = store.tag(&paths.commits())?;
        let mut head = None;
        if log.is_none() {
            let newest = CommitNumber::new(row.commit);
            if store.tag(&paths.commit(newest.next()))?.is_some() {
                return Ok(None);
            }
            // A prune may have taken the commit's file into the base.
            let own = if row.commit > 0 { store.tag(&paths.commit(newest))? } else { None };
            head = if own.is_some() { own } else { store.tag(&paths.base())? };
            if head.is_none() && row.commit > 0 {
                return Ok(None);
            }
        }
        let manifests =
            row.tables.iter().map(|table| Ok((table.table, store.tag(&paths.manifest(table.table))?)));
        let manifests = manifests.collect::<Result<_, StoreError>>()?;
        let (facts, status) = (store.tag(&paths.facts())?, store.tag(&paths.status())?);
        let tags = Self { facts, status, log, head, tables: store.tag(&paths.tables())?, manifests };
        match began {
            Some(began) if !store.is_read_only() && was_changed(store, &paths, row, began)? => Ok(None),
            _ => Ok(Some(tags)),
        }
    }
}

/// Whether a file of the run was changed shortly before `began`.
fn was_changed(store: &dyn Store, paths: &RunPaths, row: &RunRow, began: u64) -> Result<bool, StoreError> {
    let manifests = row.tables.iter().map(|table| paths.manifest(table.table));
    let head = paths.commit(CommitNumber::new(row.commit));
    let files = [paths.facts(), paths.status(), paths.commits(), head, paths.base(), paths.tables()];
    for file in manifests.chain(files) {
        if store.modified(&file)?.is_some_and(|modified| modified.saturating_add(SETTLED_NS) > began) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Loads the index. One that is absent, damaged or of another version counts as empty.
pub(super) fn load(store: &dyn Store) -> Index {
    let Ok(Some((bytes, _))) = store.read(&paths::runs_index()) else { return Index::default() };
    // The first line has the version, and the checksum of the rest.
    let end = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |end| end + 1);
    let (first, rest) = bytes.split_at(end);
    if first == head(rest).as_bytes() { Index::new(bytes.slice(end..)) } else { Index::default() }
}

fn head(rest: &[u8]) -> String {
    format!("crv runs {VERSION} {:08x}\n", crc32c::crc32c(rest))
}

/// The index of a store that never changes, with every run whose state is settled.
pub(super) fn whole(settings: &IoSettings, store: &Arc<dyn Store>, runs: &[RunId]) -> Result<Vec<u8>> {
    let entries = parallel::map(runs, parallel::computing(), |run| Entry::read(settings, store, run))?;
    let mut rest = Vec::new();
    for entry in entries.into_iter().flatten().filter(|entry| entry.tags.is_some()) {
        if let Ok(line) = serde_json::to_vec(&entry) {
            push_line(&mut rest, &entry.row.run_id, &line);
        }
    }
    let mut bytes = head(&rest).into_bytes();
    bytes.extend_from_slice(&rest);
    Ok(bytes)
}

fn push_line(lines: &mut Vec<u8>, run: &RunId, entry: &[u8]) {
    lines.extend_from_slice(run.as_str().as_bytes());
    lines.push(b' ');
    lines.extend_from_slice(entry);
    lines.push(b'\n');
}

/// Writes the index, if many of the entries of `listed` are new to it or many of its runs are gone. `runs` are all runs
/// under the root. A root that cannot be written has no index.
pub(super) fn save<'a>(
    store: &dyn Store,
    known: &Index,
    runs: &[RunId],
    listed: impl Iterator<Item = &'a (Box<Entry>, bool)>,
) {
    if runs.len() < MIN_RUNS || store.is_read_only() {
        return;
    }
    let fresh = listed.filter(|(entry, was_read)| *was_read && entry.tags.is_some());
    let fresh: HashMap<&RunId, &Entry> = fresh.map(|(entry, _)| (&entry.row.run_id, &**entry)).collect();
    let gone = known.starts.len().saturating_sub(runs.len());
    if fresh.len() + gone < MIN_RUNS.max(runs.len() / 64) {
        return;
    }
    let mut rest = Vec::with_capacity(known.lines.len());
    for run in runs {
        let line = match (fresh.get(run), known.line(run)) {
            (Some(entry), _) => serde_json::to_vec(entry).ok(),
            (None, Some(line)) => Some(line.trim_ascii_end().to_vec()),
            (None, None) => None,
        };
        if let Some(line) = line {
            push_line(&mut rest, run, &line);
        }
    }
    let mut bytes = head(&rest).into_bytes();
    bytes.extend_from_slice(&rest);
    // A root that is read-only, or full, has no index; nothing else depends on it.
    let _ = store.put_unsynced(&paths::runs_index(), &bytes);
}
