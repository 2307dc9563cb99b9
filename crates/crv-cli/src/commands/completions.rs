//! `crv completions`: prints a script that completes commands in a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Arguments;
use crate::error::CliError;
use crate::output;

/// Print a completion script for a shell
///
/// Changes nothing on disk.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Completions) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "crv", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
