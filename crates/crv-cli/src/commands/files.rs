//! The files of a run as a table names them: from the run's directory on.

use crv_io::Dataset;
use crv_io::paths::{self, RunPaths};

use crate::context::Context;

/// The directory of a run, as its files begin.
pub(super) struct RunFiles(String);

impl RunFiles {
    pub(super) fn of(context: &Context, dataset: &Dataset) -> Self {
        let run = RunPaths::new(dataset.run_id().clone());
        Self(format!("{}/", paths::full_path(&context.settings, run.root())))
    }

    /// The path without the run's directory, where it lies there.
    pub(super) fn short(&self, path: &str) -> String {
        path.strip_prefix(&self.0).unwrap_or(path).to_owned()
    }
}
