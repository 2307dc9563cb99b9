//! [`RunRow`]: what the catalogue knows of a run.

use std::fmt;

use crv_core::ids::RunId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::run::{RunFacts, RunInfo, RunState, Seed, TableInfo, info};
use crate::stamp;

/// A run as the catalogue lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub run_id: RunId,
    /// How it is doing; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunCondition>,
    /// When it began, ISO-8601 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The seed of its random numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// The sweep that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether it has facts: it was begun by [`start_run`](crate::run::start_run).
    pub has_facts: bool,
    /// The parameters of the model.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// The model's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    /// The commit of its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_commit: Option<String>,
    /// The newest commit; 0 before the first.
    pub commit: u64,
    /// The first tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_min: Option<i64>,
    /// The last tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_max: Option<i64>,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of their live parts.
    pub bytes: u64,
    /// The tables that were written, in the order of the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableInfo>,
    /// Why it, or some of its facts, cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How a run is doing, as far as a reader can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunCondition {
    /// A process works on it.
    Running,
    /// It ended as it should.
    Succeeded,
    /// It ended with an error.
    Failed,
    /// It was given up.
    Aborted,
    /// It says that it is running, and its process is gone or silent for long.
    Stale,
    /// It is damaged.
    Damaged,
    /// Storage refused to read it.
    Unreadable,
    /// It was written by a later version of this crate.
    Newer,
}

impl RunCondition {
    /// The word in tables and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => RunState::Running.as_str(),
            Self::Succeeded => RunState::Succeeded.as_str(),
            Self::Failed => RunState::Failed.as_str(),
            Self::Aborted => RunState::Aborted.as_str(),
            Self::Stale => RunState::Stale.as_str(),
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
            Self::Newer => "newer",
        }
    }

    /// Whether it stays so until the run is changed: that of a running run depends on its process.
    pub(super) const fn is_settled(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Aborted)
    }
}

impl From<RunState> for RunCondition {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Running => Self::Running,
            RunState::Succeeded => Self::Succeeded,
            RunState::Failed => Self::Failed,
            RunState::Aborted => Self::Aborted,
            RunState::Stale => Self::Stale,
        }
    }
}

impl fmt::Display for RunCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl RunRow {
    /// A run that cannot be read.
    pub(super) fn unreadable(run_id: RunId, error: &Error, is_newer: bool) -> Self {
        let state = match error.kind() {
            _ if is_newer => RunCondition::Newer,
            ErrorKind::Read => RunCondition::Unreadable,
            _ => RunCondition::Damaged,
        };
        Self { state: Some(state), problem: Some(info::told(error)), ..Self::empty(run_id) }
    }

    pub(super) fn empty(run_id: RunId) -> Self {
        Self {
            run_id,
            state: None,
            created_at: None,
            ended_at: None,
            seed: None,
            sweep: None,
            tags: Vec::new(),
            has_facts: false,
            params: Map::new(),
            model: None,
            model_version: None,
            model_commit: None,
            commit: 0,
            tick_min: None,
            tick_max: None,
            rows: 0,
            bytes: 0,
            tables: Vec::new(),
            problem: None,
        }
    }

    /// Seconds since it began; 0 if that is ahead of this machine's clock.
    pub fn age_seconds(&self) -> Option<f64> {
        let began = stamp::parse(self.created_at.as_deref()?)?;
        Some(stamp::now().duration_since(began).as_secs_f64().max(0.0))
    }

    /// The same run, with what its facts say.
    pub(super) fn with_facts(mut self, facts: Option<RunFacts>) -> Self {
        if let Some(facts) = facts {
            self.created_at.get_or_insert(facts.created_at);
            self.seed = facts.seed;
            self.sweep = facts.sweep;
            self.tags = facts.tags;
            self.has_facts = true;
            self.params = facts.params;
            self.model = facts.model.name;
            self.model_version = facts.model.version;
            self.model_commit = facts.model.git.sha;
        }
        self
    }

    /// The error for a run that cannot be read.
    pub(crate) fn cannot_be_read(&self) -> Error {
        let why = self.problem.as_deref().unwrap_or("its table cannot be read");
        Error::manifest(format!("run `{}` cannot be read: {why}", self.run_id))
            .with_hint("repair it, or leave such runs out: `on_error=\"skip\"`, or `--skip-damaged`")
    }

    /// Whether it cannot be read.
    pub fn is_damaged(&self) -> bool {
        use RunCondition::{Damaged, Newer, Unreadable};
        matches!(self.state, Some(Damaged | Newer | Unreadable))
    }
}

impl From<RunInfo> for RunRow {
    fn from(info: RunInfo) -> Self {
        let ended_at = info.status.and_then(|status| status.ended_at);
        let row = Self {
            state: info.state.map(RunCondition::from),
            created_at: info.created_at,
            ended_at,
            commit: info.commit,
            tick_min: info.tick_min,
            tick_max: info.tick_max,
            rows: info.rows,
            bytes: info.bytes,
            tables: info.tables,
            problem: (!info.problems.is_empty()).then(|| info.problems.join("; ")),
            ..Self::empty(info.run_id)
        };
        row.with_facts(info.facts)
    }
}

/// An error that makes a run unreadable, not the root.
pub(super) fn is_of_run(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Manifest | ErrorKind::Read | ErrorKind::Schema)
}
