//! Checkpoints: when a `manifest.json` is rewritten, and how, without ever replacing a newer one.
//!
//! A checkpoint is maintenance: the commit is durable without it. One that fails is retried after a later commit;
//! [`Publisher::close`] returns the error if it still fails then.

use std::io::ErrorKind;
use std::sync::Arc;

use crv_core::tables::TableId;

use super::backoff;
use super::base::Base;
use super::base_file;
use super::cache::Cache;
use super::errors::encoding_failed;
use super::publish::Publisher;
use super::queue::Turn;
use super::reader::LogReader;
use crate::error::Result;
use crate::manifest::{self, TableState};
use crate::parallel;
use crate::paths::CommitNumber;
use crate::store::{PreparedPut, PutMode, PutOutcome, Tag};

/// A checkpoint is due when the commits since the last one are a sixteenth of the table's parts or of the
/// run's commits, whichever is more. So the parts written into checkpoints are a constant multiple of the
/// parts committed, however long the run is, and a run of 2 to 16 commits always has a current manifest. The first
/// commit of a run is not followed by one: the manifest was written a moment before.
const FRACTION: u64 = 16;

/// Returns whether a checkpoint is due. Pure.
fn is_due(head: u64, checkpoint: u64, parts: u64, every_n: Option<u64>) -> bool {
    let since = head.saturating_sub(checkpoint);
    match every_n {
        Some(every_n) => since >= every_n,
        None => head > 1 && since > 0 && since.saturating_mul(FRACTION) >= parts.max(head),
    }
}

/// Writes manifests of one run, and what must be durable before them.
#[derive(Debug)]
pub(super) struct Checkpointer {
    log: Arc<LogReader>,
    /// Commits between two checkpoints of a table; `None`: by the number of its parts.
    every_n: Option<u64>,
}

impl Checkpointer {
    pub(super) fn new(log: Arc<LogReader>, every_n: Option<u64>) -> Self {
        Self { log, every_n }
    }

    /// Makes every commit up to `head` durable. A commit can be read a moment before its writer has synced its name;
    /// nothing that is built on it may become durable before it (invariants 2 and 5).
    pub(super) fn sync_log(&self, head: CommitNumber) -> Result<()> {
        if self.log.cache().durable >= head {
            return Ok(());
        }
        self.sync_through(head)?;
        let mut cache = self.log.cache();
        cache.durable = cache.durable.max(head);
        Ok(())
    }

    /// Makes the names of all commits up to `head` durable: they are in one directory, which is synced.
    pub(super) fn sync_through(&self, head: CommitNumber) -> Result<()> {
        match self.log.store.sync(&[self.log.paths.commit(head)]) {
            // There is no log: the state comes from manifests alone.
            Err(error) if error.io().kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| self.log.write_failed(error)),
        }
    }

    /// Writes `state` as its table's `manifest.json`, under the condition of `mode`. The commits that it includes must
    /// be durable.
    pub(super) fn put_manifest(&self, state: &TableState, mode: PutMode<'_>) -> Result<PutOutcome> {
        let bytes = manifest::encode(state).map_err(|error| encoding_failed(&error))?;
        let path = self.log.paths.manifest(state.table);
        self.log.store.put(&path, &bytes, mode).map_err(|error| self.log.write_failed(error))
    }

    /// Writes `state` as the first `manifest.json` of its table, to be published. The commits that it includes must be
    /// durable.
    pub(super) fn prepare_manifest(&self, state: &TableState) -> Result<PreparedPut> {
        let bytes = manifest::encode(state).map_err(|error| encoding_failed(&error))?;
        let path = self.log.paths.manifest(state.table);
        self.log.store.prepare(&path, &bytes).map_err(|error| self.log.write_failed(error))
    }

    /// Replaces the version `expected` of the base; `false` if another writer replaced it first.
    pub(super) fn put_base(&self, base: &Base, expected: Option<&Tag>) -> Result<bool> {
        let bytes = base_file::encode(base).map_err(|error| encoding_failed(&error))?;
        let mode = expected.map_or(PutMode::IfAbsent, PutMode::IfMatches);
        let put = self.log.store.put(&self.log.paths.base(), &bytes, mode);
        Ok(put.map_err(|error| self.log.write_failed(error))? != PutOutcome::Refused)
    }

    /// Rewrites the manifests of `tables` from the cached state, in parallel. Returns those that were not written: another
    /// writer wrote them meanwhile, they are not cached any more, or they have parts that are not in the log.
    fn write(&self, tables: &[TableId]) -> Result<Vec<TableId>> {
        let mut jobs = Vec::with_capacity(tables.len());
        let mut left = Vec::new();
        let head = {
            let cache = self.log.cache();
            for table in tables {
                // A manifest of ours names no part that the log does not (invariant 5).
                match cache.tables.get(table).filter(|loaded| loaded.unlogged.is_empty()) {
                    Some(loaded) => {
                        jobs.push((*table, Arc::clone(&loaded.state), loaded.manifest.clone()));
                    }
                    None => left.push(*table),
                }
            }
            cache.head()
        };
        // Guard: the commits are durable before a manifest that includes them.
        self.sync_log(head)?;
        let written = parallel::map(&jobs, parallel::WAITING, |(_, state, expected)| {
            self.put_manifest(state, PutMode::IfMatches(expected))
        })?;
        let mut cache = self.log.cache();
        for ((table, state, expected), outcome) in jobs.into_iter().zip(written) {
            match outcome {
                PutOutcome::Stored(tag) => mark_written(&mut cache, table, &state, &expected, tag),
                PutOutcome::Refused => left.push(table),
            }
        }
        Ok(left)
    }

    /// Returns the tables whose manifest is due after a commit to `touched`.
    fn due_after(&self, touched: &[TableId]) -> Vec<TableId> {
        let mut cache = self.log.cache();
        if !touched.iter().any(|table| self.is_due(&cache, *table)) {
            return Vec::new();
        }
        let mut tables = touched.to_vec();
        if self.every_n.is_none() {
            // Tables that do not change, too: their readers replay every commit after their checkpoint.
            for table in self.log.table_dirs().unwrap_or_default() {
                if !tables.contains(&table) {
                    if cache.state(table).is_none() && self.log.load(&mut cache, table).is_err() {
                        continue;
                    }
                    tables.push(table);
                }
            }
        }
        tables.retain(|table| self.is_due(&cache, *table));
        tables
    }

    fn is_due(&self, cache: &Cache, table: TableId) -> bool {
        cache.tables.get(&table).is_some_and(|loaded| {
            let parts = loaded.state.part_count();
            // A failed attempt postpones the next one as well: else each commit would write all parts.
            let last = loaded.checkpoint.max(loaded.tried);
            // A manifest with unlogged parts is not rewritten until they are adopted.
            loaded.unlogged.is_empty() && is_due(cache.head().get(), last.get(), parts, self.every_n)
        })
    }
}

