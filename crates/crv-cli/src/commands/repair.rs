//! `crv repair`: corrects damage that can be corrected without losing rows.

use clap::Args;
use crv_io::RepairReport;

use super::check;
use super::files::RunFiles;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Repair the damage to a run that can be repaired without losing rows
///
/// Replaces damaged manifests with ones made from the log or the parts, and a damaged base with one made from the
/// manifests. Renames a damaged newest commit that cannot have been acknowledged. Keeps every file that it replaces
/// under another name. Run it while no process writes to the run; `crv check` lists what there is to repair.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// The run
    run: String,
}

pub(crate) fn run(context: &Context, arguments: &Repair) -> Result<(), CliError> {
    let Repair { run } = arguments;
    let dataset = context.run_to_mend(run)?;
    let report = dataset.repair()?;
    let files = RunFiles::of(context, &dataset);
    if context.json {
        output::print_json(&report)?;
    } else {
        if !report.actions.is_empty() {
            output::print_table(&text(&files, &report))?;
        }
        if !report.left.is_empty() {
            output::print_table(&check::text(&files, &report.left))?;
        }
    }
    if !report.left.is_empty() {
        let left = output::counted(report.left.len() as u64, "problem");
        let message =
            format!("run `{run}` is still damaged: {left} that cannot be repaired without losing rows");
        return Err(CliError::damaged(message, "each problem says what to do about it"));
    }
    let done = report.actions.len() as u64;
    context.note(match done {
        0 => format!("run `{run}` needs no repair"),
        _ => format!("repaired run `{run}`: {}", output::counted(done, "change")),
    });
    Ok(())
}

fn text(files: &RunFiles, report: &RepairReport) -> TextTable {
    let left = ["DONE", "FILE", "KEPT AS", "WHY"].map(|name| (name, Align::Left));
    let mut table = TextTable::new(left);
    for action in &report.actions {
        table.push([
            action.kind.to_string(),
            files.short(&action.path),
            action.kept.as_deref().map(|kept| files.short(kept)).unwrap_or_default(),
            action.message.clone(),
        ]);
    }
    table
}
