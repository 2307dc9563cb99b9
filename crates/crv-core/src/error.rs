//! What can go wrong in this crate, sorted by what the caller should do about it.
//!
//! Messages are lower case, name the value they are about, and end with a `hint:` line where there is a next
//! step. In Python [`GrammarError`] and [`SchemaError`] are `ValueError`s and [`VersionMismatch`] is a
//! `RuntimeError`.

use std::fmt;

use thiserror::Error;

use crate::grammar::RepresentationEdgeKind;
use crate::schema::edge_rule;
use crate::versioning::SchemaVersion;

/// A word is not in the vocabulary, or is not spelt as the grammar asks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrammarError {
    /// The value is none of a closed vocabulary.
    #[error("unknown {what} `{value}`: expected one of {}{}", allowed.join(", "), Hint(*suggestion))]
    UnknownValue {
        /// The vocabulary, such as `table name`.
        what: &'static str,
        /// The value as it came.
        value: String,
        /// Every value of the vocabulary, in its order.
        allowed: &'static [&'static str],
        /// The nearest allowed value, where one is near.
        suggestion: Option<&'static str>,
    },

    /// The value had its place in an earlier grammar.
    #[error(
        "{what} `{value}` is an older name that is no longer accepted\nhint: use one of {}", allowed.join(", ")
    )]
    OlderName {
        /// The vocabulary.
        what: &'static str,
        /// The value as it came.
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
        /// What the text is for.
        what: String,
        /// The text as it came.
        value: String,
    },

    /// The text cannot be an identifier of this kind.
    #[error("invalid {what} `{value}`: {reason}\nhint: {hint}")]
    InvalidId {
        /// The kind of identifier, such as `run id`.
        what: &'static str,
        /// The text as it came.
        value: String,
        /// The rule that it breaks.
        reason: String,
        /// What to do instead.
        hint: &'static str,
    },

    /// A text is not a grammar in EBNF, or not one that can be that of CRV.
    #[error("line {line}, column {column} of the grammar: {reason}")]
    Ebnf {
        /// The line, counted from 1.
        line: usize,
        /// The column, in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },

    /// The grammar has no production of this name.
    #[error("the grammar has no production `{name}`")]
    UnknownProduction {
        /// The name as it came.
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

/// A value does not fit the schema it is for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The date of a schema version is not a calendar date written `YYYY-MM-DD`.
    #[error("SchemaVersion date must be ISO YYYY-MM-DD, got `{value}`")]
    VersionDate {
        /// The text as it came.
        value: String,
    },

    /// The major or minor number of a schema version is not a non-negative integer.
    #[error("SchemaVersion {part} must be non-negative, got `{value}`")]
    VersionNumber {
        /// `major` or `minor`.
        part: &'static str,
        /// The text as it came.
        value: String,
    },

    /// The text of a schema version is not `<major>.<minor>@<date>`.
    #[error("invalid schema version `{value}`\nhint: write it as `0.1@2025-09-20`")]
    VersionText {
        /// The text as it came.
        value: String,
    },

    /// A number that must lie between 0 and 1 does not.
    #[error("`{field}` must lie in [0, 1], got {value}")]
    OutsideUnitInterval {
        /// The field.
        field: String,
        /// The number as it came.
        value: String,
    },

    /// A stored tick is below zero.
    #[error("`tick` must be 0 or more, got {value}")]
    NegativeTick {
        /// The tick as it came.
        value: i64,
    },

    /// A payload has a value that JSON, or a table, has no form for.
    #[error(
        "`{path}` is {found}, and a payload has no form for it\nhint: use text, booleans, 64-bit numbers, lists and objects"
    )]
    NotJson {
        /// The field of the payload, from the column on.
        path: String,
        /// What came.
        found: String,
    },

    /// An edge of this kind lacks slots that the kind needs.
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
        /// The number as it came.
        value: String,
    },

    /// A value is not of the kind that its column holds.
    #[error("`{column}` must be {expected}, got {found}")]
    CellType {
        /// The column.
        column: String,
        /// What it holds.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
}

/// A row breaks a rule of its model.
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

/// Data was written under a schema version that this build does not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "schema version {found} is not compatible with {expected}\nhint: read it with a version of crv whose schema is \
     {}.{}", found.major(), found.minor()
)]
pub struct VersionMismatch {
    /// The version this build reads and writes.
    pub expected: SchemaVersion,
    /// The version that was found.
    pub found: SchemaVersion,
}

/// A text is not JSON, or a value has no canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON.
    #[error("invalid JSON: {reason}")]
    Syntax {
        /// What is wrong, and at which line and column.
        reason: String,
    },

    /// A number that canonical JSON cannot carry: it overflows a double, or it is not a number at all.
    #[error("number `{number}` has no canonical JSON\nhint: numbers must be integers or finite doubles")]
    Number {
        /// The text of the number.
        number: String,
    },

    /// An object key that the JSON library keeps for itself.
    #[error("object key `{key}` is reserved\nhint: rename the key")]
    ReservedKey {
        /// The key.
        key: &'static str,
    },
}
