//! Conversion of arguments: a table, a run id, a range of ticks, an age, a bound.

use std::ops::RangeInclusive;
use std::time::Duration;

use crv_core::grammar::TableName;
use crv_io::paths::{parse_table, validate_run_id};
use crv_io::{Error, RunId, TableId, TickRange};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyMapping, PyString};

use crate::error::NativeError;

/// A table: its name, or a member of `crv.core.grammar.TableName`.
pub(crate) struct Table(pub(crate) TableId);

impl FromPyObject<'_, '_> for Table {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        let value = || obj.getattr("value").and_then(|value| value.extract::<String>());
        let name = match obj.cast::<PyString>() {
            Ok(name) => name.to_str()?.to_owned(),
            Err(_) => value().map_err(|_| not_a_table(&obj))?,
        };
        Ok(Self(parse_table(&name)?))
    }
}

impl Table {
    /// The canonical table, for rows of its row type.
    pub(crate) fn canonical(&self) -> Result<TableName, NativeError> {
        self.0.canonical().ok_or_else(|| {
            let text = format!("table `{}` has no row type", self.0);
            Error::argument(text).with_hint("pass its rows as dicts, or as a frame").into()
        })
    }
}

/// The error for an object that names no table.
fn not_a_table(obj: &Bound<'_, PyAny>) -> NativeError {
    let found = obj.repr().map_or_else(|_| "this object".to_owned(), |found| found.to_string());
    let text = format!("a table is named by a str, not by {found}");
    NativeError::argument(text, "swap the arguments, or pass a name or a TableName")
}

/// A valid run id.
pub(crate) struct Run(pub(crate) RunId);

impl FromPyObject<'_, '_> for Run {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        let text = text(obj, "a run id")?;
        Ok(Self(validate_run_id(&text)?))
    }
}

/// Extracts a string; the error names `what` was expected.
pub(crate) fn text(obj: Borrowed<'_, '_, PyAny>, what: &str) -> Result<String, NativeError> {
    match obj.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.to_owned()),
        Err(_) => Err(NativeError::argument(
            format!("{what} is a string, not {}", obj.get_type().name()?),
            format!("pass {what} as a str"),
        )),
    }
}

/// An age: a `timedelta` that is not negative.
pub(crate) struct Age(pub(crate) Duration);

impl FromPyObject<'_, '_> for Age {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        match obj.extract::<Duration>() {
            Ok(age) => Ok(Self(age)),
            Err(_) => Err(NativeError::argument(
                format!("an age is a timedelta of at least 0, not {}", obj.repr()?),
                "pass for example timedelta(hours=1)",
            )),
        }
    }
}

/// The ticks of `where`: a mapping with `tick_min`, `tick_max` or both, each an int or None.
pub(crate) struct Where(pub(crate) TickRange);

const WHERE_HINT: &str = "`where` takes `tick_min` and `tick_max`, both inclusive, each an int or None";

impl FromPyObject<'_, '_> for Where {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        let Ok(mapping) = obj.cast::<PyMapping>() else {
            let found = obj.get_type().name()?;
            return Err(NativeError::argument(format!("`where` is a mapping, not {found}"), WHERE_HINT));
        };
        let (mut min, mut max) = (None, None);
        for item in mapping.items()?.iter() {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            match key.extract::<&str>() {
                Ok("tick_min") => min = tick(&value, "tick_min")?,
                Ok("tick_max") => max = tick(&value, "tick_max")?,
                _ => {
                    let key = key.repr()?;
                    return Err(NativeError::argument(format!("`where` has no key {key}"), WHERE_HINT));
                }
            }
        }
        Ok(Self(range(min, max)))
    }
}

/// Extracts a bound: any int, even one beyond the range of ticks.
fn tick(value: &Bound<'_, PyAny>, key: &str) -> Result<Option<i128>, NativeError> {
    if value.is_none() {
        return Ok(None);
    }
    let Some(tick) = int(value)? else {
        let found = value.repr()?;
        return Err(NativeError::argument(format!("`{key}` in `where` is {found}, not an int"), WHERE_HINT));
    };
    Ok(Some(tick))
}

/// Extracts an int of any size, but not a bool. An int beyond `i128` becomes its nearest limit, which is beyond every
/// tick and every count.
fn int(value: &Bound<'_, PyAny>) -> Result<Option<i128>, NativeError> {
    let index = if value.is_instance_of::<PyBool>() { None } else { value.call_method0("__index__").ok() };
    let Some(index) = index else { return Ok(None) };
    Ok(Some(match index.extract::<i128>() {
        Ok(int) => int,
        Err(_) if index.lt(0)? => i128::MIN,
        Err(_) => i128::MAX,
    }))
}

/// Extracts a bound of at least 0. The core checks the minimum.
pub(crate) fn bound(name: &str, value: &Bound<'_, PyAny>) -> Result<u64, NativeError> {
    match int(value)? {
        Some(bound) if bound >= 0 => Ok(u64::try_from(bound).unwrap_or(u64::MAX)),
        _ => Err(NativeError::argument(
            format!("`{name}` is {}", value.repr()?),
            "pass an int of at least 1, or None for the default",
        )),
    }
}

/// Returns the range between two bounds. Without a tick between them, it matches nothing.
pub(crate) fn range(min: Option<i128>, max: Option<i128>) -> TickRange {
    let (first, last) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let reversed = matches!((min, max), (Some(min), Some(max)) if min > max);
    if reversed || min.is_some_and(|min| min > last) || max.is_some_and(|max| max < first) {
        return nothing();
    }
    let bound = |bound: Option<i128>| bound.and_then(|bound| i64::try_from(bound).ok());
    TickRange::new(bound(min), bound(max)).unwrap_or_else(|_| nothing())
}

fn nothing() -> TickRange {
    TickRange::from(RangeInclusive::new(1, 0))
}
