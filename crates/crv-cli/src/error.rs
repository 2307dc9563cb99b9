//! The errors of the verbs, and the exit code of each.

use std::fmt;
use std::io;
use std::path::Path;

use crv_formats::FormatError;
use crv_io::ErrorKind;
use crv_io::config::ConfigError;

/// An error as the command prints it. The help text lists the exit codes.
#[derive(Debug)]
pub(crate) enum CliError {
    /// An error of the store, with the input file that it is about, if any.
    Store { context: Option<String>, error: crv_io::Error },
    /// A data file that cannot be read or written.
    Format(FormatError),
    /// Arguments that are wrong or contradict each other.
    Usage { message: String, hint: String },
    /// A run or table that does not exist.
    Missing { message: String, hint: String },
    /// A damaged run.
    Damaged { message: String, hint: String },
    /// Output that cannot be written.
    Output(String),
    /// Two runs that differ: what was printed says how.
    Different,
    /// The reader of the output closed the pipe: not an error.
    ClosedPipe,
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn missing(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Missing { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn damaged(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Damaged { message: message.into(), hint: hint.into() }
    }

    /// A failed write to standard output.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Output(format!("standard output cannot be written: {error}")),
        }
    }

    /// A failed write to a file. The path is added unless the system's text has it.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        let (text, path) = (error.to_string(), path.display().to_string());
        Self::Output(if text.contains(&path) { text } else { format!("{path} cannot be written: {text}") })
    }

    /// Adds the name of the file that the rows came from.
    pub(crate) fn with_context(error: crv_io::Error, context: impl Into<String>) -> Self {
        Self::Store { context: Some(context.into()), error }
    }

    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::ClosedPipe => 0,
            Self::Usage { .. } => 2,
            Self::Damaged { .. } => 5,
            Self::Format(_) | Self::Missing { .. } | Self::Output(_) | Self::Different => 1,
            Self::Store { error, .. } => match error.kind() {
                ErrorKind::Config | ErrorKind::Argument => 2,
                ErrorKind::Schema => 3,
                ErrorKind::Read | ErrorKind::Write | ErrorKind::Conflict => 4,
                ErrorKind::Manifest => 5,
                ErrorKind::UnknownOutcome => 6,
                ErrorKind::NotFound | _ => 1,
            },
        }
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Store { error, .. } => error.hint(),
            Self::Format(error) => error.hint(),
            Self::Usage { hint, .. } | Self::Missing { hint, .. } | Self::Damaged { hint, .. } => Some(hint),
            Self::Output(_) | Self::Different | Self::ClosedPipe => None,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { context: Some(context), error } => write!(f, "{context}: {error}"),
            Self::Store { context: None, error } => write!(f, "{error}"),
            Self::Format(error) => write!(f, "{error}"),
            Self::Usage { message, .. }
            | Self::Missing { message, .. }
            | Self::Damaged { message, .. }
            | Self::Output(message) => f.write_str(message),
            Self::Different => f.write_str("the runs differ"),
            Self::ClosedPipe => f.write_str("the output pipe is closed"),
        }
    }
}

impl From<crv_io::Error> for CliError {
    fn from(error: crv_io::Error) -> Self {
        Self::Store { context: None, error }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        crv_io::Error::from(error).into()
    }
}

impl From<FormatError> for CliError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}
