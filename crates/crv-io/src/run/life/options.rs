//! What a caller says about a run when it starts.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::run::facts::Seed;
use crate::run::origin::Versions;

/// Default for [`keep_merged`](RunOptions::keep_merged): an hour.
pub const KEEP_MERGED: Duration = Duration::from_secs(60 * 60);

/// How to start a run, and its facts.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The run; `None` makes an id.
    pub run_id: Option<String>,
    /// The parameters of the model.
    pub params: Map<String, Value>,
    /// The seed of its random numbers.
    pub seed: Option<Seed>,
    /// The sweep that the run is part of.
    pub sweep: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The model.
    pub model: ModelOptions,
    /// Keys of the caller.
    pub extra: Map<String, Value>,
    /// The command line; `None` takes that of this process.
    pub command: Option<Vec<String>>,
    /// The versions of a front end in another language.
    pub versions: Versions,
    /// What to do if the run exists.
    pub if_exists: IfExists,
    /// How long parts that were merged are kept for readers of earlier snapshots. Then this run removes them, or the next
    /// run that is started with the same id. [`Duration::MAX`] keeps them until a vacuum.
    pub keep_merged: Duration,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            run_id: None,
            params: Map::new(),
            seed: None,
            sweep: None,
            tags: Vec::new(),
            model: ModelOptions::default(),
            extra: Map::new(),
            command: None,
            versions: Versions::default(),
            if_exists: IfExists::default(),
            keep_merged: KEEP_MERGED,
        }
    }
}

/// The model of a run.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// A directory of its source, whose Git commit is recorded; `None` takes the current directory.
    pub source: Option<PathBuf>,
}

/// What [`start_run`](super::start_run) does if the run exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IfExists {
    /// Nothing: it is an error that says what to do.
    #[default]
    Error,
    /// Continues the run, alone: an error if its process still runs. A run that does not exist is begun.
    Resume,
    /// Adds to the run, perhaps beside others. A run that does not exist is begun.
    Append,
}

impl IfExists {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Error, Self::Resume, Self::Append];

    /// Its word in other languages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Resume => "resume",
            Self::Append => "append",
        }
    }

    /// Parses its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}
