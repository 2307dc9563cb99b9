//! Casts of times to microseconds, the only unit in tables, if they are exact.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::ValidationError;
use super::convert::arrow_cast;
use super::leaf::refusal;
use crate::schema::FieldPath;

/// Casts the times to `to`, which is in microseconds; `None` if they are not times of that kind.
///
/// A plain integer becomes a duration, since Parquet alone stores durations as integers. An instant takes the zone of
/// `to`: the zone affects only how it is shown. A time without a zone is no instant, and becomes none.
pub(super) fn to_microseconds(
    array: &ArrayRef,
    to: &DataType,
    path: &FieldPath<'_>,
) -> Result<Option<ArrayRef>, ValidationError> {
    let unit = match (array.data_type(), to) {
        (DataType::Timestamp(_, from), DataType::Timestamp(_, zone)) if from.is_some() != zone.is_some() => {
            return Ok(None);
        }
        (DataType::Time32(unit) | DataType::Time64(unit), DataType::Time64(_))
        | (DataType::Timestamp(unit, _), DataType::Timestamp(_, _))
        | (DataType::Duration(unit), DataType::Duration(_)) => *unit,
        (DataType::Int64, DataType::Duration(_)) => TimeUnit::Microsecond,
        _ => return Ok(None),
    };
    let wide = match array.data_type() {
        DataType::Time32(_) => {
            let integers = arrow_cast(array, &DataType::Int32, path)?;
            arrow_cast(&integers, &DataType::Int64, path)?
        }
        _ => arrow_cast(array, &DataType::Int64, path)?,
    };
    let counts = wide.as_primitive::<Int64Type>();
    let scale = |value: i64| match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1_000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => (value % 1_000 == 0).then_some(value / 1_000),
    };
    let scaled = if unit == TimeUnit::Microsecond {
        Ok(counts.clone())
    } else {
        counts.try_unary::<_, Int64Type, ()>(|value| scale(value).ok_or(()))
    };
    let Ok(scaled) = scaled else {
        let refused = |row: &usize| counts.is_valid(*row) && scale(counts.value(*row)).is_none();
        let row = (0..counts.len()).find(refused).unwrap_or_default();
        return Err(refusal(array, row, to, path));
    };
    arrow_cast(&(Arc::new(scaled) as ArrayRef), to, path).map(Some)
}
