//! Reading the log commit by commit, as it grows, and the states of tables as of an earlier commit.

use std::sync::Arc;

use crv_core::tables::TableId;

use super::backoff;
use super::cache::Cache;
use super::change::Commit;
use super::reader::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, TableState};
use crate::paths::CommitNumber;
use crate::stamp;

const TRIES: u32 = 8;

/// A place in the log: after a commit.
#[derive(Debug, Default)]
pub struct LogCursor {
    at: CommitNumber,
    /// What was seen of the base.
    seen: Cache,
}

impl LogCursor {
    /// The place after commit `number`; 0 is the beginning.
    pub fn after(number: u64) -> Self {
        Self { at: CommitNumber::new(number), seen: Cache::default() }
    }

    /// Goes back to before the commit that was read last.
    pub fn step_back(&mut self) {
        self.at = CommitNumber::new(self.at.get().saturating_sub(1));
    }

    /// The commit that was read last.
    pub fn at(&self) -> CommitNumber {
        self.at
    }
}

impl LogReader {
    /// Reads the commit after the cursor, and moves the cursor past it; `None` if there is none yet. One file is opened, and
    /// the base only if it was replaced since.
    ///
    /// An error if the commit was pruned, or is lost.
    pub fn next_commit(&self, cursor: &mut LogCursor) -> Result<Option<Commit>> {
        let next = cursor.at.next();
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            let read = self.read_commit(next);
            // Guard: the base is read after the commit, which may be a void one.
            self.see_base(&mut cursor.seen)?;
            let through = cursor.seen.base.through;
            if through >= next {
                return Err(self.pruned(next, through));
            }
            if let Some(commit) = read? {
                cursor.at = next;
                return Ok(Some(commit));
            }
            let tag =
                |number| self.store.tag(&self.paths.commit(number)).map_err(|error| self.read_failed(error));
            if tag(next.next())?.is_none() {
                return Ok(None);
            }
            // Both may have been published since the next one was not there, and pruned.
            if tag(next)?.is_none() {
                self.see_base(&mut cursor.seen)?;
                let through = cursor.seen.base.through;
                let is_lost = through < next;
                return Err(if is_lost { self.missing_commit(next) } else { self.pruned(next, through) });
            }
        }
        Ok(None)
    }

    /// Returns an error if commits after the cursor are lost: later ones are known, and the next one is not there.
    pub fn check_rest(&self, cursor: &mut LogCursor) -> Result<()> {
        let (next, head) = (cursor.at.next(), self.head()?);
        if head < next {
            return Ok(());
        }
        if self.next_commit(cursor)?.is_some() {
            cursor.step_back();
            return Ok(());
        }
        Err(self.missing_commit(next))
    }

    /// The state of `table` as of commit `number`. Later commits are not visible in it, nor are parts that no commit names:
    /// those that only the manifest of another implementation names.
    ///
    /// An error of kind [`Argument`](ErrorKind::Argument) if there is no such commit yet, or if commits up to it were
    /// pruned; of kind [`NotFound`](ErrorKind::NotFound) if the table was not written then.
    pub fn state_at(&self, table: TableId, number: u64) -> Result<Arc<TableState>> {
        let wanted = CommitNumber::new(number);
        let head = self.head()?;
        if wanted > head {
            let text = format!("run `{}` has no commit {number}: the newest is {head}", self.paths.run());
            return Err(Error::argument(text));
        }
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            let mut seen = Cache::default();
            self.see_base(&mut seen)?;
            let through = seen.base.through;
            let mut state = self.state_before(table, wanted)?;
            let replayed = self.replay_to(wanted, &mut state, &mut false);
            // Guard: the base is read after the commits.
            self.see_base(&mut seen)?;
            if seen.base.through != through {
                continue;
            }
            replayed?;
            if state.schema.is_none() {
                let text = format!("{} was not written as of commit {number}", self.name(table));
                return Err(Error::argument(text).not_found());
            }
            return Ok(Arc::new(state));
        }
        Err(self.pruned_meanwhile())
    }

    /// The latest state of the table up to `wanted` that is stored: its manifest, the base, or that before the first commit.
    fn state_before(&self, table: TableId, wanted: CommitNumber) -> Result<TableState> {
        let read = self.store.read(&self.paths.manifest(table)).map_err(|error| self.read_failed(error))?;
        let decoded = read.and_then(|(bytes, _)| manifest::decode(table, &bytes).ok());
        let stored = decoded.filter(|decoded| decoded.knows_log && decoded.state.commit <= wanted);
        let (base, _) = self.read_base()?;
        let stored = stored.map(|decoded| decoded.state).filter(|state| state.commit >= base.through);
        if let Some(state) = stored {
            return Ok(state);
        }
        let empty = || TableState::new(table, None, base.through, stamp::now());
        let mut state = base.tables.get(&table).cloned().unwrap_or_else(empty);
        state.commit = base.through;
        if state.commit > wanted {
            return Err(self.pruned(wanted, base.through));
        }
        Ok(state)
    }

    /// The error for a commit that was pruned.
    fn pruned(&self, number: CommitNumber, through: CommitNumber) -> Error {
        let run = self.paths.run();
        let text = format!("run `{run}`: commit {number} was pruned, with all up to {through}");
        Error::new(ErrorKind::Argument, text)
            .with_hint(format!("read the tables as of now, or begin after commit {through}"))
    }
}
