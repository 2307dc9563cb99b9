//! Reading a run: a table's checkpoint, then the commits after it, until there are no more.

use std::io::ErrorKind as ErrorKindOfIo;
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::backoff::{self, TRIES};
use super::change::Commit;
use super::file;
use super::foreign::Unlogged;
use super::publish::RunLog;
use super::view::{Loaded, RunView};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Decoded, TableState, check_part};
use crate::paths::{BucketId, CommitNumber, MANIFEST_FILE, StorePath};
use crate::store::{EntryKind, StoreError};

/// How far a manifest is read to see whether it says that rows were committed.
const MANIFEST_START: usize = 1024;

impl RunLog {
    /// Commit `number`, or `None` when there is none yet.
    pub(super) fn read_commit(&self, number: CommitNumber) -> Result<Option<Commit>> {
        let path = self.paths.commit(number);
        let Some((bytes, _)) = self.store.read(&path).map_err(|error| self.read_failed(error))? else {
            return Ok(None);
        };
        let commit = file::decode(number, &bytes).map_err(|why| {
            damaged("commit file", &self.store.locate(&path), &why).with_hint(self.log_hint())
        })?;
        Ok(Some(commit))
    }

    /// The numbers in the log, sorted. Only for the rare cases: it looks at every name there is.
    pub(crate) fn list_commits(&self) -> Result<Vec<CommitNumber>> {
        let entries =
            self.store.list(&self.paths.commits(), None).map_err(|error| self.read_failed(error))?;
        Ok(entries.iter().filter_map(|entry| CommitNumber::parse_file_name(&entry.name)).collect())
    }

