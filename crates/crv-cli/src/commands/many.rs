//! A verb for every run that matches a pattern: some at a time, with one progress bar and one table.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crv_io::catalog::{Catalog, Selection};
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Runs that are worked on at a time: the work waits for the disk more than it computes.
const AT_ONCE: usize = 8;

/// What a verb did to a run.
pub(super) struct Done {
    /// The line that is printed.
    told: String,
    /// What is printed with `--json`.
    report: Value,
}

/// A run in the output with `--json`.
#[derive(Serialize)]
struct Entry<'a> {
    run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Done {
    pub(super) fn new(told: impl Into<String>, report: &impl Serialize) -> Result<Self, CliError> {
        let report = serde_json::to_value(report)
            .map_err(|error| CliError::Output(format!("a report is not JSON: {error}")))?;
        Ok(Self { told: told.into(), report })
    }
}

/// Calls `act` for each run whose id matches, and prints what it did. An error of one run does not stop the others; the one
/// with the highest exit code is returned.
pub(super) fn each(
    context: &Context,
    pattern: &str,
    doing: &str,
    act: impl Fn(&str) -> Result<Done, CliError> + Sync,
) -> Result<(), CliError> {
    let runs = Catalog::open(context.settings.clone())?.ids(&Selection::all().glob(pattern)?)?;
    let bar = output::progress(context, doing, runs.len() as u64, "runs");
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(runs.len())));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(runs.len()) {
            scope.spawn(|| {
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = act(run.as_str());
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((run, outcome));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(run, _)| *run);
    if context.json {
        let entries = done.iter().map(|(run, outcome)| Entry {
            run_id: run.as_str(),
            report: outcome.as_ref().ok().map(|done| &done.report),
            error: outcome.as_ref().err().map(ToString::to_string),
        });
        let entries: Vec<Entry<'_>> = entries.collect();
        output::print_json(&entries)?;
    } else {
        let mut table = TextTable::new([("RUN", Align::Left), ("RESULT", Align::Left)]);
        for (run, outcome) in &done {
            let told = match outcome {
                Ok(done) => done.told.clone(),
                Err(error) => format!("error: {error}"),
            };
            table.push([run.to_string(), told]);
        }
        output::print_table(&table)?;
    }
    let errors = done.into_iter().filter_map(|(_, outcome)| outcome.err());
    errors.max_by_key(CliError::exit_code).map_or(Ok(()), Err)
}
