//! What is wrong with a frame, said precisely: column, field path, first row, value, counts.
//!
//! Run and table are not known here; the caller wraps these errors and adds them.

use std::fmt::Write as _;

use crate::schema::{FieldPath, SchemaConflict, SchemaError};

/// A frame that cannot be written to its table, or a part that cannot be read as its table. Rows count from 0 over the
/// whole frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidationError {
    /// Columns that must be there are not, or columns are there that the table does not have.
    #[error("{}", columns_message(missing, unknown))]
    Columns {
        /// Required columns that the frame lacks, in table order.
        missing: Vec<String>,
        /// Columns that the table does not have, in frame order.
        unknown: Vec<String>,
    },
    /// Two columns of one name.
    #[error("column `{column}` is there twice")]
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
    /// Nulls where there must be none.
    #[error("required column `{column}` has {count} null{}, the first at row {row}", plural(*count))]
    Nulls {
        /// The column.
        column: String,
        /// How many.
        count: usize,
        /// The first row with one.
        row: usize,
    },
    /// A type that cannot become the one that is needed, whatever the values.
    #[error("`{path}` is {found} and cannot become {wanted}")]
    Type {
        /// The column or field.
        path: String,
        /// What it is.
        found: String,
        /// What it has to be.
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
        /// What it had to become.
        wanted: String,
    },
    /// A field that earlier appends wrote with another type.
    #[error("field `{}` is {} in this table and {} in this frame", .0.path, .0.left, .0.right)]
    Conflict(SchemaConflict),
    /// A schema that no table can have.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Rows that break a rule of the table.
    #[error("{rule}: {count} row{} not, first row {row}: {}", do_not(*count), listed(values))]
    Rule {
        /// What must hold.
        rule: String,
        /// How many rows break it.
        count: usize,
        /// The first of them.
        row: usize,
        /// That row's values in the columns that the rule is about.
        values: Vec<(String, String)>,
    },
    /// Batches of one frame with different columns.
    #[error("batch {batch} of the frame has {difference}")]
    MixedBatches {
        /// The first batch that differs.
        batch: usize,
        /// How.
        difference: String,
    },
    /// A part without a value that the table's schema promises.
    #[error("column `{column}` has nulls, and the table's schema says it never has")]
    UnexpectedNulls {
        /// The column.
        column: String,
    },
    /// Arrow refused an operation, for instance on text beyond the size that its offsets hold.
    #[error("`{path}`: {reason}")]
    Arrow {
        /// The column or field.
        path: String,
        /// What Arrow said.
        reason: String,
    },
}

impl ValidationError {
    /// What to do next, where there is something to say.
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
            ValidationError::MixedBatches { .. } => "give all batches the columns of the first",
            ValidationError::UnexpectedNulls { .. } => "rebuild the table's manifest",
            ValidationError::Arrow { .. } => return None,
        };
        Some(hint.to_owned())
    }

    pub(crate) fn arrow(path: &FieldPath<'_>, error: &arrow_schema::ArrowError) -> Self {
        ValidationError::Arrow { path: path.to_string(), reason: error.to_string() }
    }

    /// The same error with its row counted from further out: a list's row for an item's, a frame's for a batch's.
    #[must_use]
    pub(crate) fn map_row(mut self, outer: impl FnOnce(usize) -> usize) -> Self {
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
