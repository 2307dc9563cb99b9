//! `crv append`: appends rows from files to a table, all files as one commit.

use std::path::{Path, PathBuf};

use clap::Args;
use crv_formats::{Format, Frames, read_file, read_stream};
use crv_io::{AppendOptions, Dataset, Descriptor, ErrorKind, TableId, TransactionSummary};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output;

/// The file name that stands for standard input.
const STDIN: &str = "-";

/// Append rows from files to a table of a run
///
/// Writes new parts and one commit: the rows of all files become visible together, or none of them. In CSV, payload
/// columns are JSON text and an empty cell is a null. NDJSON has one object on each line.
#[derive(Debug, Args)]
pub(crate) struct Append {
    /// The run; it is created by the first append
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
    /// Parquet, CSV, NDJSON or Arrow IPC files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format of the files; required for standard input [default: by the name of each file]
    #[arg(long, value_parser = args::format())]
    format: Option<Format>,
    /// Declare those columns of the files that the table lacks, and the table itself if it is new
    #[arg(long)]
    declare: bool,
    /// Also check values: kinds, combinations of columns, flags
    #[arg(long)]
    validate_rows: bool,
}

pub(crate) fn run(context: &Context, arguments: &Append) -> Result<(), CliError> {
    let Append { run, table, files, .. } = arguments;
    if files.iter().filter(|file| is_stdin(file)).count() > 1 {
        return Err(CliError::usage("standard input is named twice", "it can be read once: name `-` once"));
    }
    let dataset = context.open_or_new(run)?;
    let options = AppendOptions { validate_rows: arguments.validate_rows, ..AppendOptions::default() };
    let descriptor = descriptor(&dataset, arguments)?;
    let mut transaction = dataset.transaction();
    for file in files {
        let frames = frames(file, arguments, &descriptor)?;
        for frame in frames {
            let frame = frame?;
            if arguments.declare {
                dataset
                    .declare_missing(*table, frame.schema())
                    .map_err(|error| CliError::with_context(error, name(file)))?;
            }
            transaction
                .append(*table, frame, options)
                .map_err(|error| CliError::with_context(error, name(file)))?;
        }
    }
    let summary = transaction.commit()?;
    dataset.close()?;
    tell(context, arguments, &summary);
    if context.json { output::print_json(&summary) } else { Ok(()) }
}

/// The columns of the table; of one that is about to be declared, none but those of every table.
fn descriptor(dataset: &Dataset, arguments: &Append) -> Result<Descriptor, CliError> {
    match dataset.descriptor(arguments.table) {
        Err(error) if arguments.declare && error.kind() == ErrorKind::NotFound => {
            Ok(Descriptor::bare(arguments.table))
        }
        other => Ok(other?),
    }
}

fn frames(file: &Path, arguments: &Append, table: &Descriptor) -> Result<Frames, CliError> {
    if !is_stdin(file) {
        let format = arguments.format.map_or_else(|| Format::of_path(file), Ok)?;
        has_types(format, arguments)?;
        return Ok(read_file(file, format, table)?);
    }
    let format = arguments.format.ok_or_else(|| {
        CliError::usage("standard input does not say its format", "name it, for example `--format ndjson`")
    })?;
    has_types(format, arguments)?;
    Ok(read_stream(&name(file), std::io::stdin(), format, table)?)
}

/// Refuses to take the types of columns from a format that has none.
fn has_types(format: Format, arguments: &Append) -> Result<(), CliError> {
    if !arguments.declare || format != Format::Csv {
        return Ok(());
    }
    let hint =
        format!("declare them first: `crv declare {} {} COLUMN=TYPE…`", arguments.run, arguments.table);
    Err(CliError::usage("the columns of a CSV file have no types", hint))
}

fn tell(context: &Context, arguments: &Append, summary: &TransactionSummary) {
    let Append { run, table, .. } = arguments;
    let Some(commit) = summary.commit else {
        context.note("no rows: nothing was written");
        return;
    };
    let rows: u64 = summary.tables.iter().map(|table| table.rows).sum();
    let parts = || summary.tables.iter().flat_map(|table| &table.parts);
    let bytes: u64 = parts().map(|part| part.bytes).sum();
    let mut buckets: Vec<u64> = parts().map(|part| part.bucket_id).collect();
    buckets.sort_unstable();
    buckets.dedup();
    context.note(format_args!(
        "appended {} to `{table}` of run `{run}` as commit {commit}: {} in {}, {}",
        output::counted(rows, "row"),
        output::counted(parts().count() as u64, "part"),
        output::counted(buckets.len() as u64, "bucket"),
        output::bytes(bytes),
    ));
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == STDIN
}

fn name(file: &Path) -> String {
    if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() }
}
