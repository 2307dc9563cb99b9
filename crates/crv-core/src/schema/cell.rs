//! [`Cell`]: one value of one row, between a model and a column.

use crate::error::{ModelError, SchemaError};
use crate::grammar::{ExchangeKind, RepresentationEdgeKind, Visibility, Vocabulary};
use crate::schema::{RowTick, Side};
use crate::typing::JsonDict;

/// A value of a column of one of the contract's dtypes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// No value.
    #[default]
    Null,
    /// A value of an `i64` column.
    Int(i64),
    /// A value of an `f64` column.
    Float(f64),
    /// A value of a `str` column.
    Text(String),
    /// A payload of a `struct` column.
    Object(JsonDict),
    /// The payloads of a `list[struct]` column.
    Objects(Vec<JsonDict>),
}

impl Cell {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
            Self::Object(_) => "an object",
            Self::Objects(_) => "a list of objects",
        }
    }
}

/// A field type that a column can hold.
pub(super) trait CellValue: Sized {
    fn to_cell(&self) -> Cell;
    fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError>;
}

fn misfit(column: &str, expected: &'static str, found: &Cell) -> ModelError {
    SchemaError::CellType { column: column.to_owned(), expected, found: found.kind() }.into()
}

/// Implements [`CellValue`] for the types that map to one kind of cell.
macro_rules! plain_cells {
    ($($type:ty, $cell:ident, $expected:literal;)+) => {$(
        impl CellValue for $type {
            fn to_cell(&self) -> Cell {
                Cell::$cell(self.clone())
            }

            fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError> {
                match cell {
                    Cell::$cell(value) => Ok(value),
                    other => Err(misfit(column, $expected, &other)),
                }
            }
        }
    )+};
}

plain_cells! {
    i64, Int, "an integer";
    String, Text, "text";
    JsonDict, Object, "an object";
    Vec<JsonDict>, Objects, "a list of objects";
}

impl CellValue for RowTick {
    fn to_cell(&self) -> Cell {
        Cell::Int(self.get())
    }

    fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError> {
        Ok(Self::new(i64::from_cell(column, cell)?)?)
    }
}

impl CellValue for f64 {
    fn to_cell(&self) -> Cell {
        Cell::Float(*self)
    }

    fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError> {
        match cell {
            Cell::Float(value) => Ok(value),
            // Beyond 2^53 not every integer is exact as a float, and a cast never changes a value.
            Cell::Int(value) if value.unsigned_abs() <= 1 << 53 => Ok(value as Self),
            other => Err(misfit(column, "a float", &other)),
        }
    }
}

impl<T: CellValue> CellValue for Option<T> {
    fn to_cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, CellValue::to_cell)
    }

    fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(column, cell).map(Some),
        }
    }
}

/// Flags are 0 or 1 in a column.
impl CellValue for bool {
    fn to_cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }

    fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError> {
        Ok(super::flag_from_integer(column, i64::from_cell(column, cell)?)?)
    }
}

/// Implements [`CellValue`] for the vocabularies: kinds are parsed exactly, labels in any case.
macro_rules! word_cells {
    ($($type:ty, $parse:path;)+) => {$(
        impl CellValue for $type {
            fn to_cell(&self) -> Cell {
                Cell::Text(self.as_str().to_owned())
            }

            fn from_cell(column: &str, cell: Cell) -> Result<Self, ModelError> {
                Ok($parse(&String::from_cell(column, cell)?)?)
            }
        }
    )+};
}

word_cells! {
    ExchangeKind, Vocabulary::parse;
    RepresentationEdgeKind, Vocabulary::parse;
    Visibility, Vocabulary::parse_ignoring_case;
    Side, Vocabulary::parse_ignoring_case;
}
