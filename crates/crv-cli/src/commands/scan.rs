//! `crv scan`: prints the rows of a table, or writes them to a file.

use std::io::{IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use arrow_schema::Schema;
use clap::{Args, ValueEnum};
use crv_formats::{BatchWriter, Format, text_rows};
use crv_io::catalog::{Catalog, CatalogScan, Selection};
use crv_io::filter::Filter;
use crv_io::{Dataset, Rereads, ScanBatches, TableId, TickRange};

use crate::args;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{self, Align, OutputFile, Stdout, TextTable};

/// Rows that a text table shows unless `--limit` says otherwise.
const TABLE_ROWS: u64 = 50;

/// Print the rows of a table, or write them to a file
///
/// Changes nothing in the run. With `--output`, the file is created or replaced once all rows are written.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// The run; a pattern such as `w-*` reads many, with the column `run_id`
    run: String,
    /// The table
    #[arg(value_parser = args::table(), hide_possible_values = true)]
    table: TableId,
    /// Only these ticks, both ends included: `3..7`, `3..`, `..7` or `3`
    #[arg(long, value_name = "A..B", value_parser = super::ticks::ticks)]
    ticks: Option<TickRange>,
    /// Only rows for which this is true: `price > 10 and side in ("buy", "sell")`
    #[arg(long = "where", value_name = "FILTER", value_parser = args::filter)]
    filter: Option<Filter>,
    /// Only these columns, in this order; a field in a column is `additional_payload.legs[].price`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Add these parameters of the runs as columns, where the run is a pattern
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    params: Vec<String>,
    /// Only runs for which this is true, where the run is a pattern: `density > 0.5`
    #[arg(long, value_name = "FILTER", value_parser = args::filter)]
    runs_where: Option<Filter>,
    /// Leave out runs that cannot be read, where the run is a pattern
    #[arg(long)]
    skip_damaged: bool,
    /// At most this many rows, the first ones [default: 50 as a text table, else all]
    #[arg(long, value_name = "ROWS", allow_negative_numbers = true)]
    limit: Option<u64>,
    /// The format [default: by the name of the output file, else a text table, or ndjson with --json]
    #[arg(long)]
    format: Option<ScanFormat>,
    /// The file to write; it appears only when it is complete; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The formats that rows are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScanFormat {
    Table,
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

impl ScanFormat {
    /// The file format; `None` for the text table.
    const fn file(self) -> Option<Format> {
        match self {
            Self::Table => None,
            Self::Csv => Some(Format::Csv),
            Self::Ndjson => Some(Format::Ndjson),
            Self::Parquet => Some(Format::Parquet),
            Self::Arrow => Some(Format::Arrow),
        }
    }
}

pub(crate) fn run(context: &Context, arguments: &Scan) -> Result<(), CliError> {
    let output = arguments.output.as_ref().filter(|path| path.as_os_str() != "-");
    let format = match (arguments.format, output) {
        (Some(format), _) => format.file(),
        (None, Some(path)) => Some(Format::of_path(path)?),
        (None, None) => context.json.then_some(Format::Ndjson),
    };
    if output.is_none()
        && matches!(format, Some(Format::Parquet | Format::Arrow))
        && std::io::stdout().is_terminal()
    {
        return Err(CliError::usage(
            "this format is not text, and standard output is a terminal",
            "write to a file with `-o FILE`, or into a pipe",
        ));
    }
    let source = Source::of(context, arguments)?;
    let mut rereads = Rereads::default();
    loop {
        match read(context, arguments, &source, format, output) {
            Err(CliError::Store { error, .. }) if rereads.after(&error) => {}
            Err(error) => return Err(error),
            Ok(None) => return Ok(()),
            Ok(Some((scan, format))) => return stream(scan, format),
        }
    }
}

/// Where rows come from.
enum Source {
    Run(Dataset),
    Runs(Box<(Catalog, Selection)>),
}

/// The rows to print.
enum Rows {
    Run(Box<crv_io::Scan>),
    Runs(Box<CatalogScan>),
}

impl Source {
    fn of(context: &Context, arguments: &Scan) -> Result<Self, CliError> {
        if args::is_pattern(&arguments.run) {
            let mut selection = Selection::all().glob(&arguments.run)?;
            if let Some(filter) = &arguments.runs_where {
                selection = selection.filter(filter.clone());
            }
            return Ok(Self::Runs(Box::new((Catalog::open(context.settings.clone())?, selection))));
        }
        if !arguments.params.is_empty() || arguments.runs_where.is_some() || arguments.skip_damaged {
            return Err(CliError::usage(
                format!("`{}` is one run", arguments.run),
                "--params, --runs-where and --skip-damaged are for a pattern of runs, such as 'w-*'",
            ));
        }
        context.existing_table(&arguments.run, arguments.table).map(Self::Run)
    }

    /// The rows of the newest state.
    fn scan(&self, arguments: &Scan) -> Result<Rows, CliError> {
        let range = arguments.ticks.unwrap_or(TickRange::ALL);
        match self {
            Self::Run(dataset) => {
                let mut scan = dataset.scan(arguments.table)?.ticks(range);
                if let Some(filter) = &arguments.filter {
                    scan = scan.filter(filter.clone())?;
                }
                if let Some(columns) = &arguments.columns {
                    scan = scan.columns(columns)?;
                }
                Ok(Rows::Run(Box::new(scan)))
            }
            Self::Runs(runs) => {
                let (catalog, selection) = &**runs;
                let mut scan =
                    catalog.scan(arguments.table, selection)?.ticks(range).params(&arguments.params)?;
                if arguments.skip_damaged {
                    let skipped;
                    (scan, skipped) = scan.skip_damaged();
                    for run in &skipped {
                        output::warn(format_args!("run `{}` is left out", run.run_id));
                    }
                }
                if let Some(filter) = &arguments.filter {
                    scan = scan.filter(filter.clone())?;
                }
                if let Some(columns) = &arguments.columns {
                    scan = scan.columns(columns)?;
                }
                Ok(Rows::Runs(Box::new(scan)))
            }
        }
    }
}

impl Rows {
    fn limit(self, rows: u64) -> Self {
        match self {
            Self::Run(scan) => Self::Run(Box::new(scan.limit(rows))),
            Self::Runs(scan) => Self::Runs(Box::new(scan.limit(rows))),
        }
    }

    fn verify(&self) -> crv_io::Result<()> {
        match self {
            Self::Run(scan) => scan.verify(),
            Self::Runs(scan) => scan.verify(),
        }
    }

    fn batches(self) -> crv_io::Result<ScanBatches> {
        match self {
            Self::Run(scan) => Ok(scan.batches()),
            Self::Runs(scan) => scan.batches(),
        }
    }
}

/// Reads the table's newest state, once. Rows for standard output in a file format are not read here but returned as a
/// scan with verified parts: printed rows cannot be taken back, so that reading is not retried.
fn read(
    context: &Context,
    arguments: &Scan,
    source: &Source,
    format: Option<Format>,
    output: Option<&PathBuf>,
) -> Result<Option<(Rows, Format)>, CliError> {
    let mut scan = source.scan(arguments)?;
    let Some(format) = format else {
        let limit = arguments.limit.unwrap_or(TABLE_ROWS);
        // One row more than shown tells whether there are more.
        let batches = scan.limit(limit.saturating_add(1)).batches()?;
        let (table, more) = text(batches, limit)?;
        if more && arguments.limit.is_none() {
            context.note(format_args!("the first {limit} rows; --limit shows more, --format csv prints all"));
        }
        return print(&table, output).map(|()| None);
    };
    if let Some(limit) = arguments.limit {
        scan = scan.limit(limit);
    }
    if let Some(path) = output {
        let (file, rows) = write(scan.batches()?, OutputFile::create(path)?, format)?;
        file.finish()?;
        context.note(format_args!("wrote {} rows to {}", output::count(rows), path.display()));
        return Ok(None);
    }
    scan.verify()?;
    Ok(Some((scan, format)))
}

/// Writes rows to standard output as they are read.
fn stream(scan: Rows, format: Format) -> Result<(), CliError> {
    let stdout = Stdout::new();
    let closed = stdout.closed();
    match write(scan.batches()?, stdout, format) {
        Ok(_) => Ok(()),
        Err(_) if closed.load(Ordering::Relaxed) => Err(CliError::ClosedPipe),
        Err(error) => Err(error),
    }
}

fn write<W: Write + Send>(batches: ScanBatches, to: W, format: Format) -> Result<(W, u64), CliError> {
    let mut writer = BatchWriter::new(to, format, &batches.schema())?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    Ok((writer.finish()?, rows))
}

fn print(table: &TextTable, output: Option<&PathBuf>) -> Result<(), CliError> {
    let Some(path) = output else { return output::print_table(table) };
    let mut file = OutputFile::create(path)?;
    file.write_all(table.render(None, false).as_bytes()).map_err(|error| CliError::file(path, &error))?;
    file.finish()
}

/// Formats the first rows as text, and tells whether there are more.
fn text(batches: ScanBatches, limit: u64) -> Result<(TextTable, bool), CliError> {
    let mut table = TextTable::new(header(&batches.schema()));
    let mut rows = 0;
    for batch in batches {
        for row in text_rows(&batch?)? {
            if rows == limit {
                return Ok((table, true));
            }
            table.push(row);
            rows += 1;
        }
    }
    Ok((table, false))
}

fn header(schema: &Schema) -> Vec<(String, Align)> {
    let align = |field: &arrow_schema::Field| match field.data_type() {
        kind if kind.is_numeric() => Align::Right,
        _ => Align::Left,
    };
    schema.fields().iter().map(|field| (field.name().clone(), align(field))).collect()
}
