//! What is hashed of a value: a byte that says its kind, then its bytes. Numbers are little-endian.
//!
//! | byte | value | bytes |
//! |---:|---|---|
//! | 0 | null | |
//! | 1, 2 | false, true | |
//! | 3 | integer from -2^63 to 2^63 - 1 | 8, signed |
//! | 4 | larger integer | 8, unsigned |
//! | 5 | float | 8; every NaN is 7ff8000000000000 |
//! | 6 | text | 4 for the length, then UTF-8 |
//! | 7 | bytes | 4 for the length, then the bytes |
//! | 8 | day | 8: days since 1970 |
//! | 9 | time of day | 8: microseconds |
//! | 10 | local time | 8: microseconds since 1970 |
//! | 11 | instant | 8: microseconds since 1970 in UTC |
//! | 12 | duration | 8: microseconds |
//! | 13 | decimal | 16 for the digits, 1 for the digits after the point, without trailing zeros |
//! | 14 | list | 4 for the number of items, then each |
//! | 15 | struct | in a list: 4 for the number of fields that are not null, then for each, sorted by name, name and value |
//!
//! A float that equals an integer from -2^63 to 2^63 - 1, but for -0.0, is that integer: a column of integers that later becomes
//! one of floats has the same digest.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

const NULL: u8 = 0;
const INTEGER: u8 = 3;
const LARGE: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const BYTES: u8 = 7;
const DAY: u8 = 8;
const TIME: u8 = 9;
const LOCAL: u8 = 10;
const INSTANT: u8 = 11;
const DURATION: u8 = 12;
const DECIMAL: u8 = 13;
const LIST: u8 = 14;
const STRUCT: u8 = 15;

/// A name with its length before it.
pub(super) fn name(name: &str, mut to: impl FnMut(&[u8])) {
    to(&(name.len() as u32).to_le_bytes());
    to(name.as_bytes());
}

/// Appends the values of `column`, for which `nulls` says which are null, to `to`. A struct is only its kind: its fields are
/// columns of their own. Returns whether any is not null; an error names a type that no table has.
pub(super) fn column(
    column: &ArrayRef,
    nulls: Option<&NullBuffer>,
    to: &mut Vec<u8>,
) -> Result<bool, String> {
    let rows = column.len();
    if nulls.is_some_and(|nulls| nulls.null_count() == rows) {
        to.resize(to.len() + rows, NULL);
        return Ok(false);
    }
    match column.data_type() {
        DataType::Int64 => integers::<Int64Type>(column, nulls, to),
        DataType::Int32 => integers::<Int32Type>(column, nulls, to),
        DataType::Int16 => integers::<Int16Type>(column, nulls, to),
        DataType::Int8 => integers::<Int8Type>(column, nulls, to),
        DataType::UInt32 => integers::<UInt32Type>(column, nulls, to),
        DataType::UInt16 => integers::<UInt16Type>(column, nulls, to),
        DataType::UInt8 => integers::<UInt8Type>(column, nulls, to),
        DataType::Float64 => {
            fixed(column.as_primitive::<Float64Type>().values(), nulls, to, |float| number(*float));
        }
        DataType::Float32 => {
            fixed(column.as_primitive::<Float32Type>().values(), nulls, to, |float| {
                number(f64::from(*float))
            });
        }
        DataType::Struct(_) => {
            to.extend((0..rows).map(|row| if is_null(nulls, row) { NULL } else { STRUCT }));
        }
        _ => {
            for row in 0..rows {
                if is_null(nulls, row) {
                    to.push(NULL);
                } else {
                    value(column, row, to)?;
                }
            }
        }
    }
    Ok(rows > 0)
}

fn is_null(nulls: Option<&NullBuffer>, row: usize) -> bool {
    nulls.is_some_and(|nulls| nulls.is_null(row))
}

fn integers<T: ArrowPrimitiveType>(column: &ArrayRef, nulls: Option<&NullBuffer>, to: &mut Vec<u8>)
where
    T::Native: Into<i64>,
{
    fixed(column.as_primitive::<T>().values(), nulls, to, |value| (INTEGER, (*value).into().to_le_bytes()));
}

/// Appends values of a kind and eight bytes each.
fn fixed<T>(values: &[T], nulls: Option<&NullBuffer>, to: &mut Vec<u8>, of: impl Fn(&T) -> (u8, [u8; 8])) {
    if let Some(nulls) = nulls {
        for (value, is_valid) in values.iter().zip(nulls.iter()) {
            if is_valid {
                let (kind, bytes) = of(value);
                to.push(kind);
                to.extend_from_slice(&bytes);
            } else {
                to.push(NULL);
            }
        }
        return;
    }
    let start = to.len();
    to.resize(start + values.len() * 9, 0);
    for (value, place) in values.iter().zip(to.split_at_mut(start).1.chunks_exact_mut(9)) {
        let (kind, bytes) = of(value);
        if let Some((first, rest)) = place.split_first_mut() {
            *first = kind;
            rest.copy_from_slice(&bytes);
        }
    }
}

