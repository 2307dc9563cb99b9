//! [`Dataset::info`]: a run at a glance.

use std::sync::Arc;

use crv_core::ids::RunId;
use crv_core::tables::TableId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::run::facts::{RunFacts, RunState, RunStatus, is_gone};
use crate::stamp;

/// A run at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunInfo {
    /// The run.
    pub run_id: RunId,
    /// How it is doing; `None` if it was not begun by [`start_run`](crate::run::start_run), or its status is damaged.
    pub state: Option<RunState>,
    /// When it began: as its facts say, or else the earliest time of its tables.
    pub created_at: Option<String>,
    /// Seconds since then.
    pub age_seconds: Option<f64>,
    /// The newest commit; 0 before the first.
    pub commit: u64,
    /// The first tick.
    pub tick_min: Option<i64>,
    /// The last tick.
    pub tick_max: Option<i64>,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of their live parts.
    pub bytes: u64,
    /// The tables that were written, in the order of the registry.
    pub tables: Vec<TableInfo>,
    /// What the run is.
    pub facts: Option<RunFacts>,
    /// What its process reported last.
    pub status: Option<RunStatus>,
    /// Why the facts or the status cannot be read. No row is affected.
    pub problems: Vec<String>,
}

/// The totals of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// The table.
    pub table: TableId,
    /// Rows of all parts.
    pub rows: u64,
    /// Bytes of all parts.
    pub bytes: u64,
    /// Parts.
    pub parts: u64,
    /// The first tick.
    pub tick_min: Option<i64>,
    /// The last tick.
    pub tick_max: Option<i64>,
}

impl From<&TableState> for TableInfo {
    fn from(state: &TableState) -> Self {
        let ticks = state.ticks();
        Self {
            table: state.table,
            rows: state.rows(),
            bytes: state.bytes(),
            parts: state.part_count(),
            tick_min: ticks.map(|ticks| ticks.min),
            tick_max: ticks.map(|ticks| ticks.max),
        }
    }
}

impl Dataset {
    /// This run at a glance: its facts, its status and the totals of its tables, from manifests and the log. No part is
    /// opened.
    ///
    /// Facts and a status that cannot be read are in [`problems`](RunInfo::problems). An error of kind
    /// [`NotFound`](ErrorKind::NotFound) if there is no such run. The bucket size of the settings makes no difference.
    pub fn info(&self) -> Result<RunInfo> {
        let info = self.info_in_size();
        let Some(size) = info.as_ref().err().and_then(Error::tick_bucket_size) else { return info };
        let settings = self.settings().clone().with_tick_bucket_size(size)?;
        let store = Arc::clone(self.storage().0);
        Self::with_store(settings, self.run_id().as_str(), store)?.info_in_size()
    }

    fn info_in_size(&self) -> Result<RunInfo> {
        self.check_exists()?;
        let mut problems = Vec::new();
        let facts = noted(self.facts(), &mut problems)?;
        let damaged = problems.len();
        let status = noted(self.status(), &mut problems)?;
        let is_unknown = problems.len() > damaged;
        let index = self.log().table_index()?;
        let tables: Vec<TableInfo> = index.iter().map(|state| TableInfo::from(&**state)).collect();
        let began = facts.as_ref().and_then(|facts| stamp::parse(&facts.created_at));
        let began = began.or_else(|| index.iter().map(|state| state.created_at).min());
        Ok(RunInfo {
            run_id: self.run_id().clone(),
            state: if is_unknown { None } else { state(facts.as_ref(), status.as_ref()) },
            created_at: began.map(stamp::text),
            age_seconds: began.map(seconds_since),
            commit: self.log().head()?.get(),
            tick_min: tables.iter().filter_map(|table| table.tick_min).min(),
            tick_max: tables.iter().filter_map(|table| table.tick_max).max(),
            rows: tables.iter().map(|table| table.rows).fold(0, u64::saturating_add),
            bytes: tables.iter().map(|table| table.bytes).fold(0, u64::saturating_add),
            tables,
            facts,
            status,
            problems,
        })
    }
}

/// Notes damage, which must not hide the rest. Other errors are returned.
fn noted<T>(read: Result<Option<T>>, problems: &mut Vec<String>) -> Result<Option<T>> {
    match read {
        Err(error) if error.kind() == ErrorKind::Manifest => {
            problems.push(told(&error));
            Ok(None)
        }
        other => other,
    }
}

/// An error with its hint, in one line.
pub(crate) fn told(error: &Error) -> String {
    error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
}

/// The state of a run. Without a status, the process that wrote the facts tells: the run began, and no more is known.
fn state(facts: Option<&RunFacts>, status: Option<&RunStatus>) -> Option<RunState> {
    if let Some(status) = status {
        return Some(status.state);
    }
    let facts = facts?;
    let gone = is_gone(&facts.process(), &facts.created_at, stamp::now());
    Some(if gone { RunState::Stale } else { RunState::Running })
}

/// Seconds since `time`; 0 if it is ahead of this machine's clock.
fn seconds_since(time: Timestamp) -> f64 {
    stamp::now().duration_since(time).as_secs_f64().max(0.0)
}
