//! [`BoundFilter::rows`]: the rows for which a filter is true.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType};

use super::bind::{BoundComparison, BoundFilter, Kind};
use super::{Literal, Node, Test};
use crate::schema::unpacked;

/// For which rows a condition is true, and for which false. For the others it is unknown.
struct Outcome {
    holds: BooleanBuffer,
    fails: BooleanBuffer,
}

impl BoundFilter {
    /// For each row of `batch` whether the filter is true. The batch has the columns that the filter asks for, in any
    /// order, with the types it is bound to; texts may be in any layout, and columns may be dictionaries.
    pub fn rows(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        Ok(BooleanArray::new(outcome(&self.0, batch)?.holds, None))
    }
}

fn outcome(node: &Node<BoundComparison>, batch: &RecordBatch) -> Result<Outcome, ArrowError> {
    let rows = batch.num_rows();
    match node {
        Node::Is(comparison) => compare(comparison, batch),
        Node::Not(node) => {
            outcome(node, batch).map(|Outcome { holds, fails }| Outcome { holds: fails, fails: holds })
        }
        Node::All(nodes) => {
            let all = Outcome { holds: BooleanBuffer::new_set(rows), fails: BooleanBuffer::new_unset(rows) };
            nodes.iter().try_fold(all, |all, node| {
                let one = outcome(node, batch)?;
                Ok(Outcome { holds: &all.holds & &one.holds, fails: &all.fails | &one.fails })
            })
        }
        Node::Any(nodes) => {
            let any = Outcome { holds: BooleanBuffer::new_unset(rows), fails: BooleanBuffer::new_set(rows) };
            nodes.iter().try_fold(any, |any, node| {
                let one = outcome(node, batch)?;
                Ok(Outcome { holds: &any.holds | &one.holds, fails: &any.fails & &one.fails })
            })
        }
    }
}

fn compare(comparison: &BoundComparison, batch: &RecordBatch) -> Result<Outcome, ArrowError> {
    let (column, nulls) = column(&comparison.names, batch)?;
    let rows = batch.num_rows();
    let known = nulls.map_or_else(|| BooleanBuffer::new_set(rows), |nulls| nulls.inner().clone());
    if matches!(comparison.test, Test::Null) {
        return Ok(Outcome { holds: !&known, fails: known });
    }
    let passed = values(&column, comparison.kind, &comparison.test)?;
    Ok(Outcome { holds: &passed & &known, fails: &!&passed & &known })
}

/// The column or field, and where it or a struct around it is null.
fn column(names: &[String], batch: &RecordBatch) -> Result<(ArrayRef, Option<NullBuffer>), ArrowError> {
    let missing = || ArrowError::SchemaError("the rows do not have the filter's columns".to_owned());
    let (first, rest) = names.split_first().ok_or_else(missing)?;
    let mut column = batch.column_by_name(first).ok_or_else(missing)?;
    let mut nulls = column.logical_nulls();
    for name in rest {
        let members = column.as_struct_opt().ok_or_else(missing)?;
        column = members.column_by_name(name).ok_or_else(missing)?;
        nulls = NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref());
    }
    let column = match column.data_type() {
        packed @ (DataType::Dictionary(..) | DataType::RunEndEncoded(..)) => cast(column, unpacked(packed))?,
        _ => column.clone(),
    };
    Ok((column, nulls))
}

