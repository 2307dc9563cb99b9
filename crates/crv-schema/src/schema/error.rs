//! [`SchemaError`]: why a table cannot have a schema. [`DeclarationError`]: why it cannot be declared.

use crv_core::error::GrammarError;
use crv_core::grammar::TableName;

use super::FieldType;
use super::types::{EMPTY_FIELD, MAX_DEPTH};

/// A schema that cannot be a table's, whatever its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Lists and structs nested beyond [`MAX_DEPTH`].
    #[error("`{path}` nests deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// The first field below the limit.
        path: String,
    },
    /// Two fields of one struct, or two columns, with the same name.
    #[error("`{path}` occurs twice")]
    Duplicate {
        /// The field.
        path: String,
    },
    /// A field named like the placeholder of an empty struct.
    #[error("`{path}`: the field name `{EMPTY_FIELD}` is reserved")]
    Reserved {
        /// The field.
        path: String,
    },
    /// An Arrow type that a table cannot hold.
    #[error("`{path}` has type {found}, which a table cannot hold")]
    Unsupported {
        /// The field.
        path: String,
        /// Its type, as Arrow writes it.
        found: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A name that is no type's.
    #[error("`{path}`: unknown type `{name}`")]
    UnknownType {
        /// The field.
        path: String,
        /// The given name.
        name: String,
        /// The name that was probably meant.
        meant: Option<String>,
    },
    /// An invalid schema document.
    #[error("`{path}`: {reason}")]
    Document {
        /// The field, or empty at the top.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl SchemaError {
    /// A suggested next step, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            SchemaError::TooDeep { .. } => {
                Some("flatten the payload, or store the deep part as text".to_owned())
            }
            SchemaError::Duplicate { .. } | SchemaError::Reserved { .. } => {
                Some("rename the field".to_owned())
            }
            SchemaError::Unsupported { instead, .. } => Some((*instead).to_owned()),
            SchemaError::UnknownType { meant: Some(meant), .. } => Some(format!("write `{meant}`")),
            SchemaError::UnknownType { meant: None, .. } => {
                Some(format!("the types are {}", FieldType::names()))
            }
            SchemaError::Document { .. } => None,
        }
    }
}

/// A declaration that a table cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// The table is canonical.
    #[error("`{table}` is a canonical table, whose columns are fixed")]
    Canonical {
        /// The table.
        table: TableName,
    },
    /// The table's name is not one.
    #[error(transparent)]
    Table(#[from] GrammarError),
    /// No columns are given.
    #[error("a table needs at least one column")]
    NoColumns,
    /// `bucket` is among the columns.
    #[error("`bucket` cannot be declared: it is computed from `tick`")]
    Bucket,
    /// `tick` has another type.
    #[error("`tick` must be i64, not {found}")]
    Tick {
        /// The declared type.
        found: FieldType,
    },
    /// A document without the columns that every table has.
    #[error("its first columns are not `bucket` and `tick`")]
    NoKey,
    /// A name that no column can have.
    #[error("invalid column name `{name}`: {reason}")]
    Name {
        /// The name, shortened.
        name: String,
        /// The rule that it violates.
        reason: String,
    },
    /// Two names that some engines cannot tell apart.
    #[error("columns `{one}` and `{other}` differ only by case")]
    Case {
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// A required column that is not declared.
    #[error("`{column}` is required, and is no column of the declaration")]
    NotThere {
        /// The column.
        column: String,
    },
    /// A column or field of unknown type.
    #[error("`{path}` has no type")]
    NoType {
        /// The field.
        path: String,
    },
    /// A type that no table can have.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A column of the table that a later declaration lacks.
    #[error("the declaration lacks column `{column}` ({ty}), which the table has")]
    Missing {
        /// The column.
        column: String,
        /// Its type.
        ty: FieldType,
    },
    /// A required column that a later declaration adds.
    #[error("new column `{column}` is required, and rows without it may be there")]
    NewRequired {
        /// The column.
        column: String,
    },
    /// A column that a later declaration makes required or nullable.
    #[error(
        "`{column}` is {}, and is declared {} now",
        if *required { "required" } else { "nullable" },
        if *required { "nullable" } else { "required" }
    )]
    Mark {
        /// The column.
        column: String,
        /// Whether the table has it as required.
        required: bool,
    },
    /// A type that a later declaration changes.
    #[error("`{path}` is {known}, and is declared {wanted} now")]
    Type {
        /// The field.
        path: String,
        /// The table's type.
        known: FieldType,
        /// The type of the later declaration.
        wanted: FieldType,
    },
}

impl DeclarationError {
    /// A suggested next step, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Canonical { .. } => Some("declare a table of another name beside it".to_owned()),
            Self::NoColumns => Some("`tick` alone is enough".to_owned()),
            Self::Bucket | Self::Tick { .. } => Some("leave it out: every table has it".to_owned()),
            Self::Name { .. } | Self::Case { .. } => Some("rename the column".to_owned()),
            Self::NotThere { .. } => Some("add it to the columns, or take it out of `required`".to_owned()),
            Self::NoType { .. } => Some("give it a type: a column of nulls has none".to_owned()),
            Self::Schema(error) => error.hint(),
            Self::Missing { .. } => Some("a declaration names every column of the table".to_owned()),
            Self::NewRequired { .. } => Some("declare it nullable".to_owned()),
            Self::Mark { .. } | Self::Type { .. } => {
                Some("the columns of a table do not change; declare another column or table".to_owned())
            }
            Self::NoKey | Self::Table(_) => None,
        }
    }
}
