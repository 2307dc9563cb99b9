//! Text columns in any of Arrow's layouts, read in place.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray};
use arrow_schema::DataType;

use super::ValidationError;
use super::convert::{Casts, convert};
use crate::schema::FieldPath;

/// A text column; the most common layouts are read in place.
pub(super) enum Strings {
    Plain(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl Strings {
    /// The column as text; other layouts and numbers are converted to text first.
    pub(super) fn of(array: &ArrayRef, path: &FieldPath<'_>) -> Result<Self, ValidationError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Strings::Plain(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Strings::Large(array.as_string::<i64>().clone()),
            DataType::Utf8View => Strings::View(array.as_string_view().clone()),
            _ => {
                let text = convert(array, &DataType::Utf8, Casts::Lossless, path)?;
                Strings::Plain(text.as_string::<i32>().clone())
            }
        })
    }

    /// The text at a row; `None` if it is null.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Strings::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Strings::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Strings::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}
