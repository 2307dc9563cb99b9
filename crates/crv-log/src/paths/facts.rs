//! Names of the files of a run that say what it is: its facts and its status.

use super::{RunPaths, StorePath};

/// What a run is and where it comes from, in the run's directory. Never changed.
pub const FACTS_FILE: &str = "run.json";
/// How a run is doing, in the run's directory.
pub const STATUS_FILE: &str = "status.json";

impl RunPaths {
    /// The run's facts.
    pub fn facts(&self) -> StorePath {
        self.root().child(FACTS_FILE)
    }

    /// The run's status.
    pub fn status(&self) -> StorePath {
        self.root().child(STATUS_FILE)
    }
}
