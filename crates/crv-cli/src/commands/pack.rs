//! `crv pack`: packs many runs into few files.

use std::path::PathBuf;

use clap::Args;
use crv_io::TableId;
use crv_io::catalog::{Catalog, Selection};
use crv_io::filter::Filter;
use crv_io::pack::{PackOptions, PackSummary};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Pack many runs into few files, for archives, file quotas and sharing
///
/// Makes a directory with one Parquet file for each table, sorted by run and tick, and the facts, the status and the
/// artifacts of each run. A pack is read as any root is: `crv --root s1.crvpack runs`. It is never changed. The runs stay
/// where they are.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// Only runs whose ids match: `w-*`
    pattern: Option<String>,
    /// Only the runs of this sweep
    #[arg(long, value_name = "NAME")]
    sweep: Option<String>,
    /// Only runs for which this is true: `density > 0.5 and state = "succeeded"`
    #[arg(long = "where", value_name = "FILTER", value_parser = args::filter)]
    filter: Option<Filter>,
    /// Only these tables
    #[arg(long, value_name = "TABLE,…", value_delimiter = ',', value_parser = args::table(), hide_possible_values = true)]
    tables: Option<Vec<TableId>>,
    /// Leave out runs that cannot be read
    #[arg(long)]
    skip_damaged: bool,
    /// The pack to make, a name that ends in `.crvpack`
    #[arg(short, long, value_name = "PACK")]
    output: PathBuf,
}

pub(crate) fn run(context: &Context, arguments: &Pack) -> Result<(), CliError> {
    let mut selection = Selection::all();
    if let Some(pattern) = &arguments.pattern {
        selection = selection.glob(pattern)?;
    }
    if let Some(sweep) = &arguments.sweep {
        selection = selection.sweep(sweep)?;
    }
    if let Some(filter) = &arguments.filter {
        selection = selection.filter(filter.clone());
    }
    let mut options = PackOptions::default();
    options.tables.clone_from(&arguments.tables);
    options.skip_damaged = arguments.skip_damaged;
    let bar = output::progress(context, "packing", 0, "runs");
    let packed = Catalog::open(context.settings.clone())?.pack_watched(
        &selection,
        &arguments.output,
        &options,
        |progress| {
            bar.set_length(progress.of as u64);
            bar.set_position(progress.runs as u64);
        },
    );
    bar.finish_and_clear();
    let summary = packed?;
    for (run, why) in &summary.skipped {
        output::warn(format_args!("run `{run}` is left out: {why}"));
    }
    context.note(told(&summary));
    if context.json { output::print_json(&summary) } else { output::print_table(&text(&summary)) }
}

fn told(summary: &PackSummary) -> String {
    let runs = output::counted(summary.runs as u64, "run");
    format!("packed {runs} into `{}`, {}", summary.path, output::bytes(summary.bytes))
}

fn text(summary: &PackSummary) -> TextTable {
    let right = ["RUNS", "ROWS", "SIZE"].map(|name| (name, Align::Right));
    let mut table = TextTable::new([("TABLE", Align::Left)].into_iter().chain(right));
    for packed in &summary.tables {
        table.push([
            packed.table.to_string(),
            output::count(packed.runs as u64),
            output::count(packed.rows),
            output::bytes(packed.bytes),
        ]);
    }
    table
}
