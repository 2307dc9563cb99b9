//! Paths of files as text tables show them: relative to the run's directory.

use crv_io::Dataset;
use crv_io::paths::RunPaths;

use crate::context::Context;

/// The directory of a run: the prefix of the paths of its files.
pub(super) struct RunFiles(String);

impl RunFiles {
    pub(super) fn of(context: &Context, dataset: &Dataset) -> Self {
        let run = RunPaths::new(dataset.run_id().clone());
        Self(format!("{}/", context.settings.locate(run.root())))
    }

    /// Returns the path relative to the run's directory, or the whole path if it is elsewhere.
    pub(super) fn short(&self, path: &str) -> String {
        path.strip_prefix(&self.0).unwrap_or(path).to_owned()
    }
}
