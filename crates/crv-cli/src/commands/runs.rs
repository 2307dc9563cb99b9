//! `crv runs`: lists the runs under the root.

use std::io::IsTerminal as _;
use std::time::Duration;

use arrow_array::RecordBatch;
use clap::{Args, value_parser};
use crv_formats::{BatchWriter, Format, text_rows};
use crv_io::TableId;
use crv_io::catalog::{Catalog, RunCondition, RunRow, Selection};
use crv_io::filter::Filter;
use crv_io::run::{RunInfo, Seed};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, Stdout, TextTable};

/// List the runs under the root: how each is doing, its ticks, rows and size
///
/// A run that was killed is stale. Changes no run; what is known of many runs is kept in `runs.index` in the root.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only runs whose ids match: `w-*`
    pattern: Option<String>,
    /// Only runs for which this is true: `density > 0.5 and state = "failed"`
    #[arg(long = "where", value_name = "FILTER", value_parser = args::filter)]
    filter: Option<Filter>,
    /// These columns, in this order: `run_id,density,rows`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Sorted by these columns; `-rows` is descending [default: run_id]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', allow_hyphen_values = true)]
    sort: Vec<String>,
    /// At most so many runs, the first ones
    #[arg(long, value_name = "RUNS")]
    limit: Option<usize>,
    /// Print every column, or those of --columns, as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// List again every SECONDS, until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = value_parser!(u64).range(1..))]
    watch: Option<u64>,
    /// Also show the number of tables, the sweep, the seed and the tags
    #[arg(short, long)]
    long: bool,
}

/// A run as JSON; a run that cannot be read has only its name and why.
#[derive(Default, Serialize)]
struct Entry<'a> {
    run_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    state: Option<RunCondition>,
    tables: Vec<TableId>,
    rows: u64,
    bytes: u64,
    tick_min: Option<i64>,
    tick_max: Option<i64>,
    commit: u64,
    created_at: Option<&'a str>,
    ended_at: Option<&'a str>,
    age_seconds: Option<f64>,
    sweep: Option<&'a str>,
    seed: Option<&'a Seed>,
    tags: &'a [String],
    params: Option<&'a Map<String, Value>>,
}

