//! [`ValidationError`]: why a frame is refused, with column, field path, first row, value and counts.
//!
//! Run and table are not known here; the caller adds them.

use std::fmt::Write as _;

use crate::frame::MixedBatches;
use crate::schema::{FieldPath, SchemaConflict, SchemaError};

/// A frame that cannot be written to its table, or a part that cannot be read in its table's schema. Rows are counted
/// from 0 over the whole frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// Required columns are missing, or there are columns that the table does not have.
    #[error("{}", columns_message(missing, unknown))]
    Columns {
        /// Required columns that the frame lacks, in table order.
        missing: Vec<String>,
        /// Columns that the table does not have, in frame order.
        unknown: Vec<String>,
    },
    /// Two columns with the same name.
    #[error("column `{column}` occurs twice")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// No tick column.
    #[error("column `tick` is missing")]
    NoTick,
    /// Ticks below zero.
    #[error("column `tick`: {value} at row {row} is negative")]
    NegativeTick {
        /// The first row with one.
        row: usize,
        /// Its tick.
        value: i64,
    },
    /// Nulls in a required column.
    #[error("required column `{column}` has {count} null{}, the first at row {row}", plural(*count))]
    Nulls {
        /// The column.
        column: String,
        /// The number of nulls.
        count: usize,
        /// The first row with one.
        row: usize,
    },
    /// A type that cannot be cast to the required one, whatever the values.
    #[error("`{path}` is {found} and cannot become {wanted}")]
    Type {
        /// The column or field.
        path: String,
        /// Its type.
        found: String,
        /// The required type.
        wanted: String,
    },
    /// A value that the table's type cannot hold exactly.
    #[error("`{path}`: {value} at row {row} cannot become {wanted} without changing")]
    Value {
        /// The column or field.
        path: String,
        /// The first row with such a value.
        row: usize,
        /// The value.
        value: String,
        /// The required type.
        wanted: String,
    },
    /// A field that earlier appends wrote with another type.
    #[error("field `{}` is {} in this table and {} in this frame", .0.path, .0.left, .0.right)]
    Conflict(SchemaConflict),
    /// A schema that no table can have.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Rows that violate a rule of the table.
    #[error("{rule}: {count} row{} not, first row {row}: {}", do_not(*count), listed(values))]
    Rule {
        /// The rule.
        rule: String,
        /// The number of rows that violate it.
        count: usize,
        /// The first of them.
        row: usize,
        /// That row's values in the columns of the rule.
        values: Vec<(String, String)>,
    },
    /// Batches of one frame with different columns.
    #[error(transparent)]
    MixedBatches(#[from] MixedBatches),
    /// A part without a value that the table's schema promises.
    #[error("column `{column}` has nulls, and the table's schema says it never has")]
    UnexpectedNulls {
        /// The column.
        column: String,
    },
    /// Arrow refused an operation, for example on text too large for its offsets.
    #[error("`{path}`: {reason}")]
    Arrow {
        /// The column or field.
        path: String,
        /// Arrow's message.
        reason: String,
    },
}

impl ValidationError {
    /// A suggested next step, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            ValidationError::Columns { missing, unknown } => match (missing.is_empty(), unknown.is_empty()) {
                (false, true) => "add the missing columns, or null where the table allows it",
                (true, false) => "drop the extra columns, or set `strict_schema` to false to keep them",
                _ => {
                    "add the missing columns; drop the extra ones, or set `strict_schema` to false to keep them"
                }
            },
            ValidationError::DuplicateColumn { .. } => "rename or drop one of the two",
            ValidationError::NoTick => "every row needs the tick at which it happened, an integer from 0 up",
            ValidationError::NegativeTick { .. } => "ticks count from 0",
            ValidationError::Nulls { .. } => "fill the nulls or drop those rows",
            ValidationError::Type { .. } => "cast the column before appending",
            ValidationError::Value { wanted, .. } if wanted == "i64" => {
                "round or correct the values before appending; a cast never changes a value"
            }
            ValidationError::Value { .. } => {
                "correct the values before appending; a cast never changes a value"
            }
            ValidationError::Conflict(_) => {
                "a field keeps the type of its first append: cast it to that type, or use another field name"
            }
            ValidationError::Schema(error) => return error.hint(),
            ValidationError::Rule { .. } => "correct those rows, or append without `validate_rows`",
            ValidationError::MixedBatches(error) => error.hint(),
            ValidationError::UnexpectedNulls { .. } => "rebuild the table's manifest",
            ValidationError::Arrow { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Columns that Arrow could not join or cast.
    pub fn arrow(path: &FieldPath<'_>, error: &arrow_schema::ArrowError) -> Self {
        ValidationError::Arrow { path: path.to_string(), reason: error.to_string() }
    }

    /// Maps the row to that of the enclosing array: an item's to its list's, a batch's to the frame's.
    #[must_use]
    pub fn map_row(mut self, outer: impl FnOnce(usize) -> usize) -> Self {
        if let ValidationError::Value { row, .. } = &mut self {
            *row = outer(*row);
        }
        self
    }
}

fn columns_message(missing: &[String], unknown: &[String]) -> String {
    let mut message = String::new();
    if !missing.is_empty() {
        let _ = write!(message, "required column{} missing: {}", plural(missing.len()), quoted(missing));
    }
    if !unknown.is_empty() {
        let separator = if missing.is_empty() { "" } else { "; " };
        let plural = plural(unknown.len());
        let _ =
            write!(message, "{separator}column{plural} that the table does not have: {}", quoted(unknown));
    }
    message
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn listed(values: &[(String, String)]) -> String {
    values.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn do_not(count: usize) -> &'static str {
    if count == 1 { " does" } else { "s do" }
}
