//! `crv demo`: records the built-in simulation as a new run, one commit per tick, and shows the run.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_array::{Array as _, RecordBatch};
use clap::{Args, value_parser};
use crv_core::ids::make_run_id;
use crv_demo::Simulation;
use crv_io::paths::RunPaths;
use crv_io::{AppendOptions, Dataset, IoSettings, TableName};
use serde::Serialize;

use super::facts::{TableFacts, Totals};
use super::tables;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// The number of lines in the lists of agents and topics.
const TOP: usize = 5;

/// Record a small built-in simulation as a new run, and show its tables
///
/// Creates the run and writes one commit per tick, each with rows of all eight tables: agents talk, decide and trade. An
/// existing run is refused. The same seed gives the same rows.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The number of ticks
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u64).range(1..=10_000_000))]
    ticks: u64,
    /// The number of agents
    #[arg(long, default_value_t = 12, value_parser = value_parser!(u64).range(2..=10_000))]
    agents: u64,
    /// The seed of the random numbers
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The run, which must be new [default: demo_ and six random digits]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

/// A recorded demo.
#[derive(Serialize)]
struct Report {
    run_id: String,
    /// The directory of the run.
    path: String,
    ticks: u64,
    agents: u64,
    seed: u64,
    commits: u64,
    seconds: f64,
    #[serde(flatten)]
    totals: Totals,
    tables: Vec<TableFacts>,
    /// The agents with the most valuable holdings at the last tick.
    richest_agents: Vec<(String, f64)>,
    /// The number of messages about each topic.
    message_topics: Vec<(String, f64)>,
}

pub(crate) fn run(context: &Context, arguments: &Demo) -> Result<(), CliError> {
    let run = match &arguments.run {
        Some(run) => run.clone(),
        None => make_run_id("demo").map_err(|error| CliError::Output(error.to_string()))?.to_string(),
    };
    let dataset = context.open(&run)?;
    if !dataset.tables()?.is_empty() {
        let message = format!("run `{run}` exists already, and a demo begins at tick 0");
        return Err(CliError::usage(message, "name another --run, or none"));
    }
    let began = Instant::now();
    let commits = record(context, &dataset, arguments)?;
    dataset.close()?;
    let seconds = began.elapsed().as_secs_f64();

    let mut totals = Totals::default();
    let mut facts = Vec::new();
    for table in dataset.tables()? {
        let table = TableFacts::from(&dataset.manifest(table)?);
        totals.add(&table);
        facts.push(table);
    }
    let report = Report {
        path: context.settings.locate(RunPaths::new(dataset.run_id().clone()).root()),
        run_id: run,
        ticks: arguments.ticks,
        agents: arguments.agents,
        seed: arguments.seed,
        commits,
        seconds,
        richest_agents: richest_agents(&dataset, totals.tick_max.unwrap_or_default())?,
        message_topics: message_topics(&dataset)?,
        totals,
        tables: facts,
    };
    if context.json { output::print_json(&report) } else { tell(context, &report) }
}

/// Records each tick as one transaction over all tables, and returns the number of commits.
fn record(context: &Context, dataset: &Dataset, arguments: &Demo) -> Result<u64, CliError> {
    let bar = output::progress(context, "recording", arguments.ticks, "ticks");
    let mut simulation = Simulation::new(arguments.seed, arguments.agents as usize);
    let mut commits = 0;
    for _ in 0..arguments.ticks {
        let tables = simulation.step().map_err(crv_io::Error::from)?;
        let mut transaction = dataset.transaction();
        for (table, frame) in tables {
            transaction.append(table, frame, AppendOptions::default())?;
        }
        commits += u64::from(transaction.commit()?.commit.is_some());
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(commits)
}

fn richest_agents(dataset: &Dataset, tick: i64) -> Result<Vec<(String, f64)>, CliError> {
    let scan = dataset.scan(TableName::HoldingsValuation)?.ticks(tick..=tick);
    top(scan.columns(&["agent_id", "mark_value"])?.batches(), |batch, row| {
        let values = batch.column(1).as_primitive_opt::<Float64Type>();
        values.filter(|values| values.is_valid(row)).map_or(0.0, |values| values.value(row))
    })
}

fn message_topics(dataset: &Dataset) -> Result<Vec<(String, f64)>, CliError> {
    top(dataset.scan(TableName::Messages)?.columns(&["topic_label"])?.batches(), |_, _| 1.0)
}

/// Sums an amount for each text in the first column, and returns the largest sums.
fn top(
    batches: impl Iterator<Item = crv_io::Result<RecordBatch>>,
    amount: impl Fn(&RecordBatch, usize) -> f64,
) -> Result<Vec<(String, f64)>, CliError> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for batch in batches {
        let batch = batch?;
        let Some(names) = batch.column(0).as_string_opt::<i32>() else { continue };
        for row in (0..names.len()).filter(|row| names.is_valid(*row)) {
            *sums.entry(names.value(row).to_owned()).or_default() += amount(&batch, row);
        }
    }
    let mut sums: Vec<(String, f64)> = sums.into_iter().collect();
    sums.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    sums.truncate(TOP);
    Ok(sums)
}

fn tell(context: &Context, report: &Report) -> Result<(), CliError> {
    output::print_table(&tables::text(&report.tables))?;
    let rate = report.ticks as f64 / report.seconds.max(1e-9);
    output::print(&format!(
        "\n{} in {} on disk: {} of {}, each tick one commit, {:.1} s, {rate:.0} ticks/s\n\n",
        output::counted(report.totals.rows, "row"),
        output::bytes(report.totals.bytes),
        output::counted(report.ticks, "tick"),
        output::counted(report.agents, "agent"),
        report.seconds,
    ))?;
    let coins = |amount: f64| format!("{amount:.2}");
    output::print_table(&list(["RICHEST AGENTS", "HOLDINGS WORTH"], &report.richest_agents, coins))?;
    output::print("\n")?;
    let count = |amount: f64| output::count(amount as u64);
    output::print_table(&list(["MESSAGES ABOUT", "COUNT"], &report.message_topics, count))?;
    context.note(next(context, report));
    Ok(())
}

fn list([name, amount]: [&str; 2], lines: &[(String, f64)], format: impl Fn(f64) -> String) -> TextTable {
    let mut table = TextTable::new([(name, Align::Left), (amount, Align::Right)]);
    for (name, amount) in lines {
        table.push([name.clone(), format(*amount)]);
    }
    table
}

/// The place of the run, and commands to type next.
fn next(context: &Context, report: &Report) -> String {
    let root = match context.settings.root_dir() {
        root if root == IoSettings::default().root_dir() => String::new(),
        root => format!(" --root {}", quoted(root)),
    };
    let run = &report.run_id;
    format!(
        "\nThe run is in {}. To read it:\n  \
         crv show {run} exchange{root}\n  \
         crv scan {run} messages --ticks 0..3{root}\n  \
         crv scan {run} holdings_valuation -o valuation.csv{root}",
        report.path
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-:".contains(char);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