    /// Makes sure that the view has a head, and moves it on to the newest commit. Forgets all tables where
    /// commits after the old head were pruned.
    pub(super) fn refresh(&self, view: &mut RunView) -> Result<()> {
        if view.head.is_none() {
            view.head = Some(self.find_head()?);
        }
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            match self.try_refresh(view) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    // What was read last may be no part of the log: nothing of it may stay.
                    view.forget();
                    return Err(error);
                }
            }
        }
        view.forget();
        Err(self.pruned_meanwhile())
    }

    /// Each look at the log was overtaken by another pruning.
    pub(super) fn pruned_meanwhile(&self) -> Error {
        let run = self.paths.run();
        Error::new(
            ErrorKind::Read,
            format!("run `{run}`: its log was pruned {TRIES} times in a row while it was read"),
        )
        .with_hint("try again; prune less often")
    }

    /// `false` where commits after the old head were pruned: the view begins again.
    fn try_refresh(&self, view: &mut RunView) -> Result<bool> {
        let from = view.head();
        let read = self.read_on(view);
        // Only now: what was read may be a number that was pruned and taken again, and what was not there may
        // have been pruned.
        self.see_base(view)?;
        if view.base.through <= from {
            return read.map(|()| true);
        }
        let head = self.find_head()?;
        view.restart_at(head);
        Ok(false)
    }

    /// Moves the view on, commit by commit, until there is no next one. An error when the one after that is
    /// there: then the next one was lost, and the end of the log is not here.
    fn read_on(&self, view: &mut RunView) -> Result<()> {
        loop {
            let mut commits = self.commits_from(view.head().next(), None);
            while let Some(commit) = commits.next()? {
                view.apply(&commit).map_err(|conflict| self.conflicting(&commit, &conflict))?;
            }
            let next = view.head().next();
            let tag =
                |number| self.store.tag(&self.paths.commit(number)).map_err(|error| self.read_failed(error));
            if tag(next.next())?.is_none() {
                return Ok(());
            }
            // Somebody may have made both meanwhile.
            if tag(next)?.is_none() {
                return Err(self.missing_commit(next));
            }
        }
    }

    /// Commit `number` is not there, and one after it is.
    pub(super) fn missing_commit(&self, number: CommitNumber) -> Error {
        let path = self.store.locate(&self.paths.commit(number));
        damaged("commit log", &path, "this commit is missing, and later ones are there")
            .with_hint(self.log_hint())
    }

    /// Makes what the view knows of the log durable. A commit may be read a moment before its writer has synced
    /// its name; nothing may be built on it that would outlive it (invariants 2 and 5).
    pub(super) fn settle_log(&self, view: &mut RunView) -> Result<()> {
        let head = view.head();
        if view.durable >= head {
            return Ok(());
        }
        self.settle_through(head)?;
        view.durable = head;
        Ok(())
    }

    /// Makes the names of all commits that were read so far, `head` the newest, durable.
    pub(super) fn settle_through(&self, head: CommitNumber) -> Result<()> {
        match self.store.settle(&[self.paths.commit(head)]) {
            // There is no log: what is known is from manifests.
            Err(error) if error.io().kind() == ErrorKindOfIo::NotFound => Ok(()),
            other => other.map_err(|error| self.write_failed(error)),
        }
    }

    /// The newest commit that the log, its base or any checkpoint knows: a log that was lost must not begin
    /// anew below what checkpoints include.
    pub(super) fn find_head(&self) -> Result<CommitNumber> {
        let mut head = self.last_logged()?;
        for table in self.table_dirs()? {
            let read =
                self.store.read(&self.paths.manifest(table)).map_err(|error| self.read_failed(error))?;
            // One that is damaged says nothing here; whoever reads its table is told.
            let decoded = read.and_then(|(bytes, _)| manifest::decode(table, &bytes).ok());
            head = head.max(decoded.map_or(CommitNumber::ZERO, |decoded| decoded.state.commit));
        }
        Ok(head)
    }

    /// Brings `table` into the view, as of the newest commit. `false` when it has no manifest.
    ///
    /// A manifest that another writer replaces meanwhile does no harm: the one that was read and the commits after it
    /// tell the same state, and commits that were pruned before they were read are noticed by the base.
    pub(super) fn load(&self, view: &mut RunView, table: TableName) -> Result<bool> {
        let path = self.paths.manifest(table);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            view.tables.remove(&table);
            let Some((bytes, tag)) = self.store.read(&path).map_err(|error| self.read_failed(error))? else {
                return Ok(false);
            };
            let decoded = manifest::decode(table, &bytes).map_err(|why| {
                damaged("manifest", &self.store.locate(&path), &why).with_hint(self.rebuild_hint(table))
            })?;
            let said = decoded.knows_log.then_some(decoded.state.commit);
            let Some((state, unlogged)) = self.begin(view, decoded)? else { continue };
            let checkpoint = said.unwrap_or(state.commit);
            let mut dirty = said != Some(state.commit);
            if view.head.is_none_or(|head| head < state.commit) {
                // The checkpoint is newer than all we knew. What lies between may have been pruned.
                view.restart_at(state.commit);
            }
            let Some(state) = self.replay(view, state, &mut dirty)? else { continue };
            let state = Arc::new(state);
            view.tables.insert(
                table,
                Loaded { state, manifest: tag, checkpoint, tried: checkpoint, dirty, unlogged },
            );
            self.refresh(view)?;
            // Out of the view and in again: a table that fails a check is not one that was loaded.
            if let Some(mut loaded) = view.tables.remove(&table) {
                let state = Arc::make_mut(&mut loaded.state);
                loaded.unlogged.retain(|(bucket, part)| state.contains(*bucket, part.id));
                self.learn_unlogged(state, &mut loaded.unlogged)?;
                self.check_bucket_size(state)?;
                view.tables.insert(table, loaded);
                return Ok(true);
            }
            // Commits were pruned meanwhile, and the view began again without the table.
        }
        Err(self.pruned_meanwhile())
    }

    /// Where the replay of the log begins for a table with this manifest, and the parts that only the manifest
    /// names. `None`: begin again, the log was pruned meanwhile.
    fn begin(&self, view: &mut RunView, decoded: Decoded) -> Result<Option<(TableState, Unlogged)>> {
        self.see_base(view)?;
        let Decoded { state, knows_log } = decoded;
        if !knows_log {
            let joined = self.join_log(state)?;
            return Ok((joined.through == view.base.through).then_some((joined.state, joined.unlogged)));
        }
        if state.commit >= view.base.through {
            return Ok(Some((state, Unlogged::new())));
        }
        // A manifest older than the base: the commits between are gone, and the base says what they did.
        let (base, _) = self.read_base()?;
        let mut state = base.tables.get(&state.table).cloned().unwrap_or(state);
        state.commit = base.through;
        Ok((base.through == view.base.through).then(|| (state, Unlogged::new())))
    }

    /// Applies to `state` the commits up to the view's head. `None`: begin again, they were pruned meanwhile.
    fn replay(
        &self,
        view: &mut RunView,
        mut state: TableState,
        dirty: &mut bool,
    ) -> Result<Option<TableState>> {
        let from = state.commit;
        let read = self.replay_to(view.head(), &mut state, dirty);
        // Only now: what was read may be a number that was pruned and taken again.
        self.see_base(view)?;
        if view.base.through > from { Ok(None) } else { read.map(|()| Some(state)) }
    }

    fn replay_to(&self, head: CommitNumber, state: &mut TableState, dirty: &mut bool) -> Result<()> {
        let mut commits = self.commits_from(state.commit.next(), Some(head));
        while state.commit < head {
            let commit = commits.next()?.ok_or_else(|| self.missing_commit(state.commit.next()))?;
            commit.apply(state).map_err(|conflict| self.conflicting(&commit, &conflict))?;
            *dirty |= commit.change.tables.contains_key(&state.table);
        }
        Ok(())
    }

    /// Invariant 8: a table keeps the bucket size it was made with.
    fn check_bucket_size(&self, state: &mut TableState) -> Result<()> {
        let size = self.tick_bucket_size;
        if let Some(known) = state.tick_bucket_size {
            if known == size {
                return Ok(());
            }
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{}: tick_bucket_size is {size} in the settings, and the table was written with {known}",
                    self.name(state.table)
                ),
            )
            .with_hint(format!("open the run with tick_bucket_size={known}"))
            .with_tick_bucket_size(known));
        }
        for (bucket, partition) in state.partitions() {
            for part in partition.parts() {
                check_part(*bucket, part, Some(size)).map_err(|why| {
                    Error::new(
                        ErrorKind::Config,
                        format!(
                            "{}: tick_bucket_size is {size} in the settings, and the table was written with another: {why}",
                            self.name(state.table)
                        ),
                    )
                    .with_hint("open the run with the tick_bucket_size it was written with")
                })?;
            }
        }
        state.tick_bucket_size = Some(size);
        Ok(())
    }

    /// The newest state of `table`, for a reader.
    pub(crate) fn snapshot(&self, table: TableName) -> Result<Arc<TableState>> {
        match self.state(table)? {
            Some(state) if !state.is_unwritten() => Ok(state),
            _ => Err(self.unwritten(table)),
        }
    }

    /// The newest state of `table`; `None` when it has no manifest.
    pub(super) fn state(&self, table: TableName) -> Result<Option<Arc<TableState>>> {
        let mut view = self.view();
        let path = self.paths.manifest(table);
        let known = view.tables.get(&table).map(|loaded| loaded.manifest.clone());
        match known {
            // An up-to-date check: one look at the manifest, one open that fails.
            Some(tag) => {
                self.refresh(&mut view)?;
                // Looked at last: had commits been pruned before we looked for them, it would have changed.
                let now = self.store.tag(&path).map_err(|error| self.read_failed(error))?;
                if now != Some(tag) || view.state(table).is_none() {
                    self.load(&mut view, table)?;
                }
            }
            None => {
                self.load(&mut view, table)?;
            }
        }
        Ok(view.state(table).map(Arc::clone))
    }

    pub(super) fn no_manifest(&self, table: TableName, path: &StorePath) -> Error {
        Error::manifest(format!(
            "{} has no manifest: nothing was written to it, or `{}` was lost",
            self.name(table),
            self.store.locate(path)
        ))
        .with_hint(format!(
            "append to the table first; if it was written before, {}",
            self.rebuild_hint(table)
        ))
    }

    /// What to do about a log that cannot be read.
    pub(super) fn log_hint(&self) -> String {
        let run = self.paths.run();
        format!(
            "`crv check {run}` says whether `crv repair {run}` can mend it; else restore the file from a copy of the run"
        )
    }

    /// How to mend a manifest.
    pub(super) fn rebuild_hint(&self, table: TableName) -> String {
        format!(
            "make it anew with Dataset.repair() or `crv repair {run}`, or from the parts on disk alone with Dataset.rebuild_manifest(\"{table}\") or `crv rebuild {run} {table}`",
            run = self.paths.run()
        )
    }

    /// The tables that were written in this run.
    pub(crate) fn list_tables(&self) -> Result<Vec<TableName>> {
        let mut tables = self.table_dirs()?;
        let mut failed = None;
        tables.retain(|table| {
            self.was_written(*table).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        failed.map_or(Ok(tables), Err)
    }

    /// Was anything ever committed to this table? Its directory and an empty manifest may be there all the
    /// same, when its first append failed.
    fn was_written(&self, table: TableName) -> Result<bool> {
        let entries =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        let manifest = entries.iter().find(|entry| entry.name == MANIFEST_FILE).map(|entry| entry.kind);
        match manifest {
            Some(EntryKind::Object(_)) if self.manifest_says_written(table)? => Ok(true),
            // One that is damaged was written.
            Some(EntryKind::Object(_)) => Ok(match self.state(table) {
                Ok(state) => state.is_some_and(|state| !state.is_unwritten()),
                Err(error) => error.kind() == ErrorKind::Manifest || error.kind() == ErrorKind::Config,
            }),
            _ => Ok(entries.iter().any(|entry| BucketId::parse_dir_name(&entry.name).is_some())),
        }
    }

    /// Whether a manifest says in its first bytes that rows were committed. Listing runs must not decode every part of
    /// every table.
    fn manifest_says_written(&self, table: TableName) -> Result<bool> {
        let path = self.paths.manifest(table);
        let opened = self.store.open(&path).map_err(|error| self.read_failed(error))?;
        let Some(blob) = opened else { return Ok(false) };
        let length = usize::try_from(blob.size()).unwrap_or(usize::MAX).min(MANIFEST_START);
        // One that cannot be read is an error further on.
        Ok(manifest::says_written(&blob.read_at(0, length).unwrap_or_default()))
    }

    /// The tables that have a directory in this run, in the order of the registry.
    pub(crate) fn table_dirs(&self) -> Result<Vec<TableName>> {
        let entries = self.store.list(&self.paths.tables(), None).map_err(|error| self.read_failed(error))?;
        let names = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
        let mut tables: Vec<TableName> = names.filter_map(|entry| entry.name.parse().ok()).collect();
        tables.sort_by_key(|table| TableName::ALL.iter().position(|known| known == table));
        Ok(tables)
    }

    pub(super) fn conflicting(&self, commit: &Commit, conflict: &crate::schema::SchemaConflict) -> Error {
        let path = self.store.locate(&self.paths.commit(commit.number));
        damaged("commit file", &path, &format!("its schema does not fit the table's: {conflict}"))
    }

    pub(crate) fn read_failed(&self, error: StoreError) -> Error {
        let hint = error.hint();
        let text = format!("run `{}`: {error}", self.paths.run());
        let error = Error::new(ErrorKind::Read, text).with_source(error);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// An error about a document that is not what was written.
pub(crate) fn damaged(what: &str, path: &str, why: &str) -> Error {
    Error::manifest(format!("{what} `{path}` is damaged: {why}"))
}
