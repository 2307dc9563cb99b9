//! Truncations: rows beyond a tick are removed from every table, as one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;

use super::backoff::{self, TRIES};
use super::change::{Change, Operation, TableChange};
use super::errors::gave_up;
use super::publish::Publisher;
use super::queue::Turn;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::CommitNumber;

/// The states of all tables as of one commit.
type States = (CommitNumber, Vec<Arc<TableState>>);

impl Publisher {
    /// Calls `plan` with the newest states of all tables, and publishes the change that it returns; `None` if that is
    /// nothing. Plans again if only maintenance was published meanwhile, after `undo` has removed the parts that were
    /// staged for the earlier plan.
    ///
    /// An error of kind [`Conflict`](ErrorKind::Conflict) if rows were appended meanwhile: whether they are to go is not
    /// known.
    pub fn truncate(
        &self,
        mut plan: impl FnMut(&[Arc<TableState>]) -> Result<BTreeMap<TableId, TableChange>>,
        mut undo: impl FnMut(),
    ) -> Result<Option<CommitNumber>> {
        let turn = self.turn();
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            let (planned_at, states) = self.states(&turn)?;
            let mut tables = match plan(&states) {
                Ok(tables) => tables,
                Err(error) => {
                    undo();
                    return Err(error);
                }
            };
            tables.retain(|_, change| !change.is_empty());
            if tables.is_empty() {
                return Ok(None);
            }
            let touched: Vec<TableId> = tables.keys().copied().collect();
            let mut overtaken = false;
            let change = Change { operation: Operation::Truncate, tables };
            // Guard: the change is planned again, or refused, if any commit was published since it was planned.
            let published = self.publish(&turn, change, |cache, _| {
                if cache.head() == planned_at {
                    return Ok(());
                }
                overtaken = true;
                self.refuse_appends(planned_at, cache.head())?;
                Err(Error::new(ErrorKind::Conflict, "another commit came first"))
            });
            match published {
                Ok(commit) => {
                    self.after_commit(&turn, &touched);
                    return Ok(Some(commit.number));
                }
                Err(error) if error.kind() == ErrorKind::UnknownOutcome => return Err(error),
                Err(error) => {
                    undo();
                    if !overtaken || self.has_rows_since(planned_at)? {
                        return Err(error);
                    }
                }
            }
        }
        Err(gave_up(&format!("run `{}`", self.log.paths.run()), TRIES))
    }

    /// The newest states of all tables that were written, as of one commit. Parts that only a manifest names are adopted
    /// first.
    fn states(&self, turn: &Turn<'_>) -> Result<States> {
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            let tables = self.log.list_tables()?;
            self.adopt_unlogged(turn, &tables)?;
            let (head, states) = {
                let mut cache = self.log.cache();
                self.log.load_all(&mut cache, &tables)?;
                self.log.refresh(&mut cache)?;
                let states: Vec<_> =
                    tables.iter().filter_map(|table| cache.state(*table).map(Arc::clone)).collect();
                (cache.head(), states)
            };
            // Guard: listed again after the refresh. A commit up to `head` may be the first one to its table. And a
            // refresh drops tables if their commits were pruned meanwhile.
            if states.len() == tables.len() && self.log.list_tables()? == tables {
                return Ok((head, states));
            }
        }
        Err(self.log.pruned_meanwhile())
    }

    /// Returns an error if any commit after `from`, up to `through`, may have added rows.
    fn refuse_appends(&self, from: CommitNumber, through: CommitNumber) -> Result<()> {
        let mut number = from;
        while number < through {
            number = number.next();
            // A commit that is gone was pruned: what it did is not known.
            let commit = self.log.read_commit(number)?;
            let is_maintenance = commit.is_some_and(|commit| {
                let operation = commit.change.operation;
                matches!(operation, Operation::Compact | Operation::Vacuum | Operation::Declare)
            });
            if !is_maintenance {
                let run = self.log.paths.run();
                let text =
                    format!("run `{run}`: commit {number} was published while the run was being truncated");
                return Err(Error::new(ErrorKind::Conflict, text).with_hint(
                    "nothing was removed; stop the process that appends to the run, then truncate it again",
                ));
            }
        }
        Ok(())
    }

    /// Returns whether rows may have been added since `from`.
    fn has_rows_since(&self, from: CommitNumber) -> Result<bool> {
        let head = self.log.cache().head();
        match self.refuse_appends(from, head) {
            Ok(()) => Ok(false),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(true),
            Err(error) => Err(error),
        }
    }
}
