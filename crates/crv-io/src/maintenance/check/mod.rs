//! Checking a run: the log, the manifests, the parts and every name, without writing anything.
//!
//! A check reads every document ([`history`]), every part ([`parts`]) and every name ([`names`]), and reports problems
//! ([`documents`] has the messages). Other processes may write meanwhile: problems are checked again before they are
//! reported, and those that disappeared were changes, not damage.

mod documents;
pub(crate) mod history;
mod names;
mod parts;
mod report;

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

pub use report::{CheckOptions, CheckProgress, CheckReport, Problem, ProblemKind};

use history::History;
use parts::{Inspector, PartProblem};

use crate::commit::LogReader;
use crate::error::Result;
use crate::manifest::{TableState, check_part};

/// Most reads of the documents while there are problems.
const LOOKS: usize = 3;

/// Checks the run. `progress` is called after every part.
pub(crate) fn check(
    log: &LogReader,
    options: CheckOptions,
    progress: &(dyn Fn(CheckProgress) + Sync),
) -> Result<CheckReport> {
    // A run whose directory cannot be listed is an error, not a problem.
    log.store.list(log.paths.root(), None).map_err(|error| log.read_failed(error))?;
    let (history, documents) = stable(log);
    let states: Vec<&TableState> = history.tables.values().filter_map(|table| table.state.as_ref()).collect();
    let inspector = Inspector {
        log,
        deep: options.deep,
        progress,
        of: states.iter().map(|state| state.part_count()).sum(),
        parts: AtomicU64::new(0),
        bytes: AtomicU64::new(history.bytes),
        merged: Mutex::default(),
    };
    let mut parts: Vec<PartProblem> = states.iter().flat_map(|state| inspector.table(state)).collect();
    let merged = inspector.merged.lock().unwrap_or_else(PoisonError::into_inner).clone();
    parts.extend(states.iter().flat_map(|state| parts::doubled(log, state, &merged)));
    let mut names = names::problems(log, |table, bucket, id| history.may_name(table, bucket, id));
    if !parts.is_empty() || names.iter().any(|name| name.part.is_some()) {
        // They may have been committed or removed since the log was read.
        let now = History::read(log);
        parts.retain(|found| now.may_name(found.table, found.bucket, found.id));
        names.retain(|name| !name.part.is_some_and(|(table, bucket, id)| now.may_name(table, bucket, id)));
    }
    let merged = names::summarize_merged(log, &mut names, &merged);
    let mut problems = documents;
    problems.extend(parts.into_iter().map(|found| found.problem));
    problems.extend(states.iter().filter_map(|state| bucket_size(log, state)));
    problems.extend(merged);
    problems.extend(names.into_iter().map(|found| found.problem));
    problems.sort_by_key(|problem| problem.harmless);
    Ok(CheckReport {
        ok: problems.iter().all(|problem| problem.harmless),
        deep: options.deep,
        tables: states.iter().filter(|state| !state.is_unwritten()).count() as u64,
        commits: history.commits,
        parts: inspector.parts.into_inner(),
        rows: states.iter().map(|state| state.rows()).fold(0, u64::saturating_add),
        bytes: inspector.bytes.into_inner(),
        problems,
    })
}

/// The problems of names in a run's directory that are not of the format, and of directories that cannot be listed.
pub(crate) fn foreign_names(log: &LogReader) -> Vec<Problem> {
    let names = names::problems(log, |_, _, _| true).into_iter().map(|name| name.problem);
    let foreign = [ProblemKind::UnknownName, ProblemKind::Link, ProblemKind::Unreadable];
    names.filter(|problem| foreign.contains(&problem.kind)).collect()
}

/// Reads the log and the manifests. Returns the problems that persist while other processes write.
pub(crate) fn stable(log: &LogReader) -> (History, Vec<Problem>) {
    let mut history = History::read(log);
    let mut problems = documents::problems(log, &history);
    for _ in 1..LOOKS {
        if problems.is_empty() {
            break;
        }
        let again = History::read(log);
        let mut now = documents::problems(log, &again);
        now.retain(|now| problems.iter().any(|before| (before.kind, &before.path) == (now.kind, &now.path)));
        let same = now == problems;
        (history, problems) = (again, now);
        if same {
            break;
        }
    }
    (history, problems)
}

/// The problem of a table that records no bucket size, and whose parts contradict that of the settings.
fn bucket_size(log: &LogReader, state: &TableState) -> Option<Problem> {
    let size = log.tick_bucket_size();
    if state.tick_bucket_size.is_some() {
        return None;
    }
    let why = state.parts().find_map(|(bucket, part)| check_part(bucket, part, Some(size)).err())?;
    Some(Problem::new(
        ProblemKind::BucketSize,
        log.store.locate(&log.paths.manifest(state.table)),
        format!("tick_bucket_size is {size} in the settings, and the table was written with another: {why}"),
        "open the run with the tick_bucket_size it was written with",
    ))
}
