//! Changes that maintenance plans from a table's state, and plans again if another commit comes first.

use std::collections::HashMap;
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::backoff::{self, TRIES};
use super::cache::{Loaded, RunView};
use super::change::{Change, Commit};
use super::publish::RunLog;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{BucketId, CommitNumber, PartId};
use crate::store::{PutMode, PutOutcome};

/// A part's place: its bucket and its id.
type Place = (BucketId, PartId);

/// What a rebuild writes.
#[derive(Debug)]
pub struct Plan<R> {
    /// The table's new state.
    pub state: TableState,
    /// The change to publish, if any.
    pub change: Option<Change>,
    /// The result for the caller.
    pub report: R,
}

/// What is known of a table without reading its parts.
#[derive(Debug)]
pub struct Known {
    /// From the manifest and the log, or the log alone; as of the newest commit.
    pub state: TableState,
    /// Whether the state determines which parts are live. Otherwise every part on disk is, except those that the log
    /// removed.
    pub tells: bool,
    /// Parts that the log names, and whether they are live.
    pub logged: HashMap<Place, bool>,
}

impl RunLog {
    /// Ticks per bucket, from the settings.
    pub fn tick_bucket_size(&self) -> u64 {
        self.tick_bucket_size
    }

    /// Plans a change from the newest state of `table` and publishes it; plans again if another commit comes
    /// first. Then rewrites the manifest.
    pub fn change_table(&self, table: TableName, plan: impl Fn(&TableState) -> Result<Change>) -> Result<()> {
        let mut view = self.view();
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            if view.state(table).is_none() && !self.load(&mut view, table)? {
                return Err(self.no_manifest(table, &self.paths.manifest(table)));
            }
            self.refresh(&mut view)?;
            self.adopt_unlogged(&mut view, &[table])?;
            let Some(state) = view.state(table).cloned() else { continue };
            let change = plan(&state)?;
            if change.tables.values().all(super::TableChange::is_empty) {
                return self.checkpoint(&mut view, &[table]);
            }
            if self.publish_at(&mut view, &state, change)?.is_some() {
                return self.checkpoint(&mut view, &[table]);
            }
        }
        Err(self.gave_way(table))
    }

    /// Calls `plan` with what is known of `table`, whose manifest may be lost; publishes the change that it returns,
    /// and writes the state that it returns as the table's manifest.
    pub fn with_table_lost<R>(
        &self,
        table: TableName,
        plan: impl Fn(&Known) -> Result<Plan<R>>,
    ) -> Result<R> {
        let mut view = self.view();
        let path = self.paths.manifest(table);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            // Guard: the state is read after the manifest's tag, so that the write below does not replace a manifest
            // that another writer wrote meanwhile and that is newer than this state.
            let there = self.store.tag(&path).map_err(|error| self.read_failed(error))?;
            let known = self.know(&mut view, table)?;
            let planned = match plan(&known) {
                // The plan may have failed because of a commit that was published meanwhile.
                Err(_) if self.has_moved(&mut view, known.state.commit)? => continue,
                planned => planned?,
            };
            let Plan { mut state, change, report } = planned;
            if let Some(change) = change {
                let Some(number) = self.publish_at(&mut view, &known.state, change)? else { continue };
                state.commit = number;
            }
            let mode = there.as_ref().map_or(PutMode::IfAbsent, PutMode::IfMatches);
            if let PutOutcome::Stored(tag) = self.write_manifest(&mut view, &state, mode)? {
                let checkpoint = state.commit;
                let loaded = Loaded {
                    state: Arc::new(state),
                    manifest: tag,
                    checkpoint,
                    tried: checkpoint,
                    dirty: false,
                    unlogged: Vec::new(),
                };
                view.tables.insert(table, loaded);
                return Ok(report);
            }
        }
        Err(self.gave_way(table))
    }

    /// Returns whether a commit was published after `commit`.
    fn has_moved(&self, view: &mut RunView, commit: CommitNumber) -> Result<bool> {
        self.refresh(view)?;
        Ok(view.head() > commit)
    }

    /// Reads what the manifest and the log say about `table`; the log alone if the manifest is lost or damaged.
    fn know(&self, view: &mut RunView, table: TableName) -> Result<Known> {
        let mut from_manifest = match self.load(view, table) {
            // A manifest without parts counts, too: parts on disk then belong to a first append under way.
            Ok(true) => view.state(table).map(|state| TableState::clone(state)),
            Ok(false) => None,
            Err(error) if can_mend(&error) => None,
            Err(error) => return Err(error),
        };
        let (base, commits) = self.read_whole_log()?;
        let mut from_log = base.state(table);
        let mut logged: HashMap<_, _> =
            from_log.parts().map(|(bucket, part)| ((bucket, part.id), true)).collect();
        let first = commits.first().map(|commit| commit.number);
        for commit in commits {
            note(&mut logged, &commit, table);
            commit.apply(&mut from_log).map_err(|conflict| self.conflicting(&commit, &conflict))?;
            // Commits that were published since the table was loaded.
            if let Some(state) = from_manifest.as_mut().filter(|state| state.commit < commit.number) {
                commit.apply(state).map_err(|conflict| self.conflicting(&commit, &conflict))?;
            }
        }
        // Drop every table from the cache: none may stay behind the new head.
        let known = from_manifest.as_ref().map_or(from_log.commit, |state| state.commit);
        view.restart_at(if from_manifest.is_some() { known } else { known.max(self.find_head()?) });
        // A log that goes back to commit 1, or to its base, names every committed part of this table.
        let whole = first.map_or(base.through > CommitNumber::ZERO, |first| first == base.through.next());
        let log_tells = whole && !logged.is_empty();
        let tells = from_manifest.is_some() || log_tells;
        let mut state = from_manifest.unwrap_or(from_log);
        state.commit = view.head();
        Ok(Known { state, tells, logged })
    }

    /// Publishes `change` if the head is still that of `planned_from`; `None` if another commit came first.
    fn publish_at(
        &self,
        view: &mut RunView,
        planned_from: &TableState,
        change: Change,
    ) -> Result<Option<CommitNumber>> {
        let planned_at = planned_from.commit;
        let mut overtaken = false;
        let published = self.publish(view, change, None, |view, _| {
            overtaken = view.head() != planned_at;
            if overtaken { Err(Error::new(ErrorKind::Write, "another commit came first")) } else { Ok(()) }
        });
        match published {
            Ok(number) => Ok(Some(number)),
            Err(_) if overtaken => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn gave_way(&self, table: TableName) -> Error {
        Error::new(
            ErrorKind::Write,
            format!("{}: other writers keep changing it; gave up after {TRIES} conflicts", self.name(table)),
        )
        .with_hint("try again when the run is quieter")
    }
}

/// Records which parts of `table` a commit names, and whether they are live after it.
fn note(logged: &mut HashMap<Place, bool>, commit: &Commit, table: TableName) {
    let Some(change) = commit.change.tables.get(&table) else { return };
    logged.extend(change.add.iter().map(|(bucket, part)| ((*bucket, part.id), true)));
    logged.extend(change.remove.iter().map(|place| (*place, false)));
}

/// Returns whether a rebuild can solve this error of loading a table.
fn can_mend(error: &Error) -> bool {
    error.kind() == ErrorKind::Manifest
}
