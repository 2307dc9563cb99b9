//! `crv compact`: merges the parts of each bucket.

use clap::{Args, value_parser};
use crv_io::{CompactOptions, CompactReport, Dataset, TableId, TickRange};

use super::many::{self, Done};
use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Merge the parts of each bucket of a table into one
///
/// Writes merged parts, and commits that replace the old parts; rows and their order do not change. The table then
/// reads as if it had been written at once. The replaced parts stay on disk until `crv vacuum` removes them. Other
/// processes may read and write meanwhile.
#[derive(Debug, Args)]
pub(crate) struct Compact {
    /// The run, or a pattern such as `w-*`: of each run that has the table
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
    /// Only buckets with these ticks, both ends included: `3..7`, `3..`, `..7` or `3`
    #[arg(long, value_name = "A..B", value_parser = super::ticks::ticks)]
    ticks: Option<TickRange>,
    /// Stop after merging parts of this many bytes, and leave the rest for another call
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true, value_parser = value_parser!(u64).range(1..))]
    max_bytes: Option<u64>,
}

pub(crate) fn run(context: &Context, arguments: &Compact) -> Result<(), CliError> {
    let Compact { run, table, ticks, max_bytes } = arguments;
    let options = CompactOptions { ticks: ticks.unwrap_or_default(), max_bytes: *max_bytes };
    if args::is_pattern(run) {
        return many::each(context, run, "merging", |run| {
            let (dataset, tables) = context.existing(run)?;
            if !tables.contains(table) {
                return Done::new(format!("run `{run}` has no table `{table}`"), &None::<CompactReport>);
            }
            let report = context.fit(dataset, *table)?.compact(*table, options)?;
            Done::new(told(run, &report), &report)
        });
    }
    let dataset = context.existing_table(run, *table)?;
    let report = merge(context, &dataset, *table, options)?;
    context.note(told(run, &report));
    if report.gave_way > 0 {
        let merges = output::counted(report.gave_way, "merge");
        context.note(format_args!(
            "{merges} dropped after a conflict: another writer replaced the same parts first"
        ));
    }
    if report.left > 0 {
        let merges = output::counted(report.left, "merge");
        context.note(format_args!("{merges} left: run the same command again"));
    }
    if context.json { output::print_json(&report) } else { Ok(()) }
}

/// Merges, with a progress bar.
fn merge(
    context: &Context,
    dataset: &Dataset,
    table: TableId,
    options: CompactOptions,
) -> Result<CompactReport, CliError> {
    let bar = output::progress(context, "merging", 0, "parts");
    let report = dataset.compact_watched(table, options, |progress| {
        bar.set_length(progress.of);
        bar.inc(1);
    });
    bar.finish_and_clear();
    Ok(report?)
}

fn told(run: &str, report: &CompactReport) -> String {
    let table = report.table;
    if report.parts_before == 0 {
        return format!("`{table}` of run `{run}` has no parts to merge");
    }
    format!(
        "merged {} of `{table}` of run `{run}` into {}, {} into {}; `crv vacuum {run}` removes the replaced parts",
        output::counted(report.parts_before, "part"),
        output::count(report.parts_after),
        output::bytes(report.bytes_before),
        output::bytes(report.bytes_after),
    )
}
