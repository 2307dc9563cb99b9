//! The `crv` command: record, read and maintain runs.
//!
//! [`run`] is the whole program: it parses (`args`), converts (`context`: settings from flags, environment and
//! files), and acts (`commands`, one verb per file). Data goes to standard output, everything else to standard
//! error. The binary and the Python package both call it.
//!
//! What this crate does not do: it has no rules about runs of its own. Those are in `crv_io`.

mod args;
mod commands;
mod context;
mod error;
mod output;

use std::ffi::OsString;

use clap::Parser as _;

use args::Arguments;
use context::Context;
use error::CliError;

/// Runs the command with these arguments, the program's name first, and returns its exit code.
///
/// Never panics and never exits the process: errors are printed on standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Help and the version are among these; clap prints each to its stream. A closed pipe is not an error.
        Err(refusal) => {
            let _ = refusal.print();
            return refusal.exit_code();
        }
    };
    match act(&arguments) {
        Ok(()) | Err(CliError::ClosedPipe) => 0,
        Err(error @ CliError::Different) => error.exit_code(),
        Err(error) => {
            output::tell_error(&error);
            error.exit_code()
        }
    }
}

fn act(arguments: &Arguments) -> Result<(), CliError> {
    // Completions need no settings, and must not fail because of a wrong one.
    if let args::Command::Completions(completions) = &arguments.command {
        return commands::completions::run(completions);
    }
    let context = Context::new(&arguments.globals)?;
    commands::run(&context, &arguments.command)
}
