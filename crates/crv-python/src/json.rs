//! Conversion of payloads between Python and JSON. It is lossless: a value without an exact counterpart is an error.

use crv_core::error::SchemaError;
use crv_core::typing::JsonDict;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::{Number, Value};

use crate::rules::Broken;

/// Deeper than any payload of a table may nest, and too shallow to overflow the stack.
const MAX_DEPTH: usize = 127;

/// Converts a value to JSON; errors name its `path`.
pub(crate) fn from_python(path: &str, value: &Bound<'_, PyAny>) -> Result<Value, Broken> {
    inner(path, value, MAX_DEPTH)
}

fn inner(path: &str, value: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Broken> {
    let refuse = |found: String| Err(SchemaError::NotJson { path: path.to_owned(), found }.into());
    if depth == 0 {
        return refuse("nested too deep".to_owned());
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(flag.is_true().into());
    }
    if let Ok(integer) = value.cast::<PyInt>() {
        return match integer.extract::<i64>() {
            Ok(integer) => Ok(integer.into()),
            Err(_) => refuse(format!("the integer {integer}")),
        };
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return match Number::from_f64(float.value()) {
            Some(number) => Ok(Value::Number(number)),
            None => refuse(float.to_string()),
        };
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.into());
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let path = format!("{path}.item");
        return value.try_iter()?.map(|item| inner(&path, &item?, depth - 1)).collect();
    }
    let Ok(mapping) = value.cast::<PyMapping>() else {
        return refuse(format!("a value of type {}", value.get_type().name()?));
    };
    let mut object = JsonDict::new();
    for item in mapping.items()?.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let Ok(key) = key.cast::<PyString>() else {
            return refuse(format!("an object with the key {}", key.repr()?));
        };
        let key = key.to_str()?;
        object.insert(key.to_owned(), inner(&format!("{path}.{key}"), &value, depth - 1)?);
    }
    Ok(Value::Object(object))
}

/// Converts a value to plain Python objects.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into_pyobject(py)?.into_any(),
            None => number.as_f64().into_pyobject(py)?,
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Object(object) => object_to_python(py, object)?.into_any(),
    })
}

/// Converts an object to a dict.
pub(crate) fn object_to_python<'py>(py: Python<'py>, object: &JsonDict) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in object {
        dict.set_item(key, to_python(py, value)?)?;
    }
    Ok(dict)
}
