//! Loading a run: a table's checkpoint, then every commit after it.

use std::io::ErrorKind as ErrorKindOfIo;
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::backoff::{self, TRIES};
use super::cache::{Loaded, RunView};
use super::change::Commit;
use super::file;
use super::foreign::Unlogged;
use super::publish::RunLog;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Decoded, TableState, check_part};
use crate::paths::{BucketId, CommitNumber, MANIFEST_FILE, StorePath};
use crate::store::{EntryKind, StoreError};

/// How many bytes of a manifest are read to see whether rows were committed.
const MANIFEST_START: usize = 1024;

impl RunLog {
    /// Reads commit `number`; `None` if there is none.
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

    /// Returns the numbers of the commit files, sorted. Slow: lists the whole directory of the log.
    pub fn list_commits(&self) -> Result<Vec<CommitNumber>> {
        let entries =
            self.store.list(&self.paths.commits(), None).map_err(|error| self.read_failed(error))?;
        Ok(entries.iter().filter_map(|entry| CommitNumber::parse_file_name(&entry.name)).collect())
    }

    /// Refreshes the cached state to the newest commit. Drops all cached tables if commits after the old head were
    /// pruned.
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
                    // What was read last may not belong to the log: keep nothing of it.
                    view.forget();
                    return Err(error);
                }
            }
        }
        view.forget();
        Err(self.pruned_meanwhile())
    }

    /// The error for a log that was pruned during every attempt to read it.
    pub(super) fn pruned_meanwhile(&self) -> Error {
        let run = self.paths.run();
        Error::new(
            ErrorKind::Read,
            format!("run `{run}`: its log was pruned {TRIES} times in a row while it was read"),
        )
        .with_hint("try again; prune less often")
    }

    /// Refreshes the cached state. `false` if commits after the old head were pruned: it then has no tables.
    fn try_refresh(&self, view: &mut RunView) -> Result<bool> {
        let from = view.head();
        let read = self.read_on(view);
        // Guard: the base is read after the commits. A commit that was read may be a void one, under a number that
        // was pruned; one that was not there may have been pruned.
        self.see_base(view)?;
        if view.base.through <= from {
            return read.map(|()| true);
        }
        let head = self.find_head()?;
        view.restart_at(head);
        Ok(false)
    }

    /// Applies every commit after the cached head. Guard: when the next commit is not there, the one after it is
    /// looked up as well. If that one is there, the next one was lost: an error, not the end of the log.
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
            // Both may have been published since the next one was not there.
            if tag(next)?.is_none() {
                return Err(self.missing_commit(next));
            }
        }
    }

    /// The error for a commit that is missing while a later one is there.
    pub(super) fn missing_commit(&self, number: CommitNumber) -> Error {
        let path = self.store.locate(&self.paths.commit(number));
        damaged("commit log", &path, "this commit is missing, and later ones are there")
            .with_hint(self.log_hint())
    }

    /// Makes every commit up to the cached head durable. A commit can be read a moment before its writer has synced
    /// its name; nothing that is built on it may become durable before it (invariants 2 and 5).
    pub(super) fn settle_log(&self, view: &mut RunView) -> Result<()> {
        let head = view.head();
        if view.durable >= head {
            return Ok(());
        }
        self.settle_through(head)?;
        view.durable = head;
        Ok(())
    }

    /// Makes the names of all commits up to `head` durable: they are in one directory, which is synced.
    pub(super) fn settle_through(&self, head: CommitNumber) -> Result<()> {
        match self.store.settle(&[self.paths.commit(head)]) {
            // There is no log: the state comes from manifests alone.
            Err(error) if error.io().kind() == ErrorKindOfIo::NotFound => Ok(()),
            other => other.map_err(|error| self.write_failed(error)),
        }
    }

    /// Returns the newest commit that the log, its base or any checkpoint names. Checkpoints count because a log that
    /// was lost must not begin again with numbers that they include.
    pub(super) fn find_head(&self) -> Result<CommitNumber> {
        let mut head = self.last_logged()?;
        for table in self.table_dirs()? {
            let read =
                self.store.read(&self.paths.manifest(table)).map_err(|error| self.read_failed(error))?;
            // A damaged manifest is skipped here: loading its table returns the error.
            let decoded = read.and_then(|(bytes, _)| manifest::decode(table, &bytes).ok());
            head = head.max(decoded.map_or(CommitNumber::ZERO, |decoded| decoded.state.commit));
        }
        Ok(head)
    }

    /// Loads `table` as of the newest commit. `false` if it has no manifest.
    ///
    /// Another writer may replace the manifest meanwhile: the one that was read and the commits after it give the same
    /// state. The base shows whether these commits were pruned before they were read.
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
                // The checkpoint is newer than the cached head, and the commits between may have been pruned.
                view.restart_at(state.commit);
            }
            let Some(state) = self.replay(view, state, &mut dirty)? else { continue };
            let state = Arc::new(state);
            view.tables.insert(
                table,
                Loaded { state, manifest: tag, checkpoint, tried: checkpoint, dirty, unlogged },
            );
            self.refresh(view)?;
            // Taken out of the cache during the checks: a table that fails one must not stay in it.
            if let Some(mut loaded) = view.tables.remove(&table) {
                let state = Arc::make_mut(&mut loaded.state);
                loaded.unlogged.retain(|(bucket, part)| state.contains(*bucket, part.id));
                self.learn_unlogged(state, &mut loaded.unlogged)?;
                self.check_bucket_size(state)?;
                view.tables.insert(table, loaded);
                return Ok(true);
            }
            // Commits were pruned meanwhile, and the refresh dropped the table.
        }
        Err(self.pruned_meanwhile())
    }

    /// Returns the state from which the log is replayed for a table with this manifest, and its unlogged parts.
    /// `None` if the log was pruned meanwhile: the caller loads again.
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
        // The manifest is older than the base, and the commits between were pruned: begin with the base's state.
        let (base, _) = self.read_base()?;
        let mut state = base.tables.get(&state.table).cloned().unwrap_or(state);
        state.commit = base.through;
        Ok((base.through == view.base.through).then(|| (state, Unlogged::new())))
    }

    /// Applies the commits up to the cached head to `state`. `None` if they were pruned meanwhile.
    fn replay(
        &self,
        view: &mut RunView,
        mut state: TableState,
        dirty: &mut bool,
    ) -> Result<Option<TableState>> {
        let from = state.commit;
        let read = self.replay_to(view.head(), &mut state, dirty);
        // Guard: the base is read after the commits. A commit that was read may be a void one, under a number that
        // was pruned.
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

    /// Checks invariant 8: a table keeps the bucket size it was created with.
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

    /// Returns a snapshot of `table`: its newest state.
    pub fn snapshot(&self, table: TableName) -> Result<Arc<TableState>> {
        match self.state(table)? {
            Some(state) if !state.is_unwritten() => Ok(state),
            _ => Err(self.unwritten(table)),
        }
    }

    /// Returns the newest state of `table`; `None` if it has no manifest.
    pub(super) fn state(&self, table: TableName) -> Result<Option<Arc<TableState>>> {
        let mut view = self.view();
        let path = self.paths.manifest(table);
        let known = view.tables.get(&table).map(|loaded| loaded.manifest.clone());
        match known {
            // An up-to-date check costs one `open` that fails and three `stat`s: two in the refresh, one below.
            Some(tag) => {
                self.refresh(&mut view)?;
                // Guard: the manifest's tag is read after the log. It changes when another implementation writes the
                // manifest back, and before commits that it did not include are pruned.
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

    /// The hint for a log that cannot be read.
    pub(super) fn log_hint(&self) -> String {
        let run = self.paths.run();
        format!(
            "`crv check {run}` says whether `crv repair {run}` can repair it; else restore the file from a copy of the run"
        )
    }

    /// The hint for a manifest that is missing or damaged.
    pub(super) fn rebuild_hint(&self, table: TableName) -> String {
        format!(
            "write it again from the log with Dataset.repair() or `crv repair {run}`, or from the parts on disk with Dataset.rebuild_manifest(\"{table}\") or `crv rebuild {run} {table}`",
            run = self.paths.run()
        )
    }

    /// The tables that were written in this run.
    pub fn list_tables(&self) -> Result<Vec<TableName>> {
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

    /// Returns whether anything was ever committed to this table. A first append that failed leaves a directory and
    /// an empty manifest.
    fn was_written(&self, table: TableName) -> Result<bool> {
        let entries =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        let manifest = entries.iter().find(|entry| entry.name == MANIFEST_FILE).map(|entry| entry.kind);
        match manifest {
            Some(EntryKind::Object(_)) if self.manifest_says_written(table)? => Ok(true),
            // A manifest that is damaged, or of another bucket size, was written.
            Some(EntryKind::Object(_)) => Ok(match self.state(table) {
                Ok(state) => state.is_some_and(|state| !state.is_unwritten()),
                Err(error) => error.kind() == ErrorKind::Manifest || error.kind() == ErrorKind::Config,
            }),
            _ => Ok(entries.iter().any(|entry| BucketId::parse_dir_name(&entry.name).is_some())),
        }
    }

    /// Returns whether the first bytes of a manifest show that rows were committed. Listing runs must not decode every
    /// part of every table.
    fn manifest_says_written(&self, table: TableName) -> Result<bool> {
        let path = self.paths.manifest(table);
        let opened = self.store.open(&path).map_err(|error| self.read_failed(error))?;
        let Some(blob) = opened else { return Ok(false) };
        let length = usize::try_from(blob.size()).unwrap_or(usize::MAX).min(MANIFEST_START);
        // Not readable: the caller loads the table instead.
        Ok(manifest::says_written(&blob.read_at(0, length).unwrap_or_default()))
    }

    /// The tables that have a directory in this run, in the order of the registry.
    pub fn table_dirs(&self) -> Result<Vec<TableName>> {
        let entries = self.store.list(&self.paths.tables(), None).map_err(|error| self.read_failed(error))?;
        let names = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
        let mut tables: Vec<TableName> = names.filter_map(|entry| entry.name.parse().ok()).collect();
        tables.sort_by_key(|table| TableName::ALL.iter().position(|known| known == table));
        Ok(tables)
    }

    pub(super) fn conflicting(
        &self,
        commit: &Commit,
        conflict: &crv_schema::schema::SchemaConflict,
    ) -> Error {
        let path = self.store.locate(&self.paths.commit(commit.number));
        damaged("commit file", &path, &format!("its schema does not fit the table's: {conflict}"))
    }

    /// The error of a failed read from the store, with the run.
    pub fn read_failed(&self, error: StoreError) -> Error {
        let text = format!("run `{}`: {error}", self.paths.run());
        Error::caused_by(ErrorKind::Read, text, error.hint(), error)
    }
}

/// The error for a damaged document.
pub(super) fn damaged(what: &str, path: &str, why: &str) -> Error {
    Error::manifest(format!("{what} `{path}` is damaged: {why}"))
}