/// For each value whether it passes the test; for nulls anything.
fn values(column: &ArrayRef, kind: Kind, test: &Test<Literal>) -> Result<BooleanBuffer, ArrowError> {
    fn numbers<T: ArrowPrimitiveType>(column: &ArrayRef, test: impl Fn(T::Native) -> bool) -> BooleanBuffer {
        column.as_primitive::<T>().values().iter().map(|value| test(*value)).collect()
    }
    let int = |value: i128| passes(test, |with| order_int(value, with));
    let float = |value: f64| passes(test, |with| order_float(value, with));
    let string = |value: Option<&str>| passes(test, |with| order_text(value.unwrap_or_default(), with));
    Ok(match column.data_type() {
        DataType::Int8 => numbers::<Int8Type>(column, |value| int(value.into())),
        DataType::Int16 => numbers::<Int16Type>(column, |value| int(value.into())),
        DataType::Int32 => numbers::<Int32Type>(column, |value| int(value.into())),
        DataType::Int64 => numbers::<Int64Type>(column, |value| int(value.into())),
        DataType::UInt8 => numbers::<UInt8Type>(column, |value| int(value.into())),
        DataType::UInt16 => numbers::<UInt16Type>(column, |value| int(value.into())),
        DataType::UInt32 => numbers::<UInt32Type>(column, |value| int(value.into())),
        DataType::UInt64 => numbers::<UInt64Type>(column, |value| int(value.into())),
        DataType::Float32 => numbers::<Float32Type>(column, |value| float(value.into())),
        DataType::Float64 => numbers::<Float64Type>(column, float),
        DataType::Decimal128(_, scale) => {
            numbers::<Decimal128Type>(column, |value| passes(test, |with| order_decimal(value, *scale, with)))
        }
        DataType::Utf8 => column.as_string::<i32>().iter().map(string).collect(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().map(string).collect(),
        DataType::Utf8View => column.as_string_view().iter().map(string).collect(),
        DataType::Boolean => {
            let values = column.as_boolean().values().iter();
            values.map(|value| passes(test, |with| order_bool(value, with))).collect()
        }
        _ if kind == Kind::Time => {
            numbers::<Int64Type>(&cast(column, &DataType::Int64)?, |value| int(value.into()))
        }
        _ => BooleanBuffer::new_unset(column.len()),
    })
}

fn passes(test: &Test<Literal>, order: impl Fn(&Literal) -> Option<Ordering>) -> bool {
    match test {
        Test::Null => false,
        Test::Compare(operator, with) => operator.holds(order(with)),
        Test::In(values) => values.iter().any(|with| order(with) == Some(Ordering::Equal)),
    }
}

/// The order of a value and a literal; `None` if they cannot be compared.
pub(super) fn order_int(value: i128, with: &Literal) -> Option<Ordering> {
    match with {
        Literal::Int(with) => Some(value.cmp(with)),
        Literal::Float(with) => int_to_float(value, *with),
        _ => None,
    }
}

pub(super) fn order_float(value: f64, with: &Literal) -> Option<Ordering> {
    match with {
        Literal::Int(with) => int_to_float(*with, value).map(Ordering::reverse),
        Literal::Float(with) => value.partial_cmp(with),
        _ => None,
    }
}

pub(super) fn order_text(value: &str, with: &Literal) -> Option<Ordering> {
    if let Literal::Text(with) = with { Some(value.cmp(with)) } else { None }
}

pub(super) fn order_bool(value: bool, with: &Literal) -> Option<Ordering> {
    if let Literal::Bool(with) = with { Some(value.cmp(with)) } else { None }
}

/// The order of `unscaled` / 10^`scale` and a literal.
fn order_decimal(unscaled: i128, scale: i8, with: &Literal) -> Option<Ordering> {
    let unit = 10_i128.checked_pow(scale.unsigned_abs().into())?;
    match with {
        // A literal that is too large to be scaled is beyond every decimal.
        Literal::Int(with) => Some(with.checked_mul(unit).map_or(0.cmp(with), |with| unscaled.cmp(&with))),
        Literal::Float(with) => {
            let exact = decimal(*with).and_then(|(digits, places)| {
                let other = 10_i128.checked_pow(places)?;
                Some(unscaled.checked_mul(other)?.cmp(&digits.checked_mul(unit)?))
            });
            exact.or_else(|| (unscaled as f64 / unit as f64).partial_cmp(with))
        }
        _ => None,
    }
}

/// The digits of a float as it is written, and how many of them follow the point; `None` if they are too many.
fn decimal(float: f64) -> Option<(i128, u32)> {
    let text = float.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    Some((format!("{whole}{fraction}").parse().ok()?, u32::try_from(fraction.len()).ok()?))
}

/// The order of an integer and a float, without rounding; `None` if it is NaN.
fn int_to_float(int: i128, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    Some(int.cmp(&(whole as i128)).then_with(|| 0.0_f64.total_cmp(&(float - whole + 0.0))))
}
