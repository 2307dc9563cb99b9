//! [`FilterError`]: why a filter cannot be applied.

/// A filter that cannot be read, or does not fit the columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The text is not a filter.
    #[error("the filter cannot be read at `{at}`: {expected} is expected")]
    Syntax {
        /// The text from there on, shortened; `the end`.
        at: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A text literal without its closing quote.
    #[error("the filter has a text without its closing `{quote}`")]
    Quote {
        /// The quote.
        quote: char,
    },
    /// A number that no column can have.
    #[error("`{number}` in the filter is not a number that can be compared")]
    Number {
        /// As written.
        number: String,
    },
    /// A comparison with null.
    #[error("`{column}` is compared with null")]
    Null {
        /// The column.
        column: String,
    },
    /// Parentheses nested too deeply.
    #[error("the filter nests deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A column that is not there.
    #[error("the filter asks for `{column}`, which is no column")]
    Unknown {
        /// The column.
        column: String,
        /// The one that was probably meant.
        meant: Option<String>,
        /// All of them.
        known: Vec<String>,
    },
    /// A value that cannot be compared with a column.
    #[error("the filter compares `{column}` ({ty}) with {value}")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        ty: String,
        /// The value.
        value: String,
        /// What to do instead.
        instead: String,
    },
}

impl FilterError {
    /// A suggested next step, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } | Self::TooDeep { .. } => Some(
                "a filter reads like `density > 0.5 and (status = \"failed\" or seed in (1, 2))`".to_owned(),
            ),
            Self::Quote { .. } => Some("a quote within a text is written twice".to_owned()),
            Self::Number { .. } => None,
            Self::Null { column } => Some(format!("write `{column} is null` or `{column} is not null`")),
            Self::Unknown { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
            Self::Unknown { known, .. } => Some(format!("the columns are {}", known.join(", "))),
            Self::Type { instead, .. } => Some(instead.clone()),
        }
    }
}
