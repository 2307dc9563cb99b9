//! [`TableDescriptor`]: the columns of a table.

use std::fmt;

use crate::grammar::TableName;
use crate::versioning::{SCHEMA_V, SchemaVersion};

/// The type of a column in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dtype {
    /// 64-bit signed integer, `i64`.
    I64,
    /// 64-bit float, `f64`.
    F64,
    /// UTF-8 text, `str`.
    Str,
    /// A payload with fields, `struct`. The fields may differ from tick to tick.
    Struct,
    /// A list of payloads, `list[struct]`.
    ListStruct,
}

impl Dtype {
    /// Its name in the contract.
    ///
    /// ```
    /// assert_eq!(crv_core::tables::Dtype::ListStruct.as_str(), "list[struct]");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::I64 => "i64",
            Self::F64 => "f64",
            Self::Str => "str",
            Self::Struct => "struct",
            Self::ListStruct => "list[struct]",
        }
    }

    /// Returns whether values have fields, whose names and types the descriptor does not fix.
    pub const fn is_payload(self) -> bool {
        matches!(self, Self::Struct | Self::ListStruct)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// Its name, lower_snake.
    pub name: &'static str,
    /// Its type.
    pub dtype: Dtype,
    /// Present and never null; otherwise nullable.
    pub required: bool,
}

/// The descriptor of a canonical table: its name, and its columns in order.
///
/// Invariants: column names are lower_snake and distinct; `bucket` and `tick` come first, both required `i64`.
///
/// ```
/// use crv_core::tables::{Dtype, HOLDINGS_DESC};
///
/// let names: Vec<_> = HOLDINGS_DESC.columns().iter().map(|column| column.name).collect();
/// assert_eq!(names, ["bucket", "tick", "agent_id", "token_id", "quantity"]);
/// assert_eq!(HOLDINGS_DESC.index_of("quantity"), Some(4));
/// assert_eq!(HOLDINGS_DESC.nullable().count(), 0);
/// assert_eq!(HOLDINGS_DESC.partitioning(), ["bucket"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableDescriptor {
    name: TableName,
    columns: &'static [Column],
}

impl TableDescriptor {
    /// Only the registry makes descriptors, so that the invariants are checked in one place.
    pub(super) const fn new(name: TableName, columns: &'static [Column]) -> Self {
        Self { name, columns }
    }

    /// The table.
    pub const fn name(&self) -> TableName {
        self.name
    }

    /// All columns, in table order.
    pub const fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// The required columns, in table order.
    pub fn required(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().filter(|column| column.required)
    }

    /// The nullable columns, in table order.
    pub fn nullable(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().filter(|column| !column.required)
    }

    /// The columns whose values name the directories of a table: always `bucket`.
    pub const fn partitioning(&self) -> &'static [&'static str] {
        &["bucket"]
    }

    /// The schema version that describes this table.
    pub const fn version(&self) -> SchemaVersion {
        SCHEMA_V
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The index of the column of this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