impl Publisher {
    /// Rewrites the manifests that are due after a commit to `touched`.
    pub(super) fn after_commit(&self, turn: &Turn<'_>, touched: &[TableId]) {
        let tables = self.checkpointer.due_after(touched);
        // Error ignored: see the module.
        let _ = self.checkpoint(turn, &tables);
        let mut cache = self.log.cache();
        for table in tables {
            if let Some(loaded) = cache.tables.get_mut(&table) {
                loaded.tried = loaded.state.commit;
            }
        }
    }

    /// Rewrites the manifest of every table that this handle changed, if it is behind.
    pub fn close(&self) -> Result<()> {
        let turn = self.turn();
        let behind = self.behind()?;
        // A handle that only read has nothing to make durable.
        self.checkpoint(&turn, &behind)?;
        self.log.cache().ours.clear();
        Ok(())
    }

    /// The tables that this handle changed and whose manifest is behind.
    fn behind(&self) -> Result<Vec<TableId>> {
        let mut cache = self.log.cache();
        let mut behind = Vec::new();
        for table in cache.ours.clone() {
            // A later refresh may have dropped the table from the cache.
            if cache.state(table).is_some() || self.log.load(&mut cache, table)? {
                behind.extend(cache.tables.get(&table).filter(|loaded| loaded.dirty).map(|_| table));
            }
        }
        Ok(behind)
    }

    /// Rewrites the manifests of `tables` from the cached state.
    pub(super) fn checkpoint(&self, turn: &Turn<'_>, tables: &[TableId]) -> Result<()> {
        if tables.is_empty() {
            return Ok(());
        }
        let left = self.checkpointer.write(tables)?;
        left.into_iter().try_for_each(|table| self.checkpoint_over(turn, table))
    }

    /// Rewrites a manifest that was not written, unless it is current. Starts from the manifest on disk: another writer
    /// may have written it meanwhile, and it may name parts that the log does not.
    fn checkpoint_over(&self, turn: &Turn<'_>, table: TableId) -> Result<()> {
        for attempt in 0..4 {
            backoff::wait(attempt);
            if !self.log.load(&mut self.log.cache(), table)? {
                return Ok(());
            }
            self.adopt_unlogged(turn, &[table])?;
            if self.log.cache().tables.get(&table).is_some_and(|loaded| !loaded.dirty) {
                return Ok(());
            }
            if self.checkpointer.write(&[table])?.is_empty() {
                return Ok(());
            }
        }
        // Other writers keep rewriting it, each time from a newer state than this handle's.
        Ok(())
    }
}

/// Records that `state` was written as its table's manifest, in place of the version `expected`.
fn mark_written(cache: &mut Cache, table: TableId, state: &TableState, expected: &Tag, tag: Tag) {
    // A reader of this handle may have loaded a newer manifest meanwhile.
    if let Some(loaded) = cache.tables.get_mut(&table).filter(|loaded| loaded.manifest == *expected) {
        loaded.manifest = tag;
        loaded.checkpoint = state.commit;
        loaded.dirty = loaded.state.commit != state.commit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `commits` commits of one part each and returns how many parts were written into checkpoints.
    fn parts_rewritten(commits: u64) -> u64 {
        let (mut checkpoint, mut written) = (0, 0);
        for head in 1..=commits {
            if is_due(head, checkpoint, head, None) {
                checkpoint = head;
                written += head;
            }
        }
        written
    }

    #[test]
    fn the_cost_per_commit_stays_constant() {
        for commits in [100, 1_000, 10_000, 100_000] {
            let per_commit = parts_rewritten(commits) as f64 / commits as f64;
            assert!(per_commit < 20.0, "{per_commit} parts rewritten per commit over {commits}");
        }
    }

    #[test]
    fn a_short_run_has_a_current_manifest_after_its_first_commit() {
        for head in 2..=16 {
            assert!(is_due(head, head - 1, head, None));
        }
        assert!(!is_due(1, 0, 1, None) && is_due(1, 0, 1, Some(1)));
        assert!(!is_due(1000, 999, 1000, None));
    }

    #[test]
    fn an_explicit_n_is_taken_at_its_word() {
        assert!(is_due(100_000, 99_999, 100_000, Some(1)));
        assert!(!is_due(6, 1, 1, Some(6)));
        assert!(is_due(7, 1, 1, Some(6)));
    }

    #[test]
    fn a_table_that_stands_still_is_checkpointed_ever_more_rarely() {
        assert!(is_due(1_100, 1_000, 1, None));
        assert!(!is_due(1_050, 1_000, 1, None));
    }
}
