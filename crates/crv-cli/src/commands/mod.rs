//! The verbs, one per file: the arguments of each, and the function that runs it.

mod age;
pub(crate) mod append;
pub(crate) mod artifacts;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod declare;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod digest;
mod facts;
mod files;
pub(crate) mod import;
pub(crate) mod info;
pub(crate) mod live_files;
mod many;
pub(crate) mod pack;
pub(crate) mod prune;
pub(crate) mod rebuild;
pub(crate) mod repair;
pub(crate) mod rm;
pub(crate) mod runs;
pub(crate) mod scan;
pub(crate) mod settings;
pub(crate) mod show;
pub(crate) mod tables;
pub(crate) mod tail;
mod ticks;
pub(crate) mod truncate;
pub(crate) mod vacuum;

use crate::args::Command;
use crate::context::Context;
use crate::error::CliError;

pub(crate) fn run(context: &Context, command: &Command) -> Result<(), CliError> {
    match command {
        Command::Demo(arguments) => demo::run(context, arguments),
        Command::Append(arguments) => append::run(context, arguments),
        Command::Declare(arguments) => declare::run(context, arguments),
        Command::Import(arguments) => import::run(context, arguments),
        Command::Runs(arguments) => runs::run(context, arguments),
        Command::Info(arguments) => info::run(context, arguments),
        Command::Tables(arguments) => tables::run(context, arguments),
        Command::Show(arguments) => show::run(context, arguments),
        Command::Scan(arguments) => scan::run(context, arguments),
        Command::Files(arguments) => live_files::run(context, arguments),
        Command::Tail(arguments) => tail::run(context, arguments),
        Command::Digest(arguments) => digest::run(context, arguments),
        Command::Diff(arguments) => diff::run(context, arguments),
        Command::Check(arguments) => check::run(context, arguments),
        Command::Repair(arguments) => repair::run(context, arguments),
        Command::Rebuild(arguments) => rebuild::run(context, arguments),
        Command::Compact(arguments) => compact::run(context, arguments),
        Command::Truncate(arguments) => truncate::run(context, arguments),
        Command::Vacuum(arguments) => vacuum::run(context, arguments),
        Command::Prune(arguments) => prune::run(context, arguments),
        Command::Bundle(arguments) => bundle::run(context, arguments),
        Command::Pack(arguments) => pack::run(context, arguments),
        Command::Artifacts(arguments) => artifacts::run(context, arguments),
        Command::Rm(arguments) => rm::run(context, arguments),
        Command::Settings(arguments) => settings::run(context, arguments),
        Command::Completions(arguments) => completions::run(arguments),
    }
}
