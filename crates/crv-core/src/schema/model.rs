//! [`Model`], the trait of all models, and the macros that declare them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cell::Cell;
use crate::error::ModelError;
use crate::grammar::TableName;
use crate::typing::JsonDict;

/// A payload or row with named fields. A value of a model is always valid: the type of each field allows only values of
/// the contract, and parsing from JSON refuses all others, and unknown fields.
pub trait Model: Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug + 'static {
    /// The model's name, the same in every language.
    const NAME: &'static str;
    /// The fields, in order.
    const FIELDS: &'static [&'static str];
    /// A valid value as JSON, with only the fields without a default.
    const SMALLEST: &'static str;
}

/// A row of a canonical table: the table's columns in order, without `bucket`, which follows from `tick`.
pub trait TableRow: Model {
    /// The table.
    const TABLE: TableName;

    /// The row's values, in the order of [`FIELDS`](Model::FIELDS).
    fn to_cells(&self) -> Vec<Cell>;

    /// The row with these values, in the same order; missing values are null.
    ///
    /// # Errors
    /// The first rule that a value violates, with its column.
    fn from_cells(cells: Vec<Cell>) -> Result<Self, ModelError>;
}

/// A model as data, for parity tests in other languages.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// The name.
    pub name: &'static str,
    /// Each field in order, with its default; `None` for a required field.
    pub fields: Vec<(&'static str, Option<Value>)>,
}

impl ModelInfo {
    pub(super) fn of<M: Model>() -> Self {
        let given: JsonDict = serde_json::from_str(M::SMALLEST).unwrap_or_default();
        let value =
            serde_json::from_str::<M>(M::SMALLEST).ok().and_then(|model| serde_json::to_value(model).ok());
        let default = |field: &str| {
            let filled = value.as_ref().and_then(|value| value.get(field)).cloned();
            filled.filter(|_| !given.contains_key(field))
        };
        Self { name: M::NAME, fields: M::FIELDS.iter().map(|field| (*field, default(field))).collect() }
    }
}

/// Declares a struct of always-valid fields, and its [`Model`] implementation.
macro_rules! model {
    (
        $(#[$meta:meta])*
        $name:ident, smallest $smallest:literal {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl $crate::schema::Model for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];
            const SMALLEST: &'static str = $smallest;
        }
    };
}

/// Declares a [`model!`] that is a row of a table.
macro_rules! table_row {
    (
        $(#[$meta:meta])*
        $name:ident, $table:ident, smallest $smallest:literal {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)+
        }
    ) => {
        $crate::schema::model::model! {
            $(#[$meta])*
            $name, smallest $smallest {
                $($(#[$field_meta])* $field: $type,)+
            }
        }

        impl $crate::schema::TableRow for $name {
            const TABLE: $crate::grammar::TableName = $crate::grammar::TableName::$table;

            fn to_cells(&self) -> Vec<$crate::schema::Cell> {
                vec![$($crate::schema::cell::CellValue::to_cell(&self.$field)),+]
            }

            fn from_cells(cells: Vec<$crate::schema::Cell>) -> Result<Self, $crate::error::ModelError> {
                let mut cells = cells.into_iter();
                Ok(Self {
                    $($field: $crate::schema::cell::CellValue::from_cell(
                        stringify!($field),
                        cells.next().unwrap_or_default(),
                    )?,)+
                })
            }
        }
    };
}

pub(super) use {model, table_row};
