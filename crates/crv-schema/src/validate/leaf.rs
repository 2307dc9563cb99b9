//! Scalar casts that keep every value, and the error for the first value that would change.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, new_null_array};
use arrow_schema::{DataType, TimeUnit};

use super::ValidationError;
use super::convert::{Casts, arrow_cast};
use super::dates;
use super::temporal::to_microseconds;
use super::text;
use crate::schema::{FieldPath, declared_type, exact_float, exact_float_unsigned, is_string};

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Returns whether every value of `from` is one of `to`, so that the cast can be deferred until the rows are written.
pub(super) fn never_fails(from: &DataType, to: &DataType, casts: Casts) -> bool {
    let lossless = casts == Casts::Lossless;
    match to {
        DataType::Int64 => is_short_int(from) || (lossless && *from == DataType::Boolean),
        DataType::Float64 => is_short_int(from) || is_short_float(from),
        DataType::Float32 => *from == DataType::Float16,
        DataType::Utf8 | DataType::Utf8View => {
            is_string(from) || (lossless && (is_int(from) || is_float(from)))
        }
        DataType::Binary => is_binary(from),
        _ => false,
    }
}

/// Casts the scalars to that type.
pub(super) fn leaf(
    array: &ArrayRef,
    to: &DataType,
    casts: Casts,
    path: &FieldPath<'_>,
) -> Result<ArrayRef, ValidationError> {
    let from = array.data_type();
    let lossless = casts == Casts::Lossless;
    if lossless
        && is_string(from)
        && let Some(parsed) = dates::from_text(array, to, path)
    {
        return parsed;
    }
    match to {
        DataType::Int64 => match from {
            _ if is_short_int(from) => return arrow_cast(array, to, path),
            DataType::UInt64 => {
                return checked::<UInt64Type, Int64Type>(array, path, |value| i64::try_from(value).ok());
            }
            DataType::Boolean if lossless => return arrow_cast(array, to, path),
            _ if lossless && is_float(from) => {
                let floats = arrow_cast(array, &DataType::Float64, path)?;
                return checked::<Float64Type, Int64Type>(&floats, path, integral);
            }
            _ if lossless && is_string(from) => return text::parse::<Int64Type>(array, path, text::integer),
            _ => {}
        },
        DataType::Float64 => match from {
            _ if is_short_int(from) || is_short_float(from) => return arrow_cast(array, to, path),
            DataType::Int64 => return checked::<Int64Type, Float64Type>(array, path, exact_float),
            DataType::UInt64 => {
                return checked::<UInt64Type, Float64Type>(array, path, exact_float_unsigned);
            }
            _ if lossless && is_string(from) => return text::parse::<Float64Type>(array, path, text::float),
            _ => {}
        },
        DataType::Int8 => return short::<Int8Type>(array, lossless, path),
        DataType::Int16 => return short::<Int16Type>(array, lossless, path),
        DataType::Int32 => return short::<Int32Type>(array, lossless, path),
        DataType::UInt8 => return short::<UInt8Type>(array, lossless, path),
        DataType::UInt16 => return short::<UInt16Type>(array, lossless, path),
        DataType::UInt32 => return short::<UInt32Type>(array, lossless, path),
        DataType::UInt64 => return short::<UInt64Type>(array, lossless, path),
        DataType::Float32 => match from {
            DataType::Float16 => return arrow_cast(array, to, path),
            DataType::Float64 => return checked::<Float64Type, Float32Type>(array, path, nearest_float),
            DataType::UInt64 => {
                return checked::<UInt64Type, Float32Type>(array, path, |value| {
                    exact_short_float(i128::from(value))
                });
            }
            _ if is_int(from) => {
                let integers = arrow_cast(array, &DataType::Int64, path)?;
                return checked::<Int64Type, Float32Type>(&integers, path, |value| {
                    exact_short_float(i128::from(value))
                });
            }
            _ if lossless && is_string(from) => {
                return text::parse::<Float32Type>(array, path, |text| {
                    text::float(text).and_then(nearest_float)
                });
            }
            _ => {}
        },
        DataType::Utf8 | DataType::Utf8View => match from {
            _ if is_string(from) => return arrow_cast(array, to, path),
            _ if lossless && (is_int(from) || is_float(from)) => {
                return arrow_cast(&text::print(array, path)?, to, path);
            }
            _ => {}
        },
        DataType::Binary if is_binary(from) => return arrow_cast(array, to, path),
        DataType::Date32 if *from == DataType::Date64 => {
            return checked::<Date64Type, Date32Type>(array, path, |value| {
                let whole = value % MILLISECONDS_PER_DAY == 0;
                whole.then(|| i32::try_from(value / MILLISECONDS_PER_DAY).ok()).flatten()
            });
        }
        DataType::Time64(TimeUnit::Microsecond)
        | DataType::Timestamp(TimeUnit::Microsecond, _)
        | DataType::Duration(TimeUnit::Microsecond) => {
            if let Some(converted) = to_microseconds(array, to, path)? {
                return Ok(converted);
            }
        }
        DataType::Decimal128(..) if is_same_decimal(from, to) => return arrow_cast(array, to, path),
        _ => {}
    }
    misfit(array, to, path)
}

