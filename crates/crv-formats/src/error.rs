//! [`FormatError`]: why a file could not be read or written.

use std::fmt;
use std::io;
use std::path::Path;

use super::format::Format;

/// A file that could not be read, or rows that could not be written. The text names the file and the position in it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    message: String,
    hint: Option<String>,
    /// Not the `source` of the standard trait: the message already contains its text.
    io: Option<io::ErrorKind>,
}

impl FormatError {
    /// An error in the input called `name`.
    pub(super) fn input(name: &str, reason: impl fmt::Display) -> Self {
        Self { message: format!("{name}: {reason}"), hint: None, io: None }
    }

    /// An error on one line of the input.
    pub(super) fn line(name: &str, line: u64, reason: impl fmt::Display) -> Self {
        Self::input(name, format_args!("line {line}: {reason}"))
    }

    /// An error of the operating system, with the input's name unless its text has it.
    pub(super) fn io(name: &str, error: &io::Error) -> Self {
        let text = error.to_string();
        let message =
            if text.contains(name) { text } else { format!("{name}: {}", text.trim_end_matches('.')) };
        Self { message, hint: None, io: Some(error.kind()) }
    }

    /// Rows that the format cannot hold, or that could not be written.
    pub(super) fn output(format: Format, reason: impl fmt::Display) -> Self {
        Self { message: format!("the rows cannot be written as {format}: {reason}"), hint: None, io: None }
    }

    pub(super) fn unknown_extension(path: &Path, extension: Option<&str>) -> Self {
        let known: Vec<String> =
            Format::ALL.iter().flat_map(|format| format.extensions()).map(|end| format!(".{end}")).collect();
        let hint = match extension {
            Some("json") => "for one JSON object on each line, use `--format ndjson`".to_owned(),
            _ => format!("name the format with `--format`, or use one of {}", known.join(", ")),
        };
        let message = format!("{}: the file's name does not say its format", path.display());
        Self { message, hint: Some(hint), io: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A suggested next step, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The kind of the operating system's error, if it was one.
    pub const fn io_kind(&self) -> Option<io::ErrorKind> {
        self.io
    }
}
