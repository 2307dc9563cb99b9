//! Builds a column from values whose type is found on the way.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, NullArray, StringArray, UInt64Array,
};

use super::RecordsError;
use super::datum::Datum;
use crate::json_column::Column as JsonColumn;
use crate::schema::exact_float;

/// The type of a column, as far as its values tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Text,
    Bytes,
    Payload,
}

impl Kind {
    fn of(value: &Datum) -> Self {
        match value {
            Datum::Null => Self::Null,
            Datum::Bool(_) => Self::Bool,
            Datum::Int(_) => Self::Int,
            Datum::Float(_) => Self::Float,
            Datum::Text(_) => Self::Text,
            Datum::Bytes(_) => Self::Bytes,
            Datum::List(_) | Datum::Object(_) => Self::Payload,
        }
    }

    /// The type of both; `None` if there is none.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => Some(kind),
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Some(Self::Float),
            (kind, other) => (kind == other).then_some(kind),
        }
    }
}

/// Builds the column `name`.
pub(super) fn build(name: &str, values: Vec<Datum>) -> Result<ArrayRef, RecordsError> {
    let mut kind = Kind::Null;
    let mut before = "null";
    for (row, value) in values.iter().enumerate() {
        kind = kind.and(Kind::of(value)).ok_or_else(|| {
            let reason = format!("`{name}` is {} here and {before} in a row before", value.kind());
            RecordsError::new(reason).at(row)
        })?;
        if *value != Datum::Null {
            before = value.kind();
        }
    }
    Ok(match kind {
        Kind::Null => Arc::new(NullArray::new(values.len())),
        Kind::Bool => Arc::new(values.iter().map(Datum::as_bool).collect::<BooleanArray>()),
        Kind::Int => integers(name, &values)?,
        Kind::Float => {
            let float = |(row, value): (usize, &Datum)| match value {
                Datum::Float(float) => Ok(Some(*float)),
                Datum::Int(integer) => {
                    let exact = i64::try_from(*integer).ok().and_then(exact_float);
                    let told =
                        || RecordsError::new(format!("`{name}` is {integer}, which is not exact as a float"));
                    exact.map(Some).ok_or_else(|| told().at(row))
                }
                _ => Ok(None),
            };
            Arc::new(values.iter().enumerate().map(float).collect::<Result<Float64Array, _>>()?)
        }
        Kind::Text => Arc::new(values.iter().map(Datum::as_text).collect::<StringArray>()),
        Kind::Bytes => Arc::new(values.iter().map(Datum::as_bytes).collect::<BinaryArray>()),
        Kind::Payload => {
            let mut column = JsonColumn::Null(0);
            for (row, value) in values.into_iter().enumerate() {
                let value = value.into_json(name).map_err(|error| error.at(row))?;
                column
                    .push(&value)
                    .map_err(|misfit| RecordsError::new(misfit.inside(name).to_string()).at(row))?;
            }
            column.finish()
        }
    })
}

/// Signed integers of 64 bits; unsigned ones if some are larger and none is negative.
fn integers(name: &str, values: &[Datum]) -> Result<ArrayRef, RecordsError> {
    let all = || values.iter().map(Datum::as_integer);
    if let Ok(signed) =
        all().map(|value| value.map(i64::try_from).transpose()).collect::<Result<Int64Array, _>>()
    {
        return Ok(Arc::new(signed));
    }
    let unsigned =
        all().map(|value| value.map(u64::try_from).transpose()).collect::<Result<UInt64Array, _>>();
    match unsigned {
        Ok(unsigned) => Ok(Arc::new(unsigned)),
        Err(_) => Err(RecordsError::new(format!("`{name}` has integers beyond 64 bits, signed or unsigned"))),
    }
}