/// A damaged run does not hide the others: its row says `damaged`, and the last such error is returned.
pub(crate) fn run(context: &Context, arguments: &Runs) -> Result<(), CliError> {
    let Some(seconds) = arguments.watch else { return list(context, arguments) };
    loop {
        // Clears the terminal; in a pipe, the lists come one after the other.
        if std::io::stdout().is_terminal() {
            output::print("\x1b[H\x1b[2J")?;
        }
        match list(context, arguments) {
            // A run may be damaged for a while: the next list says more.
            Ok(()) | Err(CliError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

fn list(context: &Context, arguments: &Runs) -> Result<(), CliError> {
    let mut selection = Selection::all();
    if let Some(pattern) = &arguments.pattern {
        selection = selection.glob(pattern)?;
    }
    if let Some(filter) = &arguments.filter {
        selection = selection.filter(filter.clone());
    }
    let catalog = Catalog::open(context.settings.clone())?;
    let mut runs = catalog.runs(&selection)?;
    if !arguments.sort.is_empty() {
        let by = |name: &'_ String| -> (String, bool) {
            let bare = name.strip_prefix('-');
            (bare.unwrap_or(name).to_owned(), bare.is_some())
        };
        let by: Vec<(String, bool)> = arguments.sort.iter().map(by).collect();
        let by: Vec<(&str, bool)> =
            by.iter().map(|(name, descending)| (name.as_str(), *descending)).collect();
        runs = Catalog::sorted(runs, &by)?;
    }
    runs.truncate(arguments.limit.unwrap_or(usize::MAX));
    if runs.is_empty() {
        let which = if arguments.filter.is_some() { "such runs" } else { "runs" };
        context.note(format_args!("no {which} under `{}`", context.settings.root_dir()));
    }
    show(context, arguments, &runs)?;
    let mut failure = None;
    for run in &runs {
        let Some(problem) = &run.problem else { continue };
        if !run.is_damaged() {
            output::warn(problem);
            continue;
        }
        let error = CliError::damaged(problem, format!("`crv check {}` lists what is damaged", run.run_id));
        if let Some(earlier) = failure.replace(error) {
            output::warn(earlier);
        }
    }
    failure.map_or(Ok(()), Err)
}

fn show(context: &Context, arguments: &Runs, runs: &[RunRow]) -> Result<(), CliError> {
    if arguments.csv || arguments.columns.is_some() {
        let frame = Catalog::frame(runs)?;
        let frame = match &arguments.columns {
            Some(columns) => Catalog::project(&frame, columns)?,
            None => frame,
        };
        return match (arguments.csv, context.json) {
            (true, _) => write(&frame, Format::Csv),
            (_, true) => write(&frame, Format::Ndjson),
            _ => table(&frame),
        };
    }
    if context.json {
        output::print_json(&runs.iter().map(entry).collect::<Vec<_>>())
    } else if runs.is_empty() {
        Ok(())
    } else {
        output::print_table(&text(runs, arguments.long))
    }
}

fn write(frame: &RecordBatch, format: Format) -> Result<(), CliError> {
    let mut writer = BatchWriter::new(Stdout::new(), format, &frame.schema())?;
    writer.write(frame)?;
    writer.finish()?;
    Ok(())
}

fn table(frame: &RecordBatch) -> Result<(), CliError> {
    let header = frame.schema_ref().fields().iter().map(|field| {
        let align = if field.data_type().is_numeric() { Align::Right } else { Align::Left };
        (field.name().clone(), align)
    });
    let mut table = TextTable::new(header.collect::<Vec<_>>());
    text_rows(frame)?.into_iter().for_each(|row| table.push(row));
    output::print_table(&table)
}

fn entry(run: &RunRow) -> Entry<'_> {
    let run_id = run.run_id.as_str();
    if run.is_damaged() {
        return Entry { run_id, error: run.problem.as_deref(), state: run.state, ..Entry::default() };
    }
    Entry {
        run_id,
        error: None,
        state: run.state,
        tables: run.tables.iter().map(|table| table.table).collect(),
        rows: run.rows,
        bytes: run.bytes,
        tick_min: run.tick_min,
        tick_max: run.tick_max,
        commit: run.commit,
        created_at: run.created_at.as_deref(),
        ended_at: run.ended_at.as_deref(),
        age_seconds: run.age_seconds(),
        sweep: run.sweep.as_deref(),
        seed: run.seed.as_ref(),
        tags: &run.tags,
        params: run.has_facts.then_some(&run.params),
    }
}

fn text(runs: &[RunRow], long: bool) -> TextTable {
    let mut columns = vec![("RUN", Align::Left), ("STATE", Align::Left)];
    columns.extend(["TICKS", "ROWS", "SIZE", "AGE"].map(|name| (name, Align::Right)));
    if long {
        columns.extend([("TABLES", Align::Right), ("SEED", Align::Right)]);
        columns.extend(["SWEEP", "TAGS"].map(|name| (name, Align::Left)));
    }
    let mut table = TextTable::new(columns);
    for run in runs {
        let state = run.state.map_or_else(|| "-".to_owned(), |state| state.to_string());
        let mut cells = vec![run.run_id.to_string(), state];
        if !run.is_damaged() {
            cells.extend([
                output::ticks(run.tick_min.zip(run.tick_max)),
                output::count(run.rows),
                output::bytes(run.bytes),
                output::age(run.age_seconds()),
            ]);
            if long {
                cells.extend([
                    run.tables.len().to_string(),
                    run.seed.as_ref().map(ToString::to_string).unwrap_or_default(),
                    run.sweep.clone().unwrap_or_default(),
                    run.tags.join(","),
                ]);
            }
        }
        table.push(cells);
    }
    table
}

/// The state of a run; `-` for one that was not begun by `start_run`.
pub(super) fn state(info: &RunInfo) -> String {
    info.state.map_or_else(|| "-".to_owned(), |state| state.to_string())
}
