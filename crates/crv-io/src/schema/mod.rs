//! A table's schema: what its columns and payloads hold, in logical types that any Arrow producer's layout maps onto.
//!
//! The descriptor fixes the columns; payload structs differ from tick to tick, and a table's schema is the union of all
//! that was written ([`TableSchema::union`]). It only grows, and it is kept with the table, so that readers get one
//! schema ([`TableSchema::to_arrow`]) whatever parts they read.
//!
//! What this module does not do: look at values. That is [`crate::validate`].

mod arrow;
mod error;
mod finder;
mod footer;
mod path;
mod reach;
mod retype;
mod types;
mod union;
mod wire;

#[cfg(test)]
pub(crate) mod strategies;
#[cfg(test)]
mod tests;

use crv_core::tables::{Dtype, TableDescriptor};

pub use error::SchemaError;
pub use footer::FooterSchema;
pub use types::{EMPTY_FIELD, Field, FieldType, MAX_DEPTH};
pub use union::SchemaConflict;

pub(crate) use arrow::{Origin, arrow_type, is_string, list_item, logical_type, unpacked};
pub(crate) use finder::{Finder, first_duplicate};
pub(crate) use path::FieldPath;
pub(crate) use reach::{exact_float, exact_float_unsigned, is_dense};
pub(crate) use union::field_name;

/// The columns of a table and what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// The columns: the descriptor's first, in its order, then others in order of first appearance.
    pub fields: Vec<Field>,
}

impl TableSchema {
    /// The schema of a table that nothing was written to: the descriptor's columns, payloads without fields.
    pub fn of(descriptor: &TableDescriptor) -> Self {
        let column = |column: &crv_core::tables::Column| Field {
            name: column.name.to_owned(),
            ty: FieldType::of(column.dtype),
            required: column.required,
        };
        TableSchema { fields: descriptor.columns().iter().map(column).collect() }
    }

    /// This schema of a part, as the table has its columns: one whose type the descriptor fixes as integers stays one
    /// whatever its values are, so that it is never wide.
    #[must_use]
    pub(crate) fn with_fixed_types(mut self, descriptor: &TableDescriptor) -> Self {
        let integers = descriptor.columns().iter().filter(|column| column.dtype == Dtype::I64);
        for column in integers {
            let field = self.fields.iter_mut().find(|field| field.name == column.name);
            if let Some(Field { ty: FieldType::Int { wide }, .. }) = field {
                *wide = false;
            }
        }
        self
    }

    /// The column of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The columns of these names, in the order of the names; names it does not have are left out.
    #[must_use]
    pub fn project(&self, names: &[&str]) -> TableSchema {
        TableSchema { fields: names.iter().filter_map(|name| self.field(name)).cloned().collect() }
    }
}

impl FieldType {
    /// The type of a column that nothing was written to.
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
