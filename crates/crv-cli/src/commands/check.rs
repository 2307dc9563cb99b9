//! `crv check`: finds damage in a run.

use clap::Args;
use crv_io::{CheckOptions, CheckReport, Dataset, Problem};

use super::files::RunFiles;
use super::many::{self, Done};
use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Check a run for damage
///
/// Reads the log, the manifests, the footers of the parts and the names of all other files. Changes nothing on disk.
/// Other processes may write to the run meanwhile. The exit code is 5 if a problem is not harmless.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The run, or a pattern such as `w-*`: `*` is every run
    run: String,
    /// Read every byte of every part, and compare checksums
    #[arg(long)]
    deep: bool,
}

pub(crate) fn run(context: &Context, arguments: &Check) -> Result<(), CliError> {
    let Check { run, deep } = arguments;
    if args::is_pattern(run) {
        return many::each(context, run, "checking", |run| {
            let report = context.run_to_mend(run)?.check(CheckOptions { deep: *deep })?;
            let hint = format!("`crv check {run}` lists each problem, and what to do about it");
            if report.ok { Done::new(well(run, &report), &report) } else { Err(damaged(run, &report, hint)) }
        });
    }
    let dataset = context.run_to_mend(run)?;
    let report = look(context, &dataset, CheckOptions { deep: *deep })?;
    if context.json {
        output::print_json(&report)?;
    } else if !report.problems.is_empty() {
        output::print_table(&text(&RunFiles::of(context, &dataset), &report.problems))?;
    }
    if report.ok {
        context.note(well(run, &report));
        return Ok(());
    }
    Err(damaged(run, &report, "each problem says what to do about it"))
}

fn damaged(run: &str, report: &CheckReport, hint: impl Into<String>) -> CliError {
    let found = report.problems.iter().filter(|problem| !problem.harmless).count() as u64;
    let message = format!("run `{run}` is damaged: {}", output::counted(found, "problem"));
    CliError::damaged(message, hint)
}

/// Checks the run; a deep check has a progress bar.
fn look(context: &Context, dataset: &Dataset, options: CheckOptions) -> Result<CheckReport, CliError> {
    if !options.deep {
        return Ok(dataset.check(options)?);
    }
    let bar = output::progress(context, "checking", 0, "parts");
    let report = dataset.check_watched(options, |progress| {
        bar.set_length(progress.of);
        bar.inc(1);
    });
    bar.finish_and_clear();
    Ok(report?)
}

fn well(run: &str, report: &CheckReport) -> String {
    let depth = if report.deep { "every byte of " } else { "" };
    let harmless = match report.problems.len() as u64 {
        0 => String::new(),
        found => format!("; {}", output::counted(found, "harmless finding")),
    };
    format!(
        "run `{run}`: no problems found in {}, {}, {depth}{} with {}{harmless}",
        output::counted(report.tables, "table"),
        output::counted(report.commits, "commit file"),
        output::counted(report.parts, "part"),
        output::counted(report.rows, "row"),
    )
}

/// Formats problems as a table; harmless ones are last, and marked.
pub(super) fn text(files: &RunFiles, problems: &[Problem]) -> TextTable {
    let left = ["PROBLEM", "HARMLESS", "FILE", "DETAIL", "TO DO"].map(|name| (name, Align::Left));
    let mut table = TextTable::new(left);
    for problem in problems {
        table.push([
            problem.kind.to_string(),
            if problem.harmless { "yes" } else { "no" }.to_owned(),
            files.short(&problem.path),
            problem.message.clone(),
            problem.action.clone(),
        ]);
    }
    table
}
