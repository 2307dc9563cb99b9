//! Printing: data to standard output, everything else to standard error.

mod human;
mod progress;
mod sink;
mod table;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

pub(crate) use human::{age, bytes, count, counted, ticks};
pub(crate) use progress::progress;
pub(crate) use sink::{OutputFile, Stdout};
pub(crate) use table::{Align, TextTable};

use crate::context::Context;
use crate::error::CliError;

/// The terminal that standard output goes to: its width, and whether styles are allowed.
struct Terminal {
    width: Option<usize>,
    styled: bool,
}

impl Terminal {
    fn stdout() -> Self {
        let stdout = io::stdout();
        let width = stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout)).flatten();
        Self { width: width.map(|(width, _)| usize::from(width.0)), styled: may_style(stdout.is_terminal()) }
    }
}

/// Returns whether to style the output: on a terminal, unless `NO_COLOR` or `TERM=dumb` turns styles off.
fn may_style(is_terminal: bool) -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    is_terminal && !plain
}

impl Context {
    /// Prints a note to standard error, unless `--quiet` was given.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        if !self.quiet {
            // Error ignored: there is nowhere to report it.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Prints text as data.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = Stdout::new();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| CliError::stdout(&error))
}

/// Prints a document as JSON.
pub(crate) fn print_json(document: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| CliError::Output(format!("the result cannot be written as JSON: {error}")))?;
    print(&format!("{text}\n"))
}

/// Prints a table, at most as wide as the terminal.
pub(crate) fn print_table(table: &TextTable) -> Result<(), CliError> {
    let terminal = Terminal::stdout();
    print(&table.render(terminal.width, terminal.styled))
}

/// Prints a warning: the command goes on.
pub(crate) fn warn(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{} {text}", label("warning:", "33"));
}

/// Prints an error and its hint.
pub(crate) fn tell_error(error: &CliError) {
    let mut text = format!("{} {error}\n", label("error:", "31"));
    if let Some(hint) = error.hint() {
        text = format!("{text}{} {hint}\n", label("hint:", "36"));
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

fn label(word: &str, colour: &str) -> String {
    if may_style(io::stderr().is_terminal()) {
        format!("\x1b[1;{colour}m{word}\x1b[0m")
    } else {
        word.to_owned()
    }
}
