//! [`Reporter`]: writes the status of a run: when it starts, with its commits, and when it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::commit::{Commit, CommitWatcher, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::paths::StorePath;
use crate::run::artifacts;
use crate::run::facts::{RunState, RunStatus, decode_status, encode_status};
use crate::stamp;
use crate::store::Store;

/// The least time between two heartbeats of a run. Each is one small write that is not synced.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// Writes the status of one run.
#[derive(Debug)]
pub(super) struct Reporter {
    store: Arc<dyn Store>,
    path: StorePath,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    status: RunStatus,
    /// When the next heartbeat is due, by [`stamp::monotonic`].
    due: Duration,
}

impl Reporter {
    /// Writes the first status, durably.
    pub(super) fn begin(store: Arc<dyn Store>, path: StorePath, status: RunStatus) -> Result<Self> {
        let reporter =
            Self { store, path, told: Mutex::new(Told { status, due: stamp::monotonic() + HEARTBEAT }) };
        reporter.put(&reporter.told().status)?;
        Ok(reporter)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the run has not ended yet.
    pub(super) fn is_running(&self) -> bool {
        self.told().status.state == RunState::Running
    }

    /// Ends the status: `change` sets what it says. Written durably, unless another process or another handle of this one
    /// has started the run again: then the status is theirs. Only the first end counts.
    pub(super) fn end(&self, change: impl FnOnce(&mut RunStatus)) -> Result<RunStatus> {
        let mut told = self.told();
        if told.status.state != RunState::Running {
            return Ok(told.status.clone());
        }
        let now = stamp::text(stamp::now());
        told.status.updated_at.clone_from(&now);
        told.status.ended_at = Some(now);
        change(&mut told.status);
        let status = told.status.clone();
        if self.is_ours(&status) {
            self.put(&status)?;
        }
        Ok(status)
    }

    fn put(&self, status: &RunStatus) -> Result<()> {
        let bytes = encode_status(status).map_err(|error| {
            Error::new(ErrorKind::Write, format!("could not serialize the status of the run: {error}"))
        })?;
        artifacts::replace(&*self.store, &self.path, &bytes)
    }

    /// Whether the status on disk is the one that this reporter began, or cannot be read.
    fn is_ours(&self, ours: &RunStatus) -> bool {
        let found = self.store.read(&self.path).ok().flatten();
        let found = found.and_then(|(bytes, _)| decode_status(&bytes).ok());
        found.is_none_or(|found| found.started_at == ours.started_at && found.process() == ours.process())
    }
}

impl CommitWatcher for Reporter {
    /// The heartbeat. Between two of them this is a lock without contention, and one reading of a clock.
    fn committed(&self, commit: &Commit) {
        let mut told = self.told();
        told.status.commit = told.status.commit.max(commit.number.get());
        if commit.change.operation == Operation::Append {
            let added = commit.change.tables.values().flat_map(|change| &change.add);
            let last = added.map(|(_, part)| part.ticks.max).max();
            told.status.last_tick = told.status.last_tick.max(last);
        }
        if commit.change.operation == Operation::Truncate {
            // Which tick is the last one now is known with the next append, or at the end.
            told.status.last_tick = None;
        }
        let now = stamp::monotonic();
        if now < told.due || told.status.state != RunState::Running {
            return;
        }
        told.due = now + HEARTBEAT;
        told.status.updated_at = stamp::text(stamp::now());
        if self.is_ours(&told.status)
            && let Ok(bytes) = encode_status(&told.status)
        {
            // Error ignored: it is a report. The next one is written in a while.
            let _ = self.store.put_unsynced(&self.path, &bytes);
        }
    }
}
