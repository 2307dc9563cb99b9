//! Changes that maintenance plans from a table's state, and plans again if another commit comes first.

use std::collections::HashMap;
use std::sync::Arc;

use crv_core::tables::TableId;

use super::backoff::{self, TRIES};
use super::cache::Loaded;
use super::change::{Change, Commit};
use super::errors::gave_up;
use super::publish::Publisher;
use super::queue::Turn;
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

impl Publisher {
    /// Plans a change from the newest state of `table` and publishes it; plans again if another commit comes
    /// first. Then rewrites the manifest.
    pub fn change_table(&self, table: TableId, plan: impl Fn(&TableState) -> Result<Change>) -> Result<()> {
        let turn = self.turn();
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            {
                let mut cache = self.log.cache();
                if cache.state(table).is_none() && !self.log.load(&mut cache, table)? {
                    return Err(self.log.no_manifest(table));
                }
                self.log.refresh(&mut cache)?;
            }
            self.adopt_unlogged(&turn, &[table])?;
            let Some(state) = self.log.cache().state(table).cloned() else { continue };
            let change = plan(&state)?;
            if change.tables.values().all(super::TableChange::is_empty) {
                return self.checkpoint(&turn, &[table]);
            }
            // A reader of this handle may have dropped the table from the cache meanwhile.
            let added = change.tables.get(&table).map_or(&[][..], |change| &change.add);
            self.refuse_vacuumed_in(&state, added)?;
            if self.publish_at(&turn, &state, change)?.is_some() {
                return self.checkpoint(&turn, &[table]);
            }
        }
        Err(gave_up(&self.log.name(table), TRIES))
    }

    /// Calls `plan` with what is known of `table`, whose manifest may be lost; publishes the change that it returns,
    /// and writes the state that it returns as the table's manifest.
    pub fn with_table_lost<R>(&self, table: TableId, plan: impl Fn(&Known) -> Result<Plan<R>>) -> Result<R> {
        let turn = self.turn();
        let log = &*self.log;
        let path = log.paths.manifest(table);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            // Guard: the state is read after the manifest's tag, so that the write below does not replace a manifest
            // that another writer wrote meanwhile and that is newer than this state.
            let there = log.store.tag(&path).map_err(|error| log.read_failed(error))?;
            let known = self.know(table)?;
            let planned = match plan(&known) {
                // The plan may have failed because of a commit that was published meanwhile.
                Err(_) if self.has_moved(known.state.commit)? => continue,
                planned => planned?,
            };
            let Plan { mut state, change, report } = planned;
            if let Some(change) = change {
                let Some(number) = self.publish_at(&turn, &known.state, change)? else { continue };
                state.commit = number;
            }
            let mode = there.as_ref().map_or(PutMode::IfAbsent, PutMode::IfMatches);
            // Guard: the commits are durable before a manifest that includes them.
            self.checkpointer.sync_log(state.commit)?;
            if let PutOutcome::Stored(tag) = self.checkpointer.put_manifest(&state, mode)? {
                let mut cache = log.cache();
                cache.tables.remove(&table);
                // A reader of this handle may have read later commits meanwhile. It loads the table again.
                if cache.head == Some(state.commit) {
                    cache.tables.insert(table, Loaded::written(Arc::new(state), tag));
                }
                return Ok(report);
            }
        }
        Err(gave_up(&self.log.name(table), TRIES))
    }

    /// Returns whether a commit was published after `commit`.
    fn has_moved(&self, commit: CommitNumber) -> Result<bool> {
        let mut cache = self.log.cache();
        self.log.refresh(&mut cache)?;
        Ok(cache.head() > commit)
    }

    /// Reads what the manifest and the log say about `table`; the log alone if the manifest is lost or damaged.
    fn know(&self, table: TableId) -> Result<Known> {
        let (log, mut cache) = (&*self.log, self.log.cache());
        let mut from_manifest = match log.load(&mut cache, table) {
            // A manifest without parts counts, too: parts on disk then belong to a first append under way.
            Ok(true) => cache.state(table).map(|state| TableState::clone(state)),
            Ok(false) => None,
            Err(error) if can_mend(&error) => None,
            Err(error) => return Err(error),
        };
        // Read before the log: a commit that is published in between must not be taken for one that is applied here.
        let newest = log.find_head()?;
        let (base, commits) = log.read_whole_log()?;
        let mut from_log = base.state(table);
        let mut logged: HashMap<_, _> =
            from_log.parts().map(|(bucket, part)| ((bucket, part.id), true)).collect();
        // Parts that commits before the base took out may still be on disk.
        let taken_out = from_log.removed().keys().chain(from_log.vacuumed().keys());
        for place in taken_out {
            logged.entry(*place).or_insert(false);
        }
        let first = commits.first().map(|commit| commit.number);
        let mut is_named = base.tables.contains_key(&table);
        for commit in commits {
            is_named |= commit.change.tables.contains_key(&table);
            note(&mut logged, &commit, table);
            commit.apply(&mut from_log).map_err(|conflict| log.conflicting(&commit, &conflict))?;
            // Commits that were published since the table was loaded.
            if let Some(state) = from_manifest.as_mut().filter(|state| state.commit < commit.number) {
                commit.apply(state).map_err(|conflict| log.conflicting(&commit, &conflict))?;
            }
        }
        // Drop every table from the cache: none may stay behind the new head.
        let known = from_manifest.as_ref().map_or(from_log.commit, |state| state.commit);
        cache.restart_at(if from_manifest.is_some() { known } else { known.max(newest) });
        // A log that goes back to commit 1, or to its base, names every committed part of this table.
        let whole = first.map_or(base.through > CommitNumber::ZERO, |first| first == base.through.next());
        let log_tells = whole && is_named;
        let tells = from_manifest.is_some() || log_tells;
        let mut state = from_manifest.unwrap_or(from_log);
        state.commit = cache.head();
        Ok(Known { state, tells, logged })
    }

    /// Publishes `change` if the head is still that of `planned_from`; `None` if another commit came first.
    fn publish_at(
        &self,
        turn: &Turn<'_>,
        planned_from: &TableState,
        change: Change,
    ) -> Result<Option<CommitNumber>> {
        let planned_at = planned_from.commit;
        let mut overtaken = false;
        // A rebuild adds parts whose names may not be durable.
        let names = self.names_in(&change.tables);
        let published = self.publish_drafted(turn, change, names, None, |cache, _| {
            overtaken = cache.head() != planned_at;
            if overtaken { Err(Error::new(ErrorKind::Conflict, "another commit came first")) } else { Ok(()) }
        });
        match published {
            Ok(commit) => Ok(Some(commit.number)),
            Err(_) if overtaken => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Records which parts of `table` a commit names, and whether they are live after it.
fn note(logged: &mut HashMap<Place, bool>, commit: &Commit, table: TableId) {
    let Some(change) = commit.change.tables.get(&table) else { return };
    logged.extend(change.add.iter().map(|(bucket, part)| ((*bucket, part.id), true)));
    logged.extend(change.remove.iter().map(|place| (*place, false)));
}

/// Returns whether a rebuild can solve this error of loading a table.
fn can_mend(error: &Error) -> bool {
    error.kind() == ErrorKind::Manifest
}
