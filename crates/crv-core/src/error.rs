//! The errors of this crate, grouped by what the caller should do about them.
//!
//! Messages are lower case, name the value, and end with a `hint:` line if there is a next step. In Python
//! [`GrammarError`] and [`SchemaError`] are `ValueError`s and [`VersionMismatch`] is a `RuntimeError`.

use std::fmt;

use thiserror::Error;

use crate::grammar::RepresentationEdgeKind;
use crate::schema::edge_rule;
use crate::versioning::SchemaVersion;

/// A word is not in the vocabulary, or is not spelt as the grammar requires.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrammarError {
    /// The value is not in a closed vocabulary.
    #[error("unknown {what} `{value}`: expected one of {}{}", allowed.join(", "), Hint(*suggestion))]
    UnknownValue {
        /// The vocabulary, such as `table name`.
        what: &'static str,
        /// The given value.
        value: String,
        /// Every value of the vocabulary, in its order.
        allowed: &'static [&'static str],
        /// The nearest allowed value, if one is near.
        suggestion: Option<&'static str>,
    },

    /// The value was valid in an earlier grammar.
    #[error(
        "{what} `{value}` is an older name that is no longer accepted\nhint: use one of {}", allowed.join(", ")
    )]
    OlderName {
        /// The vocabulary.
        what: &'static str,
        /// The given value.
        value: String,
        /// Every value of the vocabulary, in its order.
        allowed: &'static [&'static str],
    },

    /// The text is not lower_snake.
    #[error(
        "{what} must be lower_snake, got `{value}`\nhint: use lower-case letters, digits and single \
         underscores between them"
    )]
    NotLowerSnake {
        /// The use of the text, for the message.
        what: String,
        /// The given text.
        value: String,
    },

    /// The text cannot be an identifier of this kind.
    #[error("invalid {what} `{value}`: {reason}\nhint: {hint}")]
    InvalidId {
        /// The kind of identifier, such as `run id`.
        what: &'static str,
        /// The given text.
        value: String,
        /// The rule that it violates.
        reason: String,
        /// What to do instead.
        hint: &'static str,
    },

    /// A text is not a grammar in EBNF, or not a valid grammar of CRV.
    #[error("line {line}, column {column} of the grammar: {reason}")]
    Ebnf {
        /// The line, counted from 1.
        line: usize,
        /// The column, in characters, counted from 1.
        column: usize,
        /// The error at this position.
        reason: String,
    },

    /// The grammar has no production of this name.
    #[error("the grammar has no production `{name}`")]
    UnknownProduction {
        /// The given name.
        name: String,
    },
}

/// The ` did you mean` line of [`GrammarError::UnknownValue`].
struct Hint(Option<&'static str>);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |nearest| write!(f, "\nhint: did you mean `{nearest}`?"))
    }
}

/// A value does not fit its schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The date of a schema version is not a calendar date written `YYYY-MM-DD`.
    #[error("SchemaVersion date must be ISO YYYY-MM-DD, got `{value}`")]
    VersionDate {
        /// The given text.
        value: String,
    },

    /// The major or minor number of a schema version is not a non-negative integer.
    #[error("SchemaVersion {part} must be non-negative, got `{value}`")]
    VersionNumber {
        /// `major` or `minor`.
        part: &'static str,
        /// The given text.
        value: String,
    },

    /// The text of a schema version is not `<major>.<minor>@<date>`.
    #[error("invalid schema version `{value}`\nhint: write it as `0.1@2025-09-20`")]
    VersionText {
        /// The given text.
        value: String,
    },

    /// A number is not between 0 and 1.
    #[error("`{field}` must lie in [0, 1], got {value}")]
    OutsideUnitInterval {
        /// The field.
        field: String,
        /// The given number.
        value: String,
    },

    /// A stored tick is negative.
    #[error("`tick` must be 0 or more, got {value}")]
    NegativeTick {
        /// The given tick.
        value: i64,
    },

    /// A payload has a value that JSON, or a table, cannot represent.
    #[error(
        "`{path}` is {found}, which a payload cannot represent\nhint: use text, booleans, 64-bit numbers, lists and objects"
    )]
    NotJson {
        /// The path of the field, from the column on.
        path: String,
        /// The value's type.
        found: String,
    },

    /// An edge lacks slots that its kind requires.
    #[error("{}; without a value: {}", edge_rule(*kind), missing.join(", "))]
    EdgeSlots {
        /// The kind of the edge.
        kind: RepresentationEdgeKind,
        /// The slots that are null or empty.
        missing: Vec<&'static str>,
    },

    /// A flag is neither 0 nor 1.
    #[error("`{column}` must be 0 or 1, got {value}")]
    Flag {
        /// The column.
        column: String,
        /// The given number.
        value: String,
    },

    /// A value is not of its column's type.
    #[error("`{column}` must be {expected}, got {found}")]
    CellType {
        /// The column.
        column: String,
        /// The column's type.
        expected: &'static str,
        /// The value's type.
        found: &'static str,
    },
}

/// A row violates a rule of its model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A word is not in its vocabulary.
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    /// A value does not fit the schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Data was written with a schema version that this build cannot read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "schema version {found} is not compatible with {expected}\nhint: read it with a version of crv whose schema is \
     {}.{}", found.major(), found.minor()
)]
pub struct VersionMismatch {
    /// The version this build reads and writes.
    pub expected: SchemaVersion,
    /// The version of the data.
    pub found: SchemaVersion,
}

/// A text is not JSON, or a value has no canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON.
    #[error("invalid JSON: {reason}")]
    Syntax {
        /// The error, with line and column.
        reason: String,
    },

    /// A number that canonical JSON cannot represent: it overflows a double, or is not a number.
    #[error("number `{number}` has no canonical JSON\nhint: numbers must be integers or finite doubles")]
    Number {
        /// The text of the number.
        number: String,
    },

    /// An object key that the JSON library reserves.
    #[error("object key `{key}` is reserved\nhint: rename the key")]
    ReservedKey {
        /// The key.
        key: &'static str,
    },
}
