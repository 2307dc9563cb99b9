//! Why a file could not be read or written.

use std::fmt;
use std::io;
use std::path::Path;

use super::format::Format;

/// A file that could not be read, or rows that could not be written. The text names the file and the place in it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    message: String,
    hint: Option<String>,
    /// Not the `source` of the standard trait: its text is part of the message already.
    io: Option<io::ErrorKind>,
}

impl FormatError {
    /// What is wrong with the input called `name`.
    pub(super) fn input(name: &str, reason: impl fmt::Display) -> Self {
        Self { message: format!("{name}: {reason}"), hint: None, io: None }
    }

    /// What is wrong on one line of the input.
    pub(super) fn line(name: &str, line: u64, reason: impl fmt::Display) -> Self {
        Self::input(name, format_args!("line {line}: {reason}"))
    }

    /// The operating system's refusal; its text names the path where there is one.
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
            Some("json") => "for one JSON object on each line, say `--format ndjson`".to_owned(),
            _ => format!("name the format with `--format`, or use one of {}", known.join(", ")),
        };
        let message = format!("{}: the file's name does not say its format", path.display());
        Self { message, hint: Some(hint), io: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What to do next, where there is more to say than the message does.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The kind of the operating system's error, when it was one.
    pub const fn io_kind(&self) -> Option<io::ErrorKind> {
        self.io
    }
}