/// Returns nulls if the array has no values; else the error that names both types.
fn misfit(array: &ArrayRef, to: &DataType, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError> {
    if array.logical_null_count() == array.len() {
        return Ok(new_null_array(to, array.len()));
    }
    Err(ValidationError::Type { path: path.to_string(), found: word(array.data_type()), wanted: word(to) })
}

/// Casts to integers of another width; a value that the width cannot hold is the error.
fn short<T>(array: &ArrayRef, lossless: bool, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError>
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i64> + TryFrom<u64>,
{
    let from = array.data_type();
    match from {
        DataType::UInt64 => checked::<UInt64Type, T>(array, path, |value| T::Native::try_from(value).ok()),
        _ if is_int(from) || (lossless && *from == DataType::Boolean) => {
            let integers = arrow_cast(array, &DataType::Int64, path)?;
            checked::<Int64Type, T>(&integers, path, |value| T::Native::try_from(value).ok())
        }
        _ if lossless && is_float(from) => {
            let floats = arrow_cast(array, &DataType::Float64, path)?;
            checked::<Float64Type, T>(&floats, path, |value| {
                integral(value).and_then(|value| T::Native::try_from(value).ok())
            })
        }
        _ if lossless && is_string(from) => text::parse::<T>(array, path, |text| {
            text::integer(text).and_then(|value| T::Native::try_from(value).ok())
        }),
        _ => misfit(array, &T::DATA_TYPE, path),
    }
}

/// Returns the nearest 32-bit float; `None` for a number beyond their range.
fn nearest_float(value: f64) -> Option<f32> {
    let nearest = value as f32;
    (nearest.is_finite() || !value.is_finite()).then_some(nearest)
}

/// Returns the 32-bit float equal to this integer, if there is one.
fn exact_short_float(value: i128) -> Option<f32> {
    let float = value as f32;
    (float as i128 == value).then_some(float)
}

/// Casts each value that is not null; the first that the function refuses is the error.
pub(super) fn checked<F, T>(
    array: &dyn Array,
    path: &FieldPath<'_>,
    cast: impl Fn(F::Native) -> Option<T::Native>,
) -> Result<ArrayRef, ValidationError>
where
    F: ArrowPrimitiveType,
    T: ArrowPrimitiveType,
{
    let values: &PrimitiveArray<F> = array.as_primitive();
    if let Ok(converted) = values.try_unary::<_, T, ()>(|value| cast(value).ok_or(())) {
        return Ok(Arc::new(converted));
    }
    let refused = |row: &usize| values.is_valid(*row) && cast(values.value(*row)).is_none();
    let row = (0..values.len()).find(refused).unwrap_or_default();
    Err(refusal(array, row, &T::DATA_TYPE, path))
}

/// The error for a value that cannot be cast unchanged.
pub(super) fn refusal(array: &dyn Array, row: usize, to: &DataType, path: &FieldPath<'_>) -> ValidationError {
    let (path, value, wanted) = (path.to_string(), display(array, row), word(to));
    ValidationError::Value { path, row, value, wanted }
}

/// Formats a value for messages.
pub(super) fn display(array: &dyn Array, row: usize) -> String {
    let plain =
        || arrow_cast::display::array_value_to_string(array, row).unwrap_or_else(|_| "a value".to_owned());
    match array.data_type() {
        _ if array.is_null(row) => "null".to_owned(),
        text if is_string(text) => {
            let shown = plain();
            // Shortened, so that the message stays readable.
            let short: String = shown.chars().take(80).collect();
            let more = if short.len() < shown.len() { "…" } else { "" };
            format!("{short:?}{more}")
        }
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        // Arrow supports only UTC without a time zone database.
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            let instant = arrow_cast::cast(&array.slice(row, 1), &utc);
            instant.map_or_else(|_| plain(), |instant| display_utc(&instant))
        }
        _ => plain(),
    }
}

fn display_utc(instant: &ArrayRef) -> String {
    arrow_cast::display::array_value_to_string(instant, 0).unwrap_or_else(|_| "a value".to_owned())
}

/// A type's name for messages: the logical type's, or Arrow's if there is no logical type.
pub(super) fn word(data_type: &DataType) -> String {
    declared_type(data_type, &FieldPath::column(""))
        .map_or_else(|_| data_type.to_string(), |ty| ty.to_string())
}

/// Returns the integer equal to a float, if there is one.
fn integral(value: f64) -> Option<i64> {
    // 2^63 itself is the first float beyond the range; NaN and infinities fail the comparison.
    let range = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    (range.contains(&value) && value.fract() == 0.0).then_some(value as i64)
}

fn is_short_int(data_type: &DataType) -> bool {
    is_int(data_type) && !matches!(data_type, DataType::Int64 | DataType::UInt64)
}

fn is_int(data_type: &DataType) -> bool {
    data_type.is_integer()
}

fn is_short_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float16 | DataType::Float32)
}

fn is_float(data_type: &DataType) -> bool {
    data_type.is_floating()
}

fn is_binary(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    matches!(data_type, Binary | LargeBinary | BinaryView | FixedSizeBinary(_))
}

/// Returns whether the decimals differ only in the width of the integer.
fn is_same_decimal(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    let digits = |data_type: &DataType| match data_type {
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s) => Some((*p, *s)),
        _ => None,
    };
    digits(from).is_some() && digits(from) == digits(to)
}
