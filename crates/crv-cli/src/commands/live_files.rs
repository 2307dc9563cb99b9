//! `crv files`: lists the live parts of a table, for tools that read the files.

use clap::Args;
use crv_io::catalog::{Catalog, Selection};
use crv_io::{ScanPart, TableId};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// List the live parts of a table, in the order of its rows
///
/// Changes nothing on disk. Other files in the table's directory are not part of it: merged parts, and parts that were
/// never committed. The list is a snapshot; by default `crv vacuum` keeps its files for a day after they were merged.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The run, or a pattern such as `w-*`: of each run that has the table, run by run
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
}

pub(crate) fn run(context: &Context, arguments: &Files) -> Result<(), CliError> {
    if args::is_pattern(&arguments.run) {
        let catalog = Catalog::open(context.settings.clone())?;
        let scan = catalog.scan(arguments.table, &Selection::all().glob(&arguments.run)?)?.checked()?;
        return show(context, scan.files()?);
    }
    let files = context.existing_table(&arguments.run, arguments.table)?.files(arguments.table)?;
    show(context, files)
}

fn show(context: &Context, files: Vec<ScanPart>) -> Result<(), CliError> {
    if context.json {
        return output::print_json(&files);
    }
    let lines: Vec<String> = files.into_iter().map(|file| file.path + "\n").collect();
    output::print(&lines.concat())
}
