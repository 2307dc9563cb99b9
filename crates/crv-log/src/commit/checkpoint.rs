//! Checkpoints: when a `manifest.json` is rewritten, and how, without ever replacing a newer one.
//!
//! A checkpoint is maintenance: the commit is durable without it. One that fails is retried after a later commit;
//! [`RunLog::close`] returns the error if it still fails then.

use std::sync::Arc;

use crv_core::grammar::TableName;

use super::backoff;
use super::cache::RunView;
use super::publish::{RunLog, encoding_failed};
use crate::error::Result;
use crate::manifest::{self, TableState};
use crate::parallel;
use crate::store::{PutMode, PutOutcome, Tag};

/// A checkpoint is due when the commits since the last one are a sixteenth of the table's parts or of the
/// run's commits, whichever is more. So the parts written into checkpoints are a constant multiple of the
/// parts committed, however long the run is, and a run of up to 16 commits always has a current manifest.
const FRACTION: u64 = 16;

/// Returns whether a checkpoint is due. Pure.
fn is_due(head: u64, checkpoint: u64, parts: u64, every_n: Option<u64>) -> bool {
    let since = head.saturating_sub(checkpoint);
    match every_n {
        Some(every_n) => since >= every_n,
        None => since > 0 && since.saturating_mul(FRACTION) >= parts.max(head),
    }
}

impl RunLog {
    /// Rewrites the manifests that are due after a commit to `touched`.
    pub(super) fn after_commit(&self, view: &mut RunView, touched: &[TableName]) {
        if !touched.iter().any(|table| self.due(view, *table)) {
            return;
        }
        let mut tables = touched.to_vec();
        if self.write_manifest_every_n.is_none() {
            // Tables that do not change, too: their readers replay every commit after their checkpoint.
            for table in self.table_dirs().unwrap_or_default() {
                if !tables.contains(&table) {
                    if view.state(table).is_none() && self.load(view, table).is_err() {
                        continue;
                    }
                    tables.push(table);
                }
            }
        }
        tables.retain(|table| self.due(view, *table));
        // Error ignored: see the module.
        let _ = self.checkpoint(view, &tables);
        for table in tables {
            if let Some(loaded) = view.tables.get_mut(&table) {
                loaded.tried = loaded.state.commit;
            }
        }
    }

    fn due(&self, view: &RunView, table: TableName) -> bool {
        view.tables.get(&table).is_some_and(|loaded| {
            let parts = loaded.state.part_count();
            // A manifest with unlogged parts is not rewritten until they are adopted.
            loaded.unlogged.is_empty()
                // A failed attempt postpones the next one as well: else each commit would write all parts.
                && is_due(view.head().get(), loaded.checkpoint.max(loaded.tried).get(), parts, self.write_manifest_every_n)
        })
    }

    /// Rewrites the manifest of every table that this handle changed, if it is behind.
    pub fn close(&self) -> Result<()> {
        let mut view = self.view();
        let ours: Vec<TableName> = view.ours.iter().copied().collect();
        let mut behind = Vec::new();
        for table in ours {
            // A later refresh may have dropped the table from the cache.
            if view.state(table).is_some() || self.load(&mut view, table)? {
                behind.extend(view.tables.get(&table).filter(|loaded| loaded.dirty).map(|_| table));
            }
        }
        // A handle that only read has nothing to make durable.
        if !behind.is_empty() {
            self.checkpoint(&mut view, &behind)?;
        }
        view.ours.clear();
        Ok(())
    }

    /// Rewrites the manifests of `tables` from the cached state, in parallel.
    pub(super) fn checkpoint(&self, view: &mut RunView, tables: &[TableName]) -> Result<()> {
        if tables.is_empty() {
            return Ok(());
        }
        // Guard: the commits are durable before a manifest that includes them.
        self.settle_log(view)?;
        let mut jobs = Vec::with_capacity(tables.len());
        for table in tables {
            // A manifest of ours names no part that the log does not (invariant 5).
            if let Some(loaded) = view.tables.get(table).filter(|loaded| loaded.unlogged.is_empty()) {
                jobs.push((*table, Arc::clone(&loaded.state), loaded.manifest.clone()));
            }
        }
        let written = parallel::map(&jobs, parallel::WAITING, |(_, state, expected)| {
            self.put_manifest(state, PutMode::IfMatches(expected))
        })?;
        for ((table, state, _), outcome) in jobs.into_iter().zip(written) {
            match outcome {
                PutOutcome::Stored(tag) => mark_written(view, table, &state, tag),
                PutOutcome::Refused => self.checkpoint_over(view, table)?,
            }
        }
        Ok(())
    }

    /// Rewrites a manifest that another writer wrote meanwhile, unless it is current. Starts from that manifest: it may
    /// name parts that the log does not.
    fn checkpoint_over(&self, view: &mut RunView, table: TableName) -> Result<()> {
        for attempt in 0..4 {
            backoff::wait(attempt);
            if !self.load(view, table)? {
                return Ok(());
            }
            self.adopt_unlogged(view, &[table])?;
            let Some(loaded) = view.tables.get(&table).filter(|loaded| loaded.dirty) else { return Ok(()) };
            let (state, expected) = (Arc::clone(&loaded.state), loaded.manifest.clone());
            if let PutOutcome::Stored(tag) =
                self.write_manifest(view, &state, PutMode::IfMatches(&expected))?
            {
                mark_written(view, table, &state, tag);
                return Ok(());
            }
        }
        // Other writers keep rewriting it, each time from a newer state than this handle's.
        Ok(())
    }

    /// Writes `state` as its table's `manifest.json`, under the condition of `mode`. Guard: the commits that it
    /// includes are durable before it.
    pub(super) fn write_manifest(
        &self,
        view: &mut RunView,
        state: &TableState,
        mode: PutMode<'_>,
    ) -> Result<PutOutcome> {
        self.settle_log(view)?;
        self.put_manifest(state, mode)
    }

    pub(super) fn put_manifest(&self, state: &TableState, mode: PutMode<'_>) -> Result<PutOutcome> {
        let bytes = manifest::encode(state).map_err(|error| encoding_failed(&error))?;
        let path = self.paths.manifest(state.table);
        self.store.put(&path, &bytes, mode).map_err(|error| self.write_failed(error))
    }
}

fn mark_written(view: &mut RunView, table: TableName, state: &TableState, tag: Tag) {
    if let Some(loaded) = view.tables.get_mut(&table) {
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
    fn a_short_run_has_a_current_manifest_always() {
        for head in 1..=16 {
            assert!(is_due(head, head - 1, head, None));
        }
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
