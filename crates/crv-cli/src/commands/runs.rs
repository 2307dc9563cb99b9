//! `crv runs`: lists the runs under the root.

use clap::Args;
use crv_io::TableId;
use crv_io::catalog::{RunSummary, summarize_runs};
use crv_io::run::{RunFacts, RunInfo, RunState, Seed};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// List the runs under the root: how each is doing, its ticks, rows and size
///
/// A run that was killed is stale. Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Also show the number of tables, the sweep, the seed and the tags
    #[arg(short, long)]
    long: bool,
}

/// A run as JSON; a run that cannot be read has only its name and why.
#[derive(Default, Serialize)]
struct Entry<'a> {
    run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    state: Option<RunState>,
    tables: Vec<TableId>,
    rows: u64,
    bytes: u64,
    tick_min: Option<i64>,
    tick_max: Option<i64>,
    commit: u64,
    created_at: Option<&'a str>,
    age_seconds: Option<f64>,
    sweep: Option<&'a str>,
    seed: Option<&'a Seed>,
    tags: &'a [String],
    params: Option<&'a Map<String, Value>>,
}

/// A damaged run does not hide the others: its row says `damaged`, and the last such error is returned.
pub(crate) fn run(context: &Context, arguments: &Runs) -> Result<(), CliError> {
    let runs = summarize_runs(&context.settings)?;
    if runs.is_empty() {
        context.note(format_args!("no runs under `{}`", context.settings.root_dir()));
    }
    if context.json {
        output::print_json(&runs.iter().map(entry).collect::<Vec<_>>())?;
    } else if !runs.is_empty() {
        output::print_table(&text(&runs, arguments.long))?;
    }
    for info in runs.iter().filter_map(|run| run.info.as_ref().ok()) {
        info.problems.iter().for_each(output::warn);
    }
    let mut failure = None;
    for error in runs.into_iter().filter_map(|run| run.info.err()) {
        if let Some(earlier) = failure.replace(CliError::from(error)) {
            output::warn(earlier);
        }
    }
    failure.map_or(Ok(()), Err)
}

fn entry(run: &RunSummary) -> Entry<'_> {
    let run_id = run.run_id.as_str();
    let info = match &run.info {
        Ok(info) => info,
        Err(error) => return Entry { run_id, error: Some(error.to_string()), ..Entry::default() },
    };
    let facts = info.facts.as_ref();
    Entry {
        run_id,
        error: None,
        state: info.state,
        tables: info.tables.iter().map(|table| table.table).collect(),
        rows: info.rows,
        bytes: info.bytes,
        tick_min: info.tick_min,
        tick_max: info.tick_max,
        commit: info.commit,
        created_at: info.created_at.as_deref(),
        age_seconds: info.age_seconds,
        sweep: facts.and_then(|facts| facts.sweep.as_deref()),
        seed: facts.and_then(|facts| facts.seed.as_ref()),
        tags: facts.map_or(&[], |facts| &facts.tags),
        params: facts.map(|facts| &facts.params),
    }
}

fn text(runs: &[RunSummary], long: bool) -> TextTable {
    let mut columns = vec![("RUN", Align::Left), ("STATE", Align::Left)];
    columns.extend(["TICKS", "ROWS", "SIZE", "AGE"].map(|name| (name, Align::Right)));
    if long {
        columns.extend([("TABLES", Align::Right), ("SEED", Align::Right)]);
        columns.extend(["SWEEP", "TAGS"].map(|name| (name, Align::Left)));
    }
    let mut table = TextTable::new(columns);
    for run in runs {
        let mut cells = vec![run.run_id.to_string()];
        match &run.info {
            Ok(info) => {
                cells.extend([
                    state(info),
                    output::ticks(info.tick_min.zip(info.tick_max)),
                    output::count(info.rows),
                    output::bytes(info.bytes),
                    output::age(info.age_seconds),
                ]);
                if long {
                    cells.extend(more(info, info.facts.as_ref()));
                }
            }
            Err(_) => cells.push("damaged".to_owned()),
        }
        table.push(cells);
    }
    table
}

/// The state of a run; `-` for one that was not begun by `start_run`.
pub(super) fn state(info: &RunInfo) -> String {
    info.state.map_or_else(|| "-".to_owned(), |state| state.to_string())
}

fn more(info: &RunInfo, facts: Option<&RunFacts>) -> [String; 4] {
    let seed = facts.and_then(|facts| facts.seed.as_ref());
    [
        info.tables.len().to_string(),
        seed.map(ToString::to_string).unwrap_or_default(),
        facts.and_then(|facts| facts.sweep.clone()).unwrap_or_default(),
        facts.map(|facts| facts.tags.join(",")).unwrap_or_default(),
    ]
}
