//! Why rows are not those of a table, or have no form as rows.

use std::error::Error as StdError;
use std::fmt;

use crv_core::grammar::TableName;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// Rows that do not fit their table, or values that rows have no form for.
///
/// The text names the table, and the row and field where there is one.
#[derive(Debug)]
pub struct RowsError {
    message: String,
    hint: Option<String>,
    source: Option<Source>,
}

impl RowsError {
    pub(super) fn new(table: TableName, why: impl fmt::Display) -> Self {
        Self { message: format!("table `{table}`: {why}"), hint: None, source: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        self.with_optional_hint(Some(hint))
    }

    pub(super) fn with_optional_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    pub(super) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for RowsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
