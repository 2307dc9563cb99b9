//! [`Follow`]: the rows of a run commit by commit, as they come.

use std::sync::Arc;
use std::time::Duration;

use crv_core::tables::TableId;

use crate::commit::{Commit, LogCursor, Operation, TableChange};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::read::Scan;
use crate::run::RunState;
use crate::stamp;

/// The rows of a commit.
#[derive(Debug, Clone)]
pub struct FollowedCommit {
    /// Its number: [`Dataset::follow`] goes on after it.
    pub number: u64,
    /// The tables that it appended to, in the order of the registry, each with a scan of the rows that it appended.
    pub tables: Vec<(TableId, Scan)>,
}

/// Follows a run: returns its commits in order, whole, each once.
///
/// Commits that change no rows (merges, vacuums, declarations) are passed over.
#[derive(Debug)]
pub struct Follow {
    dataset: Dataset,
    cursor: LogCursor,
    tables: Option<Vec<TableId>>,
}

impl Dataset {
    /// Follows the run from after commit `after`; 0 begins with its first commit. `tables`: only these; a commit with rows
    /// of none of them is passed over.
    pub fn follow(&self, after: u64, tables: Option<Vec<TableId>>) -> Follow {
        Follow { dataset: self.clone(), cursor: LogCursor::after(after), tables }
    }

    /// The rows of a table as of commit `number`, if it is retained: a prune makes earlier commits unreadable, and a vacuum
    /// removes the parts that were merged since. Rows that no commit names, in a manifest of another implementation, are not
    /// among them.
    pub fn scan_at(&self, table: impl Into<TableId>, number: u64) -> Result<Scan> {
        Ok(self.scan_of(self.log().state_at(table.into(), number)?))
    }
}

impl Follow {
    /// The commit that was passed last.
    pub fn commit(&self) -> u64 {
        self.cursor.at().get()
    }

    /// The next commit with rows, if it is there now. A look at the log that finds nothing opens one file, in vain.
    ///
    /// An error of kind [`Argument`](ErrorKind::Argument) if the commit was pruned; of kind
    /// [`Conflict`](ErrorKind::Conflict) if the commit took rows out or replaced them (a truncation, a rebuild, a manifest
    /// that was put in place): rows that were handed out may be gone. The next call goes on after it; after any other error
    /// it tries the same commit again.
    pub fn try_next(&mut self) -> Result<Option<FollowedCommit>> {
        while let Some(commit) = self.dataset.log().next_commit(&mut self.cursor)? {
            match commit.change.operation {
                Operation::Append | Operation::Adopt => {
                    let tables = self.rows(&commit).inspect_err(|_| self.cursor.step_back())?;
                    if !tables.is_empty() {
                        return Ok(Some(FollowedCommit { number: commit.number.get(), tables }));
                    }
                }
                Operation::Compact | Operation::Vacuum | Operation::Declare => {}
                operation @ (Operation::Truncate | Operation::Rebuild | Operation::Manifest) => {
                    if commit.change.tables.keys().any(|table| self.is_wanted(*table)) {
                        return Err(self.rewritten(&commit, operation));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Waits for the next commit with rows, looking for it every `poll`. `None` after `patience`: then ask whether the run
    /// [is over](Self::is_over).
    pub fn next_within(&mut self, poll: Duration, patience: Duration) -> Result<Option<FollowedCommit>> {
        let began = stamp::monotonic();
        loop {
            if let Some(commit) = self.try_next()? {
                return Ok(Some(commit));
            }
            let left = patience.saturating_sub(stamp::monotonic().saturating_sub(began));
            if left.is_zero() {
                return Ok(None);
            }
            stamp::sleep(poll.min(left));
        }
    }

    /// Whether the run has ended (see [`start_run`](crate::run::start_run)), and every commit was passed. A run without a
    /// status never ends. An error if commits are lost.
    pub fn is_over(&mut self) -> Result<bool> {
        if self.dataset.status()?.is_none_or(|status| status.state == RunState::Running) {
            return Ok(false);
        }
        // Its last commits may have come after the last look at the log.
        self.dataset.log().check_rest(&mut self.cursor)?;
        Ok(self.dataset.log().head()? <= self.cursor.at())
    }

    fn is_wanted(&self, table: TableId) -> bool {
        self.tables.as_ref().is_none_or(|tables| tables.contains(&table))
    }

    fn rows(&self, commit: &Commit) -> Result<Vec<(TableId, Scan)>> {
        let changed = commit
            .change
            .tables
            .iter()
            .filter(|(table, change)| self.is_wanted(**table) && !change.add.is_empty());
        let scan = |(table, _): (&TableId, &TableChange)| {
            // With the schema of now, which has every column and field of the commit's.
            let now = self.dataset.log().snapshot(*table)?;
            let mut state = TableState::new(*table, now.tick_bucket_size, commit.number, commit.created_at);
            state.declared.clone_from(&now.declared);
            state.schema.clone_from(&now.schema);
            commit
                .apply(&mut state)
                .map_err(|conflict| Error::new(ErrorKind::Schema, conflict.to_string()))?;
            Ok((*table, self.dataset.scan_of(Arc::new(state))))
        };
        changed.map(scan).collect()
    }

    fn rewritten(&self, commit: &Commit, operation: Operation) -> Error {
        let (run, number) = (self.dataset.run_id(), commit.number);
        let did = match operation {
            Operation::Truncate => "removed rows",
            Operation::Rebuild => "rebuilt a table",
            _ => "replaced the state of a table",
        };
        let text =
            format!("run `{run}`: commit {number} {did}; rows that were handed out before may be gone");
        Error::new(ErrorKind::Conflict, text)
            .with_hint(format!("read the tables as of commit {number}, and follow from there"))
            .with_commit(number.get(), commit.id.clone())
    }
}
