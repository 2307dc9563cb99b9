//! The command line as clap parses it: flags, verbs, and the help text.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
use clap::{Arg, Args, Parser, Subcommand};
use crv_core::grammar::TableName;
use crv_formats::Format;
use crv_io::TableId;
use crv_io::filter::{Filter, FilterError};
use crv_io::paths::parse_table;

use crate::commands;

const EXIT_CODES: &str = "\
On disk:
  demo, append, declare, repair, rebuild, compact, truncate, vacuum, prune and bundle change the run that they name;
  rm removes the runs that it names;
  scan --output writes the file that it names; every other command only reads;
  a command that lists many runs may write runs.index, a cache, in the root

Exit codes:
  0  success; a closed output pipe is success too
  1  a file, run or table that does not exist or cannot be used, or output that cannot be written;
     of diff: the runs differ
  2  wrong usage: a flag, an argument or a setting
  3  rows that do not fit the table
  4  storage refused a read or a write: the same command can be retried
  5  a run that is damaged, or written by a newer crv: see `crv check` and `crv repair`
  6  a commit whose outcome is unknown: check whether its rows are there before retrying

Settings come from flags, then environment variables (CRV_IO_ROOT_DIR, CRV_IO_COMPRESSION, …), then
./crv.toml or [tool.crv.io] in ./pyproject.toml, then defaults; `crv settings` shows the result.";

/// Record, read and maintain the runs of agent-based simulations
#[derive(Debug, Parser)]
#[command(name = "crv", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The arguments of every verb.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// Print data as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print no notes and no progress, only data and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// Settings as flags. They stay text here: `crv_io` checks them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingFlags {
    /// The directory that holds all runs [default: out]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) root: Option<String>,
    /// A TOML file to read settings from, in place of ./crv.toml or ./pyproject.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// Ticks in a bucket [default: the run's size, 100 for a new run]
    #[arg(long, global = true, value_name = "TICKS", allow_negative_numbers = true)]
    pub(crate) tick_bucket_size: Option<String>,
    /// Rows in a Parquet row group [default: 131072]
    #[arg(long, global = true, value_name = "ROWS", allow_negative_numbers = true)]
    pub(crate) row_group_size: Option<String>,
    /// Compression of parts: zstd, lz4 or snappy [default: zstd]
    #[arg(long, global = true, value_name = "CODEC")]
    pub(crate) compression: Option<String>,
    /// Refuse columns that the table does not have: true or false [default: true]
    #[arg(long, global = true, value_name = "BOOL")]
    pub(crate) strict_schema: Option<String>,
    /// Commits between two rewrites of manifest.json, or `adaptive` [default: adaptive]
    #[arg(long, global = true, value_name = "COMMITS", allow_negative_numbers = true)]
    pub(crate) write_manifest_every_n: Option<String>,
    /// Merge the parts of a bucket once a later bucket has begun: true, false, or in started runs alone [default: auto]
    #[arg(long, global = true, value_name = "BOOL")]
    pub(crate) compact_sealed_buckets: Option<String>,
    /// Verify each part before its rows are read, by size or checksum [default: checksum]
    #[arg(long, global = true, value_name = "BY")]
    pub(crate) verify_reads: Option<String>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(commands::demo::Demo),
    Append(commands::append::Append),
    Declare(commands::declare::Declare),
    Import(commands::import::Import),
    Runs(commands::runs::Runs),
    Info(commands::info::Info),
    Tables(commands::tables::Tables),
    Show(commands::show::Show),
    Scan(Box<commands::scan::Scan>),
    Files(commands::live_files::Files),
    Tail(commands::tail::Tail),
    Digest(commands::digest::Digest),
    Diff(commands::diff::Diff),
    Check(commands::check::Check),
    Repair(commands::repair::Repair),
    Rebuild(commands::rebuild::Rebuild),
    Compact(commands::compact::Compact),
    Truncate(commands::truncate::Truncate),
    Vacuum(commands::vacuum::Vacuum),
    Prune(commands::prune::Prune),
    Bundle(commands::bundle::Bundle),
    Pack(commands::pack::Pack),
    Artifacts(commands::artifacts::Artifacts),
    Rm(commands::rm::Rm),
    Settings(commands::settings::Settings),
    Completions(commands::completions::Completions),
}

/// Parses the name of a table.
pub(crate) fn table() -> impl clap::builder::TypedValueParser<Value = TableId> {
    TableParser
}

/// Whether a run is given as a pattern: no run id has one of these characters.
pub(crate) fn is_pattern(run: &str) -> bool {
    run.contains(['*', '?', '['])
}

/// Parses a filter on rows or runs.
pub(crate) fn filter(text: &str) -> Result<Filter, String> {
    text.parse().map_err(|error: FilterError| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// Takes the name of any table. For completions, the values are the canonical tables.
#[derive(Clone)]
struct TableParser;

impl clap::builder::TypedValueParser for TableParser {
    type Value = TableId;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<TableId, clap::Error> {
        let parse = |name: String| {
            parse_table(&name).map_err(|error| match error.hint() {
                Some(hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            })
        };
        clap::builder::StringValueParser::new().try_map(parse).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(TableName::VALUES.iter().map(PossibleValue::new)))
    }
}

/// Parses the name of a file format.
pub(crate) fn format() -> impl clap::builder::TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str))
        .try_map(|word| Format::from_word(&word).ok_or("no such format"))
}