fn number(float: f64) -> (u8, [u8; 8]) {
    // Saturates at the ends: 2^63 is no integer of 64 bits. The bits of -0.0 differ from those of 0.
    let integer = float as i64;
    if (integer as f64).to_bits() == float.to_bits() && integer != i64::MAX {
        return (INTEGER, integer.to_le_bytes());
    }
    let bits = if float.is_nan() { 0x7ff8_0000_0000_0000 } else { float.to_bits() };
    (FLOAT, bits.to_le_bytes())
}

/// Appends one value that is not null.
fn value(column: &ArrayRef, row: usize, to: &mut Vec<u8>) -> Result<(), String> {
    let eight = |to: &mut Vec<u8>, kind: u8, value: i64| {
        to.push(kind);
        to.extend_from_slice(&value.to_le_bytes());
    };
    let counted = |to: &mut Vec<u8>, kind: u8, bytes: &[u8]| {
        to.push(kind);
        to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        to.extend_from_slice(bytes);
    };
    match column.data_type() {
        DataType::Boolean => to.push(1 + u8::from(column.as_boolean().value(row))),
        DataType::Int8 => eight(to, INTEGER, column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => eight(to, INTEGER, column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => eight(to, INTEGER, column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => eight(to, INTEGER, column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => eight(to, INTEGER, column.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => eight(to, INTEGER, column.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => eight(to, INTEGER, column.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => {
            let value = column.as_primitive::<UInt64Type>().value(row);
            to.push(if i64::try_from(value).is_ok() { INTEGER } else { LARGE });
            to.extend_from_slice(&value.to_le_bytes());
        }
        DataType::Float32 | DataType::Float64 => {
            let float = match column.as_primitive_opt::<Float64Type>() {
                Some(column) => column.value(row),
                None => column.as_primitive::<Float32Type>().value(row).into(),
            };
            let (kind, bytes) = number(float);
            to.push(kind);
            to.extend_from_slice(&bytes);
        }
        DataType::Utf8 => counted(to, TEXT, column.as_string::<i32>().value(row).as_bytes()),
        DataType::Utf8View => counted(to, TEXT, column.as_string_view().value(row).as_bytes()),
        DataType::Binary => counted(to, BYTES, column.as_binary::<i32>().value(row)),
        DataType::Date32 => eight(to, DAY, column.as_primitive::<Date32Type>().value(row).into()),
        DataType::Time64(_) => eight(to, TIME, column.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Timestamp(_, zone) => {
            let kind = if zone.is_some() { INSTANT } else { LOCAL };
            eight(to, kind, column.as_primitive::<TimestampMicrosecondType>().value(row));
        }
        DataType::Duration(_) => {
            eight(to, DURATION, column.as_primitive::<DurationMicrosecondType>().value(row));
        }
        DataType::Decimal128(_, scale) => {
            decimal(column.as_primitive::<Decimal128Type>().value(row), *scale, to);
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            to.push(LIST);
            to.extend_from_slice(&(items.len() as u32).to_le_bytes());
            for item in 0..items.len() {
                any(&items, item, to)?;
            }
        }
        DataType::Struct(_) => members(column.as_struct(), row, to)?,
        DataType::Null => to.push(NULL),
        other => return Err(format!("a column of type {other} has no digest")),
    }
    Ok(())
}

fn any(column: &ArrayRef, row: usize, to: &mut Vec<u8>) -> Result<(), String> {
    if column.is_null(row) || *column.data_type() == DataType::Null {
        to.push(NULL);
        return Ok(());
    }
    value(column, row, to)
}

fn members(column: &StructArray, row: usize, to: &mut Vec<u8>) -> Result<(), String> {
    let mut fields: Vec<(&str, &ArrayRef)> =
        column.column_names().into_iter().zip(column.columns()).collect();
    fields.retain(|(_, values)| values.is_valid(row) && *values.data_type() != DataType::Null);
    fields.sort_unstable_by_key(|(name, _)| *name);
    to.push(STRUCT);
    to.extend_from_slice(&(fields.len() as u32).to_le_bytes());
    for (field, values) in fields {
        name(field, |bytes| to.extend_from_slice(bytes));
        value(values, row, to)?;
    }
    Ok(())
}

fn decimal(mut digits: i128, mut scale: i8, to: &mut Vec<u8>) {
    while scale > 0 && digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    to.push(DECIMAL);
    to.extend_from_slice(&digits.to_le_bytes());
    to.extend_from_slice(&scale.to_le_bytes());
}
