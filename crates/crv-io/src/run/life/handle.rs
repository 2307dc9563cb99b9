//! [`Run`]: a dataset with a life cycle.

use std::ops::Deref;
use std::sync::Arc;

use super::reporter::Reporter;
use crate::dataset::Dataset;
use crate::error::Result;
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
    pub(super) fn new(dataset: Dataset, reporter: Arc<Reporter>) -> Self {
        dataset.publisher().watch(Arc::clone(&reporter) as _);
        Self { dataset, reporter, process: std::process::id() }
    }

    /// The handle on the run. Clones of it outlive the run's end, and can still be used then.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Ends the run: closes the dataset, then writes the status durably. A run ends once; later calls do nothing.
    ///
    /// The status is also written if closing fails, as no row is lost by that; the error is returned then.
    pub fn finish(&self, outcome: Outcome) -> Result<RunStatus> {
        if !self.reporter.is_running() {
            return self.reporter.end(|_| ());
        }
        let closed = self.dataset.close();
        let status = self.report(outcome)?;
        closed.map(|()| status)
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
        let ended = self.reporter.end(|status| {
            status.state = state;
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
