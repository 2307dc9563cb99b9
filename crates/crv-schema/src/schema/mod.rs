//! A table's schema: the logical types of its columns and payloads, to which every producer's Arrow layout maps.
//!
//! The descriptor fixes the columns. Payload structs differ from tick to tick, and a table's schema is the union of all
//! that were written ([`TableSchema::union`]). It only grows, and it is stored with the table, so that readers get one
//! schema ([`TableSchema::to_arrow`]) whichever parts they read.
//!
//! What this module does not do: check values. That is [`crate::validate`].

mod arrow;
mod descriptor;
mod error;
mod finder;
mod growth;
mod parse;
mod path;
mod reach;
mod retype;
mod select;
mod types;
mod union;
mod wire;

#[cfg(test)]
mod tests;

use crv_core::tables::{Dtype, TableDescriptor};

pub use descriptor::{Descriptor, MAX_NAME_BYTES};
pub use error::{DeclarationError, SchemaError};
pub use types::{EMPTY_FIELD, Field, FieldType, MAX_DEPTH, Width};
pub use union::SchemaConflict;

pub use arrow::{
    Origin, arrow_type, declared_type, is_string, list_item, logical_type, string_dictionaries, string_views,
    unpacked,
};
pub use finder::{Finder, first_duplicate};
pub use path::FieldPath;
pub use reach::{Reach, exact_float, exact_float_unsigned, is_dense};
pub use select::steps;
pub use union::field_name;

/// The columns of a table and their types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// The columns: the descriptor's first, in its order, then others in order of first appearance.
    pub fields: Vec<Field>,
}

impl TableSchema {
    /// The schema of an empty table: the descriptor's columns, with payloads without fields.
    pub fn of(descriptor: &TableDescriptor) -> Self {
        let column = |column: &crv_core::tables::Column| Field {
            name: column.name.to_owned(),
            ty: FieldType::of(column.dtype),
            required: column.required,
        };
        TableSchema { fields: descriptor.columns().iter().map(column).collect() }
    }

    /// The column of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the columns of these names, in this order; unknown names are left out.
    #[must_use]
    pub fn project(&self, names: &[&str]) -> TableSchema {
        TableSchema { fields: names.iter().filter_map(|name| self.field(name)).cloned().collect() }
    }
}

impl FieldType {
    /// The type of a column in an empty table.
    pub fn of(dtype: Dtype) -> Self {
        match dtype {
            Dtype::I64 => FieldType::INT,
            Dtype::F64 => FieldType::Float,
            Dtype::Str => FieldType::Str,
            Dtype::Struct => FieldType::Struct(Vec::new()),
            Dtype::ListStruct => FieldType::list(FieldType::Struct(Vec::new())),
        }
    }
}
