//! `crv truncate`: removes the rows beyond a tick from a run.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Remove the rows beyond a tick from every table of a run
///
/// Writes one commit. To continue a simulation from an earlier tick. The files stay for readers that began before, until
/// `crv vacuum` removes them. Run it while no process appends to the run.
#[derive(Debug, Args)]
pub(crate) struct Truncate {
    /// The run
    run: String,
    /// The last tick to keep; -1 removes every row
    #[arg(long, value_name = "TICK", allow_negative_numbers = true)]
    after: i64,
}

pub(crate) fn run(context: &Context, arguments: &Truncate) -> Result<(), CliError> {
    let Truncate { run, after } = arguments;
    let dataset = context.existing_run(run)?;
    let report = dataset.truncate(*after)?;
    dataset.close()?;
    if context.json {
        return output::print_json(&report);
    }
    match report.commit {
        None => context.note(format_args!("run `{run}` has no rows after tick {after}: nothing was removed")),
        Some(commit) => context.note(format_args!(
            "removed {} after tick {after} from {} of run `{run}` as commit {commit}: {} taken out, {} cut",
            output::counted(report.rows, "row"),
            output::counted(report.tables.len() as u64, "table"),
            output::counted(report.parts_removed, "part"),
            output::counted(report.parts_cut, "part"),
        )),
    }
    Ok(())
}
