//! `crv runs`: lists the runs under the root.

use clap::Args;
use crv_io::TableId;
use crv_io::catalog::{RunEntry, list_runs};
use serde::Serialize;

use super::facts::{TableFacts, Totals};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// List the runs under the root
///
/// Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Also show rows, ticks and sizes; this reads every run's manifests
    #[arg(short, long)]
    long: bool,
}

/// A run with its totals; a run whose manifests cannot be read has none.
#[derive(Serialize)]
struct LongEntry<'a> {
    run_id: &'a str,
    tables: &'a [TableId],
    #[serde(flatten)]
    totals: Option<Totals>,
}

pub(crate) fn run(context: &Context, arguments: &Runs) -> Result<(), CliError> {
    let runs = list_runs(&context.settings)?;
    if runs.is_empty() {
        context.note(format_args!("no runs under `{}`", context.settings.root_dir()));
    }
    match (arguments.long, context.json) {
        (false, true) => output::print_json(&runs),
        (false, false) => short(&runs),
        (true, _) => long(context, &runs),
    }
}

fn short(runs: &[RunEntry]) -> Result<(), CliError> {
    if runs.is_empty() {
        return Ok(());
    }
    let mut table = TextTable::new([("RUN", Align::Left), ("TABLES", Align::Right)]);
    for run in runs {
        table.push([run.run_id.to_string(), run.tables.len().to_string()]);
    }
    output::print_table(&table)
}

/// A damaged run does not hide the others: its row says `damaged`, and the last such error is returned.
fn long(context: &Context, runs: &[RunEntry]) -> Result<(), CliError> {
    let mut failure = None;
    let mut entries = Vec::with_capacity(runs.len());
    for run in runs {
        let totals = totals(context, run).map_err(|error| {
            if let Some(earlier) = failure.replace(error) {
                output::warn(earlier);
            }
        });
        entries.push(LongEntry { run_id: run.run_id.as_str(), tables: &run.tables, totals: totals.ok() });
    }
    if context.json {
        output::print_json(&entries)?;
    } else if !entries.is_empty() {
        let columns = [("RUN", Align::Left), ("TABLES", Align::Right), ("ROWS", Align::Right)];
        let more = [("TICKS", Align::Right), ("SIZE", Align::Right)];
        let mut table = TextTable::new(columns.into_iter().chain(more));
        for entry in &entries {
            let numbers = match &entry.totals {
                Some(totals) => {
                    [output::count(totals.rows), output::ticks(totals.ticks()), output::bytes(totals.bytes)]
                }
                None => ["damaged".to_owned(), String::new(), String::new()],
            };
            let names = [entry.run_id.to_owned(), entry.tables.len().to_string()];
            table.push(names.into_iter().chain(numbers));
        }
        output::print_table(&table)?;
    }
    failure.map_or(Ok(()), Err)
}

fn totals(context: &Context, run: &RunEntry) -> Result<Totals, CliError> {
    let dataset = context.open(run.run_id.as_str())?;
    let mut totals = Totals::default();
    for table in &run.tables {
        totals.add(&TableFacts::from(&context.manifest(&dataset, *table)?));
    }
    Ok(totals)
}
