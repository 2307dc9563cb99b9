//! `crv rebuild`: makes a table's manifest from the parts on disk.

use clap::Args;
use crv_io::TableId;
use serde_json::json;

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// Rebuild the manifest of a table from the footers of its parts
///
/// Replaces manifest.json, and publishes a commit where the parts on disk differ from the log. Parts that were never
/// committed are left out; if neither the log nor the old manifest can be read, every part on disk is taken in. Parts
/// are never changed or removed.
#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// The run
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
}

pub(crate) fn run(context: &Context, arguments: &Rebuild) -> Result<(), CliError> {
    let Rebuild { run, table } = arguments;
    let dataset = context.existing_table(run, *table)?;
    let report = dataset.rebuild_manifest(*table)?;
    for path in &report.missing {
        output::warn(format_args!("a committed part is not on disk, its rows are lost: {path}"));
    }
    for path in &report.left_out {
        context.note(format_args!("left out, not part of the table: {path}"));
    }
    context.note(format_args!(
        "rebuilt `{table}` of run `{run}`: {} in {}",
        output::counted(report.rows, "row"),
        output::counted(report.parts, "part"),
    ));
    if !context.json {
        return Ok(());
    }
    output::print_json(&json!({
        "manifest": report.manifest,
        "parts": report.parts,
        "rows": report.rows,
        "left_out": report.left_out,
        "missing": report.missing,
    }))
}
