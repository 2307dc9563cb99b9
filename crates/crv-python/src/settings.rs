//! Conversion of settings: from Python's dataclasses to [`IoSettings`], and back to dicts of plain values.

use std::ffi::OsString;
use std::path::PathBuf;

use crv_io::IoSettings;
use crv_io::config::{SettingValue, ValuationSettings};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PyString};
use pythonize::pythonize;

use crate::error::{NativeError, Result};

/// `crv.io.IoSettings`, or a mapping of its fields.
pub(crate) struct Settings(pub(crate) IoSettings);

impl FromPyObject<'_, '_> for Settings {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self> {
        match value(&obj)? {
            SettingValue::Table(pairs) => Ok(Self(IoSettings::from_pairs(pairs)?)),
            _ => Err(NativeError::argument(
                format!("settings are an IoSettings, not {}", obj.get_type().name()?),
                "make them with crv.io.IoSettings(root_dir=…)",
            )),
        }
    }
}

/// Converts any value to a setting value. A dataclass becomes a table of its fields.
fn value(obj: &Bound<'_, PyAny>) -> Result<SettingValue> {
    if obj.is_none() {
        Ok(SettingValue::Null)
    } else if let Ok(value) = obj.cast::<PyBool>() {
        Ok(SettingValue::Bool(value.is_true()))
    } else if let Ok(value) = obj.cast::<PyString>() {
        Ok(SettingValue::Str(value.to_str()?.to_owned()))
    } else if let Ok(value) = obj.cast::<PyFloat>() {
        Ok(SettingValue::Float(value.extract()?))
    } else if let Ok(value) = obj.cast::<PyMapping>() {
        table(value)
    } else if let Some(value) = integer(obj) {
        Ok(SettingValue::Int(value))
    } else if obj.hasattr("__fspath__")? {
        Ok(SettingValue::Str(obj.call_method0("__fspath__")?.extract()?))
    } else if obj.hasattr("__dataclass_fields__")? {
        table(obj.getattr("__dict__")?.cast().map_err(PyErr::from)?)
    } else {
        Ok(SettingValue::Other(obj.repr()?.to_string()))
    }
}

/// Extracts an int, or an object with `__index__`, such as a NumPy integer.
fn integer(obj: &Bound<'_, PyAny>) -> Option<i128> {
    match obj.cast::<PyInt>() {
        Ok(value) => value.extract().ok(),
        Err(_) => obj.call_method0("__index__").ok()?.extract().ok(),
    }
}

fn table(mapping: &Bound<'_, PyMapping>) -> Result<SettingValue> {
    let items = mapping.items()?;
    let pairs = items.iter().map(|item| {
        let (key, found): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        Ok((key.str()?.to_string(), value(&found)?))
    });
    pairs.collect::<Result<_>>().map(SettingValue::Table)
}

/// Checks settings, and returns their fields as plain values.
#[pyfunction]
pub(crate) fn check_settings(py: Python<'_>, settings: Settings) -> Result<Bound<'_, PyAny>> {
    Ok(pythonize(py, &settings.0).map_err(PyErr::from)?)
}

/// Checks the settings of a valuation, and returns their fields as plain values.
#[pyfunction]
pub(crate) fn check_valuation<'py>(
    py: Python<'py>,
    valuation: &Bound<'py, PyDict>,
) -> Result<Bound<'py, PyAny>> {
    let SettingValue::Table(pairs) = table(valuation.as_mapping())? else {
        return Ok(py.None().into_bound(py));
    };
    Ok(pythonize(py, &ValuationSettings::from_pairs(pairs)?).map_err(PyErr::from)?)
}

/// Reads the settings of a TOML file, over the defaults.
#[pyfunction]
#[pyo3(signature = (path))]
pub(crate) fn settings_from_toml(py: Python<'_>, path: Option<PathBuf>) -> Result<Bound<'_, PyAny>> {
    let settings = py.detach(|| IoSettings::from_toml(path.as_deref()))?;
    Ok(pythonize(py, &settings).map_err(PyErr::from)?)
}

/// Returns `base` with the settings of these environment variables over it.
#[pyfunction]
pub(crate) fn settings_from_env<'py>(
    py: Python<'py>,
    base: Settings,
    prefix: &str,
    variables: Vec<(OsString, OsString)>,
) -> Result<Bound<'py, PyAny>> {
    let settings = base.0.with_variables(prefix, variables)?;
    Ok(pythonize(py, &settings).map_err(PyErr::from)?)
}
