//! `crv demo`: a small simulation into a new run, one transaction per tick, and a look at what it left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_array::{Array as _, RecordBatch};
use clap::Args;
use crv_core::ids::make_run_id;
use crv_io::paths::RunPaths;
use crv_io::{AppendOptions, Dataset, Result as StoreResult, TableName};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::facts::{TableFacts, Totals};
use super::tables;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};
use crv_demo::Simulation;

/// Lines in each list of figures.
const TOP: usize = 5;

/// Record a small built-in simulation, and show what it left
///
/// Agents talk, feel, decide and trade; all eight tables are filled, one commit per tick. The same seed gives the
/// same rows.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many ticks to record
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    ticks: u64,
    /// How many agents there are
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    agents: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The run to record, which must be new [default: demo_ and six random digits]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

/// What a demo came to.
#[derive(Serialize)]
struct Report {
    run_id: String,
    /// Where the run lies.
    path: String,
    ticks: u64,
    agents: u64,
    seed: u64,
    commits: u64,
    seconds: f64,
    #[serde(flatten)]
    totals: Totals,
    tables: Vec<TableFacts>,
    /// Agents with the most valuable holdings at the last tick.
    richest_agents: Vec<(String, f64)>,
    /// How many messages each topic had.
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
    let report = look(context, &dataset, arguments, commits, began.elapsed())?;
    if context.json { output::print_json(&report) } else { tell(context, &report) }
}

/// Records the ticks, each as one transaction over all tables; gives the number of commits.
fn record(context: &Context, dataset: &Dataset, arguments: &Demo) -> Result<u64, CliError> {
    let bar = if context.quiet { ProgressBar::hidden() } else { ProgressBar::new(arguments.ticks) };
    if let Ok(style) = ProgressStyle::with_template("recording {wide_bar} {pos}/{len} ticks, {eta} left") {
        bar.set_style(style);
    }
    let mut simulation = Simulation::new(arguments.seed, arguments.agents as usize);
    let mut commits = 0;
    for _ in 0..arguments.ticks {
        let batches =
            simulation.step().map_err(|error| CliError::Output(format!("the simulation: {error}")))?;
        let mut transaction = dataset.transaction();
        for (table, batch) in batches {
            transaction.append(table, batch, AppendOptions::default())?;
        }
        commits += u64::from(transaction.commit()?.commit.is_some());
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(commits)
}

/// Reads back what was recorded.
fn look(
    context: &Context,
    dataset: &Dataset,
    arguments: &Demo,
    commits: u64,
    spent: Duration,
) -> Result<Report, CliError> {
    let mut facts = Vec::new();
    let mut totals = Totals::default();
    for table in dataset.tables()? {
        let table = TableFacts::from(&dataset.manifest(table)?);
        totals.add(&table);
        facts.push(table);
    }
    let last = totals.tick_max.unwrap_or_default();
    let worth = dataset.scan(TableName::HoldingsValuation)?.ticks(last..=last);
    let worth = worth.columns(&["agent_id", "mark_value"])?.batches();
    let spoken = dataset.scan(TableName::Messages)?.columns(&["topic_label"])?.batches();
    Ok(Report {
        run_id: dataset.run_id().to_string(),
        path: context.settings.locate(RunPaths::new(dataset.run_id().clone()).root()),
        ticks: arguments.ticks,
        agents: arguments.agents,
        seed: arguments.seed,
        commits,
        seconds: spent.as_secs_f64(),
        totals,
        tables: facts,
        richest_agents: top(worth, |batch, row| {
            let values = batch.column(1).as_primitive_opt::<Float64Type>();
            values.filter(|values| values.is_valid(row)).map_or(0.0, |values| values.value(row))
        })?,
        message_topics: top(spoken, |_, _| 1.0)?,
    })
}

/// Sums an amount by the text in the first column, and gives the largest sums.
fn top(
    batches: impl Iterator<Item = StoreResult<RecordBatch>>,
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
        "\n{} rows in {} on disk: {} ticks of {} agents, each tick one commit, {:.1} s, {rate:.0} ticks/s\n\n",
        output::count(report.totals.rows),
        output::bytes(report.totals.bytes),
        output::count(report.ticks),
        output::count(report.agents),
        report.seconds,
    ))?;
    let mut rich = TextTable::new([("RICHEST AGENTS", Align::Left), ("HOLDINGS WORTH", Align::Right)]);
    for (agent, value) in &report.richest_agents {
        rich.push([agent.clone(), format!("{value:.2}")]);
    }
    output::print_table(&rich)?;
    output::print("\n")?;
    let mut topics = TextTable::new([("MESSAGES ABOUT", Align::Left), ("COUNT", Align::Right)]);
    for (topic, messages) in &report.message_topics {
        topics.push([topic.clone(), output::count(*messages as u64)]);
    }
    output::print_table(&topics)?;
    context.note(next(context, report));
    Ok(())
}

/// Where the run is, and what to type next.
fn next(context: &Context, report: &Report) -> String {
    let root = match context.settings.root_dir() {
        root if root == crv_io::IoSettings::default().root_dir() => String::new(),
        root => format!(" --root {}", quoted(root)),
    };
    let run = &report.run_id;
    format!(
        "\nThe run is in {}. To look around:\n  \
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
