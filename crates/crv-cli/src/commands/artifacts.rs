//! `crv artifacts`: lists the files beside a run's tables.

use clap::Args;
use crv_io::paths::LabDir;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// List the artifacts of a run
///
/// Artifacts are files beside the run's tables. Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Artifacts {
    /// The run
    run: String,
}

pub(crate) fn run(context: &Context, arguments: &Artifacts) -> Result<(), CliError> {
    let index = context.existing_run(&arguments.run)?.artifacts_index()?;
    if context.json {
        return output::print_json(&index);
    }
    let mut table =
        TextTable::new([("ARTIFACT", Align::Left), ("ROWS", Align::Right), ("SIZE", Align::Right)]);
    let mut artifacts = LabDir::ALL.iter().flat_map(|dir| index.lab.get(*dir)).peekable();
    if artifacts.peek().is_none() {
        context.note(format_args!("no artifacts in run `{}`", arguments.run));
        return Ok(());
    }
    for artifact in artifacts {
        let rows = artifact.rows.map(output::count).unwrap_or_default();
        table.push([artifact.path.clone(), rows, output::bytes(artifact.bytes)]);
    }
    output::print_table(&table)
}
