//! [`ConfigError`]: why a setting was refused, and where its value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a setting came from. Every error message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An argument of a call.
    Argument,
    /// A flag of the command line, for example `--tick-bucket-size`.
    Flag(String),
    /// A key of a file; `table` is the prefix of the key there, for example `tool.crv.io`.
    File {
        /// The file.
        path: PathBuf,
        /// The table that holds the settings; empty at the top level.
        table: String,
    },
    /// An environment variable: this prefix, and the setting's name in upper case.
    Environment {
        /// The prefix of every variable.
        prefix: String,
    },
}

impl Origin {
    /// The setting as it is spelled in its source.
    fn place(&self, key: &str) -> String {
        match self {
            Self::Argument => format!("setting `{key}`"),
            Self::Flag(flag) => format!("flag `{flag}`"),
            Self::File { path, table } if table.is_empty() => {
                format!("setting `{key}` in {}", path.display())
            }
            Self::File { path, table } => format!("setting `{table}.{key}` in {}", path.display()),
            Self::Environment { prefix } => {
                format!("environment variable `{prefix}{}`", key.to_uppercase().replace('.', "_"))
            }
        }
    }
}

/// Settings that cannot be used.
///
/// The text (`Display`) names the setting, its source, the value and what is allowed; [`hint`](Self::hint) may suggest
/// a next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(Box<Problem>);

/// The kinds of problems, with their messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("{place} is `{found}`, and must be {allowed}")]
    Value { key: String, place: String, found: String, allowed: String, hint: Option<String> },
    #[error("unknown {place}")]
    Unknown { key: String, place: String, hint: Option<String> },
    #[error("{message}")]
    Source { message: String, hint: Option<String> },
}

impl ConfigError {
    pub(super) fn refused(origin: &Origin, refusal: Refusal) -> Self {
        let Refusal { key, reason, hint } = refusal;
        let place = origin.place(&key);
        Self(Box::new(match reason {
            Reason::Value { found, allowed } => Problem::Value { key, place, found, allowed, hint },
            Reason::Unknown => Problem::Unknown { key, place, hint },
        }))
    }

    /// An error for a source that could not be read at all.
    pub(super) fn source(message: impl fmt::Display, hint: Option<&str>) -> Self {
        Self(Box::new(Problem::Source { message: message.to_string(), hint: hint.map(str::to_owned) }))
    }

    /// A suggested next step, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match &*self.0 {
            Problem::Value { hint, .. } | Problem::Unknown { hint, .. } | Problem::Source { hint, .. } => {
                hint.as_deref()
            }
        }
    }

    /// The setting's name, for example `tick_bucket_size` or `valuation.currency`; `None` if a whole source failed.
    pub fn key(&self) -> Option<&str> {
        match &*self.0 {
            Problem::Value { key, .. } | Problem::Unknown { key, .. } => Some(key),
            Problem::Source { .. } => None,
        }
    }
}

/// A value refused by a field's rule, before its origin is known.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The setting's name, with the tables that contain it.
    pub(super) key: String,
    pub(super) reason: Reason,
    pub(super) hint: Option<String>,
}

#[derive(Debug)]
pub(super) enum Reason {
    Value { found: String, allowed: String },
    Unknown,
}

impl Refusal {
    /// Adds the table that contains the setting to its name.
    pub(super) fn inside(mut self, table: &str) -> Self {
        self.key = if self.key.is_empty() { table.to_owned() } else { format!("{table}.{}", self.key) };
        self
    }
}

impl From<ConfigError> for crate::error::Error {
    fn from(error: ConfigError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self::caused_by(crate::error::ErrorKind::Config, error.to_string(), hint, error)
    }
}
