//! [`SchemaError`]: why a table cannot have a schema.

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
            SchemaError::Document { .. } => None,
        }
    }
}
