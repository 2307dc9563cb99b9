//! The one public error: a kind that says what the caller should do, a message, and a hint.

use std::error::Error as StdError;
use std::fmt;

use crv_schema::filter::FilterError;
use crv_schema::records::RecordsError;
use crv_schema::rows::RowsError;
use crv_schema::schema::DeclarationError;

/// The result of every operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, by what the caller should do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is invalid, or does not fit the run. Change the setting.
    Config,
    /// The rows do not fit the table. Change the rows; nothing was written.
    Schema,
    /// Storage refused a write. The table is unchanged; the same append can be tried again.
    Write,
    /// A manifest or commit file is missing, damaged or too new. Rebuild, repair or upgrade.
    Manifest,
    /// Storage refused a read, or a part is damaged. The table is as it was.
    Read,
    /// An argument is invalid: a run id, a table name, a range.
    Argument,
    /// A commit may or may not have taken effect, and storage does not say. Check before trying again:
    /// the error carries the commit's number and id.
    UnknownOutcome,
    /// Other writers kept changing the same things. Nothing was changed; the same call can be tried again.
    Conflict,
    /// There is no such run, or nothing was ever written to the table. Check the name, or append first.
    NotFound,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Config,
        Self::Schema,
        Self::Write,
        Self::Manifest,
        Self::Read,
        Self::Argument,
        Self::UnknownOutcome,
        Self::Conflict,
        Self::NotFound,
    ];

    /// The stable code of this kind, the same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Schema => "schema",
            Self::Write => "write",
            Self::Manifest => "manifest",
            Self::Read => "read",
            Self::Argument => "argument",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Conflict => "conflict",
            Self::NotFound => "not-found",
        }
    }
}

/// An error of the store. Its text is [`Display`](fmt::Display); what to do next is [`Error::hint`].
///
/// The text includes the causes: print it alone, without walking the chain of sources.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    commit: Option<(u64, String)>,
    tick_bucket_size: Option<u64>,
    vacuumed: bool,
    source: Option<Source>,
}

impl Error {
    /// An error of `kind` with its whole text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            commit: None,
            tick_bucket_size: None,
            vacuumed: false,
            source: None,
        }))
    }

    /// An error of `kind` with its whole text, its cause and the cause's next step.
    pub fn caused_by(
        kind: ErrorKind,
        message: impl Into<String>,
        hint: Option<impl Into<String>>,
        source: impl Into<Source>,
    ) -> Self {
        let mut error = Self::new(kind, message).with_source(source);
        error.0.hint = hint.map(Into::into);
        error
    }

    /// The same error for another caller. It has the same text, and no source.
    #[must_use]
    pub fn repeated(&self) -> Self {
        let Inner { kind, message, hint, commit, tick_bucket_size, vacuumed, source: _ } = &*self.0;
        Self(Box::new(Inner {
            kind: *kind,
            message: message.clone(),
            hint: hint.clone(),
            commit: commit.clone(),
            tick_bucket_size: *tick_bucket_size,
            vacuumed: *vacuumed,
            source: None,
        }))
    }

    /// The same error with a next step for the user.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with its cause, for programs that walk the chain. The text must already include it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error with the number and id of the commit whose outcome is unknown.
    #[must_use]
    pub fn with_commit(mut self, number: u64, id: impl Into<String>) -> Self {
        self.0.commit = Some((number, id.into()));
        self
    }

    /// The same error with the bucket size that the table was written with.
    #[must_use]
    pub fn with_tick_bucket_size(mut self, size: u64) -> Self {
        self.0.tick_bucket_size = Some(size);
        self
    }

    /// The same error, for a part that a vacuum removed after the scan was made.
    #[must_use]
    pub fn vacuumed(mut self) -> Self {
        self.0.vacuumed = true;
        self
    }

    /// The same error with a prefix: `context: message`.
    #[must_use]
    pub fn in_context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// The same error, of kind [`Write`](ErrorKind::Write) instead of [`Read`](ErrorKind::Read): for an append,
    /// storage that cannot be read is storage that cannot be written. Other kinds are kept.
    #[must_use]
    pub fn while_writing(mut self) -> Self {
        if self.0.kind == ErrorKind::Read {
            self.0.kind = ErrorKind::Write;
        }
        self
    }

    /// The same error, of kind [`NotFound`](ErrorKind::NotFound).
    #[must_use]
    pub fn not_found(mut self) -> Self {
        self.0.kind = ErrorKind::NotFound;
        self
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The number and id of the commit whose outcome is unknown.
    pub fn commit(&self) -> Option<(u64, &str)> {
        self.0.commit.as_ref().map(|(number, id)| (*number, id.as_str()))
    }

    /// The bucket size that the table was written with, if the settings have another.
    pub fn tick_bucket_size(&self) -> Option<u64> {
        self.0.tick_bucket_size
    }

    /// Whether a vacuum removed a part after the scan was made. A new scan then reads the rows from other parts.
    pub fn is_vacuumed(&self) -> bool {
        self.0.vacuumed
    }

    /// An error of kind [`Argument`](ErrorKind::Argument).
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, message)
    }

    /// An error of kind [`Manifest`](ErrorKind::Manifest).
    pub fn manifest(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Manifest, message)
    }
}

impl From<DeclarationError> for Error {
    fn from(error: DeclarationError) -> Self {
        Self::caused_by(ErrorKind::Schema, error.to_string(), error.hint(), error)
    }
}

impl From<RecordsError> for Error {
    fn from(error: RecordsError) -> Self {
        Self::new(ErrorKind::Schema, error.to_string()).with_source(error)
    }
}

impl From<RowsError> for Error {
    fn from(error: RowsError) -> Self {
        Self::caused_by(ErrorKind::Schema, error.to_string(), error.hint().map(str::to_owned), error)
    }
}

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Self {
        let refused = Self::argument(error.to_string());
        match error.hint() {
            Some(hint) => refused.with_hint(hint),
            None => refused,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
