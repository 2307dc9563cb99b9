//! `crv diff`: where two runs part.

use clap::Args;
use crv_io::digest::{Difference, RunDiff, diff};

use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Show where two runs part: the first tick, table, row and columns
///
/// Compares rows, whatever their layout, up to the first difference of each table. Exits with 0 if the runs have the same
/// rows, with 1 if they differ, and with 2 if one of them does not exist. Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first run
    left: String,
    /// The second run
    right: String,
}

pub(crate) fn run(context: &Context, arguments: &Diff) -> Result<(), CliError> {
    let open = |run: &str| {
        context.existing_run(run).map_err(|error| match error {
            // 1 says that the runs differ.
            CliError::Missing { message, hint } => CliError::usage(message, hint),
            other => other,
        })
    };
    let found = diff(&open(&arguments.left)?, &open(&arguments.right)?)?;
    match print(context, arguments, &found) {
        // The reader of a closed pipe has seen enough; the exit code still says what was found.
        Ok(()) | Err(CliError::ClosedPipe) if !found.equal => Err(CliError::Different),
        Err(CliError::Output(why)) => Err(CliError::usage(why, "1 is the exit code of runs that differ")),
        printed => printed,
    }
}

fn print(context: &Context, arguments: &Diff, found: &RunDiff) -> Result<(), CliError> {
    if context.json {
        return output::print_json(found);
    }
    let Some(first) = &found.first else {
        context.note(format_args!("the runs have the same rows"));
        return Ok(());
    };
    output::print(&sentence(first, &arguments.left, &arguments.right))?;
    if !first.columns.is_empty() {
        output::print_table(&columns(first, &arguments.left, &arguments.right))?;
    }
    let others = found.tables.iter().filter_map(|table| table.first.as_ref());
    for other in others.filter(|other| other.table != first.table) {
        output::print(&format!("table {} differs from tick {} on\n", other.table, other.tick))?;
    }
    Ok(())
}

fn sentence(first: &Difference, left: &str, right: &str) -> String {
    let Difference { table, tick, row, left_rows, right_rows, .. } = first;
    let at = format!("the runs part at tick {tick}, table {table}");
    let counts = format!("{left} has {left_rows} rows there, {right} has {right_rows}");
    match (first.columns.is_empty(), left_rows == right_rows) {
        (true, _) => format!("{at}: {counts}; the first {row} are equal\n"),
        (false, true) => format!("{at}, row {row} of that tick:\n"),
        (false, false) => format!("{at}, row {row} of that tick ({counts}):\n"),
    }
}

fn columns(first: &Difference, left: &str, right: &str) -> TextTable {
    let headers = [("COLUMN", Align::Left), (left, Align::Left), (right, Align::Left)];
    let mut table = TextTable::new(headers);
    for column in &first.columns {
        table.push([column.column.clone(), column.left.clone(), column.right.clone()]);
    }
    table
}
