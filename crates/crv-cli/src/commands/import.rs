//! `crv import`: makes runs of the rows of many runs that another program wrote.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use crv_formats::{Format, read_file, read_typed_csv};
use crv_io::import::{ImportOptions, ImportSummary, import_runs};
use crv_io::{Descriptor, TableId};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, TextTable};

/// Lines before the header of a BehaviorSpace table: what was run, when, and how large the world is.
const BEHAVIORSPACE_LINES: usize = 6;
const RUN_NUMBER: &str = "[run number]";
const STEP: &str = "[step]";

/// Make a run of each run in a file that another program wrote
///
/// Either all runs are made, or none. The file is read into memory.
#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    Behaviorspace(BehaviorSpace),
    Frame(Frame),
}

/// Import a table of NetLogo's BehaviorSpace: one run for each run number
///
/// The columns before `[step]` become the parameters of the runs, those after it the table `model`.
#[derive(Debug, Args)]
struct BehaviorSpace {
    /// The CSV file, in BehaviorSpace's table format
    file: PathBuf,
    #[command(flatten)]
    into: Into,
}

/// Import a Parquet, CSV, NDJSON or Arrow IPC file that has the runs in a column
///
/// The columns of a CSV file have the types of their values.
#[derive(Debug, Args)]
struct Frame {
    /// The file
    file: PathBuf,
    /// The column with the run of a row
    #[arg(long, value_name = "COLUMN")]
    run_column: String,
    /// The column with the tick of a row
    #[arg(long, value_name = "COLUMN", default_value = "tick")]
    tick_column: String,
    /// Columns that are parameters of the runs, in place of columns of the table
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    params: Vec<String>,
    /// The format of the file [default: by its name]
    #[arg(long, value_parser = args::format())]
    format: Option<Format>,
    #[command(flatten)]
    into: Into,
}

#[derive(Debug, Args)]
struct Into {
    /// The table
    #[arg(long, value_parser = args::table(), hide_possible_values = true, default_value = "model")]
    table: TableId,
    /// What the ids of the runs begin with [default: the name of the file, and `-`]
    #[arg(long)]
    prefix: Option<String>,
    /// The sweep of the runs [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    sweep: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Import) -> Result<(), CliError> {
    let (rows, options) = match &arguments.from {
        From::Behaviorspace(BehaviorSpace { file, into }) => {
            let rows = read_typed_csv(file, BEHAVIORSPACE_LINES)?;
            let names: Vec<String> =
                rows.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
            let step = names.iter().position(|name| name == STEP);
            let (Some(step), true) = (step, names.iter().any(|name| name == RUN_NUMBER)) else {
                return Err(CliError::usage(
                    format!("{}: line 7 names no columns `{RUN_NUMBER}` and `{STEP}`", file.display()),
                    "export the experiment as a table: the spreadsheet format is another one",
                ));
            };
            let params = names.iter().take(step).filter(|name| *name != RUN_NUMBER).cloned().collect();
            (vec![rows], into.options(file, RUN_NUMBER, STEP, params))
        }
        From::Frame(Frame { file, run_column, tick_column, params, format, into }) => {
            let format = format.map_or_else(|| Format::of_path(file), Ok)?;
            let options = into.options(file, run_column, tick_column, params.clone());
            let rows = if format == Format::Csv {
                vec![read_typed_csv(file, 0)?]
            } else {
                let mut rows = Vec::new();
                for frame in read_file(file, format, &Descriptor::bare(into.table))? {
                    rows.extend_from_slice(frame?.batches());
                }
                rows
            };
            (rows, options)
        }
    };
    let summary = import_runs(&context.settings, &rows, &options)?;
    let counted = output::counted(summary.runs.len() as u64, "run");
    context.note(format_args!(
        "imported {} of `{}` into {counted} of sweep `{}`",
        output::counted(summary.rows, "row"),
        summary.table,
        options.sweep.unwrap_or_default(),
    ));
    if context.json { output::print_json(&summary) } else { output::print_table(&text(&summary)) }
}

impl Into {
    fn options(
        &self,
        file: &Path,
        run_column: &str,
        tick_column: &str,
        params: Vec<String>,
    ) -> ImportOptions {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        ImportOptions {
            run_column: run_column.to_owned(),
            tick_column: tick_column.to_owned(),
            table: self.table,
            params,
            prefix: self.prefix.clone().unwrap_or_else(|| format!("{name}-")),
            sweep: Some(self.sweep.clone().unwrap_or_else(|| name.into_owned())),
            model: None,
        }
    }
}

fn text(summary: &ImportSummary) -> TextTable {
    let mut table = TextTable::new([("RUN", Align::Left), ("ROWS", Align::Right)]);
    for run in &summary.runs {
        table.push([run.run_id.to_string(), output::count(run.rows)]);
    }
    table
}
