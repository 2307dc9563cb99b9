//! [`Run`]: a dataset with a life cycle.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crv_core::tables::TableId;

use super::reporter::Reporter;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::maintenance::CompactOptions;
use crate::maintenance::compact::together;
use crate::maintenance::vacuum::vacuum_merged;
use crate::run::facts::{RunError, RunState, RunStatus, clip};

/// A run under way: a [`Dataset`] whose status is kept up to date.
///
/// Dropped without [`finish`](Self::finish), the run is aborted. The process that is killed leaves a run that readers
/// take for [stale](RunState::Stale).
#[derive(Debug)]
pub struct Run {
    dataset: Dataset,
    reporter: Arc<Reporter>,
    process: u32,
    keep_merged: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Succeeded,
    /// With an error.
    Failed(RunError),
    /// It was given up.
    Aborted,
}

impl Run {
    pub(super) fn new(dataset: Dataset, reporter: Arc<Reporter>, keep_merged: Duration) -> Self {
        dataset.publisher().watch(Arc::clone(&reporter) as _);
        if keep_merged < Duration::MAX {
            dataset.background().after_merges(keep_merged, move |publisher| {
                // Error ignored: the files stay for the next one.
                let _ = vacuum_merged(publisher, keep_merged);
            });
        }
        Self { dataset, reporter, process: std::process::id(), keep_merged }
    }

    /// The handle on the run. Clones of it outlive the run's end, and can still be used then.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Ends the run: closes the dataset, then writes the status durably. A run ends once; later calls do nothing.
    ///
    /// If sealed buckets are merged, and the run was not given up, the parts of the others are merged as well, and parts
    /// that were merged long enough ago are removed. The status is also written if any of it fails, as no row is lost by
    /// that; the error is returned then.
    pub fn finish(&self, outcome: Outcome) -> Result<RunStatus> {
        if !self.reporter.is_running() {
            return self.reporter.end(|_| ());
        }
        let merged = if outcome == Outcome::Aborted { Ok(()) } else { self.merge() };
        let closed = self.dataset.close();
        let status = self.report(outcome)?;
        let errors = [merged, closed].into_iter().filter_map(Result::err);
        together("errors at the end of the run", errors.collect()).map_or(Ok(status), Err)
    }

    /// Merges what the background has left, and removes what was merged long enough ago.
    fn merge(&self) -> Result<()> {
        if !self.dataset.settings().compact_sealed_buckets() {
            return Ok(());
        }
        // The background first: else both merge the same parts. Its errors are those of `close`.
        let background = self.dataset.background().finish();
        let merged = self.dataset.tables().and_then(|tables| {
            // Checkpoints are taken out one by one, and stay apart.
            tables
                .into_iter()
                .filter(|table| *table != TableId::MODEL_STATE)
                .try_for_each(|table| self.dataset.compact(table, CompactOptions::default()).map(drop))
        });
        if self.keep_merged < Duration::MAX {
            // Error ignored: the files stay for the next one.
            let _ = vacuum_merged(self.dataset.publisher(), self.keep_merged);
        }
        background.and(merged)
    }

    fn report(&self, outcome: Outcome) -> Result<RunStatus> {
        let (state, error) = match outcome {
            Outcome::Succeeded => (RunState::Succeeded, None),
            Outcome::Failed(error) => (RunState::Failed, Some(error)),
            Outcome::Aborted => (RunState::Aborted, None),
        };
        let clipped = |error: RunError| RunError {
            kind: clip(&error.kind),
            message: clip(&error.message),
            traceback: error.traceback.as_deref().map(clip),
        };
        // Error ignored: the last tick that was appended stays.
        let last_tick = self.dataset.last_tick();
        let ended = self.reporter.end(|status| {
            status.state = state;
            status.last_tick = last_tick.unwrap_or(status.last_tick);
            status.error = error.map(clipped);
        });
        ended.map_err(|error| error.in_context(format_args!("run `{}`", self.dataset.run_id())))
    }
}

impl Deref for Run {
    type Target = Dataset;

    fn deref(&self) -> &Dataset {
        &self.dataset
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // In a forked process the run belongs to the parent.
        if std::process::id() == self.process {
            // Error ignored: without a status the run reads as stale once this process is gone.
            let _ = self.report(Outcome::Aborted);
        }
    }
}
