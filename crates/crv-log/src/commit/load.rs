//! Loading a run: a table's checkpoint, then every commit after it.

use std::sync::Arc;

use crv_core::tables::TableId;

use super::backoff::{self, TRIES};
use super::cache::{Cache, Loaded};
use super::change::Commit;
use super::errors::damaged;
use super::file;
use super::foreign::Unlogged;
use super::reader::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Decoded, TableState, check_part};
use crate::paths::CommitNumber;

impl LogReader {
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
    pub(super) fn refresh(&self, cache: &mut Cache) -> Result<()> {
        if cache.head.is_none() {
            cache.head = Some(self.find_head()?);
        }
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            match self.try_refresh(cache) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => {
                    // What was read last may not belong to the log: keep nothing of it.
                    cache.forget();
                    return Err(error);
                }
            }
        }
        cache.forget();
        Err(self.pruned_meanwhile())
    }

    /// Refreshes the cached state. `false` if commits after the old head were pruned: it then has no tables.
    fn try_refresh(&self, cache: &mut Cache) -> Result<bool> {
        let from = cache.head();
        let read = self.read_on(cache);
        // Guard: the base is read after the commits. A commit that was read may be a void one, under a number that
        // was pruned; one that was not there may have been pruned.
        self.see_base(cache)?;
        if cache.base.through <= from {
            return read.map(|()| true);
        }
        let head = self.find_head()?;
        cache.restart_at(head);
        Ok(false)
    }

    /// Applies every commit after the cached head. Guard: when the next commit is not there, the one after it is
    /// looked up as well. If that one is there, the next one was lost: an error, not the end of the log.
    fn read_on(&self, cache: &mut Cache) -> Result<()> {
        loop {
            let mut commits = self.commits_from(cache.head().next(), None);
            while let Some(commit) = commits.next()? {
                cache.apply(&commit).map_err(|conflict| self.conflicting(&commit, &conflict))?;
            }
            let next = cache.head().next();
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
    pub(super) fn load(&self, cache: &mut Cache, table: TableId) -> Result<bool> {
        let path = self.paths.manifest(table);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            cache.tables.remove(&table);
            let Some((bytes, tag)) = self.store.read(&path).map_err(|error| self.read_failed(error))? else {
                return Ok(false);
            };
            let decoded = manifest::decode(table, &bytes).map_err(|why| {
                damaged("manifest", &self.store.locate(&path), &why).with_hint(self.rebuild_hint(table))
            })?;
            let said = decoded.knows_log.then_some(decoded.state.commit);
            let Some((state, unlogged)) = self.begin(cache, decoded)? else { continue };
            let checkpoint = said.unwrap_or(state.commit);
            let mut dirty = said != Some(state.commit);
            if cache.head.is_none_or(|head| head < state.commit) {
                // The checkpoint is newer than the cached head, and the commits between may have been pruned.
                cache.restart_at(state.commit);
            }
            let Some(state) = self.replay(cache, state, &mut dirty)? else { continue };
            let state = Arc::new(state);
            cache.tables.insert(
                table,
                Loaded { state, manifest: tag, checkpoint, tried: checkpoint, dirty, unlogged },
            );
            self.refresh(cache)?;
            // Taken out of the cache during the checks: a table that fails one must not stay in it.
            if let Some(mut loaded) = cache.tables.remove(&table) {
                let state = Arc::make_mut(&mut loaded.state);
                loaded.unlogged.retain(|(bucket, part)| state.contains(*bucket, part.id));
                self.learn_unlogged(state, &mut loaded.unlogged)?;
                self.check_bucket_size(state)?;
                cache.tables.insert(table, loaded);
                return Ok(true);
            }
            // Commits were pruned meanwhile, and the refresh dropped the table.
        }
        Err(self.pruned_meanwhile())
    }

    /// Returns the state from which the log is replayed for a table with this manifest, and its unlogged parts.
    /// `None` if the log was pruned meanwhile: the caller loads again.
    fn begin(&self, cache: &mut Cache, decoded: Decoded) -> Result<Option<(TableState, Unlogged)>> {
        self.see_base(cache)?;
        let Decoded { state, knows_log } = decoded;
        if !knows_log {
            let joined = self.join_log(state)?;
            return Ok((joined.through == cache.base.through).then_some((joined.state, joined.unlogged)));
        }
        if state.commit >= cache.base.through {
            return Ok(Some((state, Unlogged::new())));
        }
        // The manifest is older than the base, and the commits between were pruned: begin with the base's state.
        let (base, _) = self.read_base()?;
        let mut state = base.tables.get(&state.table).cloned().unwrap_or(state);
        state.commit = base.through;
        Ok((base.through == cache.base.through).then(|| (state, Unlogged::new())))
    }

    /// Applies the commits up to the cached head to `state`. `None` if they were pruned meanwhile.
    fn replay(
        &self,
        cache: &mut Cache,
        mut state: TableState,
        dirty: &mut bool,
    ) -> Result<Option<TableState>> {
        let from = state.commit;
        let read = self.replay_to(cache.head(), &mut state, dirty);
        // Guard: the base is read after the commits. A commit that was read may be a void one, under a number that
        // was pruned.
        self.see_base(cache)?;
        if cache.base.through > from { Ok(None) } else { read.map(|()| Some(state)) }
    }

    pub(super) fn replay_to(
        &self,
        head: CommitNumber,
        state: &mut TableState,
        dirty: &mut bool,
    ) -> Result<()> {
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

    /// Loads every table of `tables` that is not cached: a commit is checked against each table it touches.
    pub(super) fn load_all(&self, cache: &mut Cache, tables: &[TableId]) -> Result<()> {
        match self.load_present(cache, tables)?.first() {
            Some(absent) => Err(self.unwritten(*absent)),
            None => Ok(()),
        }
    }

    /// The same, and returns the tables that have no manifest.
    pub(super) fn load_present(&self, cache: &mut Cache, tables: &[TableId]) -> Result<Vec<TableId>> {
        let mut absent = Vec::new();
        // Loading one table drops the others from the cache if its checkpoint is newer than the cached head.
        while let Some(table) =
            tables.iter().find(|table| cache.state(**table).is_none() && !absent.contains(*table))
        {
            if !self.load(cache, *table)? {
                absent.push(*table);
            }
        }
        Ok(absent)
    }
}
