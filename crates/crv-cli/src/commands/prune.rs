//! `crv prune`: removes the oldest commit files; the base replaces them.

use std::time::Duration;

use clap::Args;
use crv_io::PruneReport;

use super::age::age;
use super::many::{self, Done};
use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Remove old commit files of a run; the base replaces them
///
/// Writes the state after the removed commits to base.json, brings every manifest.json up to that commit, and deletes
/// the commit files. No rows are lost, and other processes may read and write meanwhile.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// The run, or a pattern such as `w-*`: `*` is every run
    run: String,
    /// Only commits older than this: `90s`, `15m`, `1h`, `7d`; `0s` takes all
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = age)]
    older_than: Duration,
}

pub(crate) fn run(context: &Context, arguments: &Prune) -> Result<(), CliError> {
    let Prune { run, older_than } = arguments;
    if args::is_pattern(run) {
        return many::each(context, run, "pruning", |run| {
            let report = context.existing_run(run)?.prune(*older_than)?;
            Done::new(told(run, &report), &report)
        });
    }
    let report = context.existing_run(run)?.prune(*older_than)?;
    context.note(told(run, &report));
    if context.json { output::print_json(&report) } else { Ok(()) }
}

fn told(run: &str, report: &PruneReport) -> String {
    format!(
        "removed {}, {}, of run `{run}`; {} left",
        output::counted(report.removed, "commit file"),
        output::bytes(report.bytes),
        match report.left {
            0 => "none is".to_owned(),
            1 => "1 is".to_owned(),
            left => format!("{} are", output::count(left)),
        },
    )
}
