//! The rules of `crv_core::schema`, for the models in `crv.core.schema`.
//!
//! A broken rule is a `GrammarError` or a `SchemaError` of `crv.core.errors`; pydantic collects it from the validator.

use crv_core::error::{GrammarError, ModelError, SchemaError};
use crv_core::grammar::{ActionKind, ExchangeKind, RepresentationEdgeKind, Vocabulary};
use crv_core::schema::{self, EDGE_SLOTS, RowTick, UnitInterval};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use crate::json;

/// A broken rule on its way to Python.
#[derive(Debug)]
pub(crate) enum Broken {
    Rule(ModelError),
    Python(PyErr),
}

impl From<GrammarError> for Broken {
    fn from(error: GrammarError) -> Self {
        Self::Rule(error.into())
    }
}

impl From<SchemaError> for Broken {
    fn from(error: SchemaError) -> Self {
        Self::Rule(error.into())
    }
}

impl From<PyErr> for Broken {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Broken> for PyErr {
    fn from(error: Broken) -> Self {
        let error = match error {
            Broken::Rule(error) => error,
            Broken::Python(error) => return error,
        };
        Python::attach(|py| match class(py, &error) {
            Ok(class) => PyErr::from_type(class.clone(), error.to_string()),
            Err(failure) => failure,
        })
    }
}

fn class<'py>(py: Python<'py>, error: &ModelError) -> PyResult<&'py Bound<'py, PyType>> {
    static GRAMMAR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static SCHEMA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match error {
        ModelError::Grammar(_) => GRAMMAR.import(py, "crv.core.errors", "GrammarError"),
        _ => SCHEMA.import(py, "crv.core.errors", "SchemaError"),
    }
}

type Checked<T = &'static str> = Result<T, Broken>;

/// Returns the number if it is from 0 to 1.
#[pyfunction]
pub(crate) fn check_unit_interval(field: &str, value: f64) -> Checked<f64> {
    Ok(UnitInterval::new(field, value)?.get())
}

/// Returns the tick if a row can have it.
#[pyfunction]
pub(crate) fn check_tick(value: i64) -> Checked<i64> {
    Ok(RowTick::new(value)?.get())
}

/// Refuses a payload with values that a table cannot store.
#[pyfunction]
pub(crate) fn check_payload(field: &str, value: &Bound<'_, PyAny>) -> Checked<()> {
    json::from_python(field, value).map(drop)
}

/// Checks the combination rule of `identity_edges`: the columns that `kind` requires.
#[pyfunction]
pub(crate) fn check_edge_slots(kind: &str, slots: &Bound<'_, PyDict>) -> Checked<()> {
    let kind = RepresentationEdgeKind::parse(kind)?;
    let mut texts: [Option<String>; EDGE_SLOTS.len()] = Default::default();
    for (slot, text) in EDGE_SLOTS.iter().zip(&mut texts) {
        *text = slots.get_item(slot)?.map(|value| value.extract()).transpose()?.flatten();
    }
    Ok(schema::check_edge_slots(kind, texts.each_ref().map(Option::as_deref))?)
}

/// Returns the text if it is exactly an action kind.
#[pyfunction]
pub(crate) fn check_action_kind(text: &str) -> Checked {
    Ok(ActionKind::parse(text)?.as_str())
}

/// Returns the text if it is exactly an edge kind.
#[pyfunction]
pub(crate) fn check_edge_kind(text: &str) -> Checked {
    Ok(RepresentationEdgeKind::parse(text)?.as_str())
}

/// Returns the text if it is exactly an exchange kind.
#[pyfunction]
pub(crate) fn check_exchange_kind(text: &str) -> Checked {
    Ok(ExchangeKind::parse(text)?.as_str())
}

/// Returns the text if it is exactly a patch operation.
#[pyfunction]
pub(crate) fn check_patch_op(text: &str) -> Checked {
    Ok(schema::patch_op_from_value(text)?.as_str())
}

/// Returns the side for a text in any case.
#[pyfunction]
pub(crate) fn normalize_side(text: &str) -> Checked {
    Ok(schema::normalize_side(text)?.as_str())
}

/// Returns the visibility for a text in any case.
#[pyfunction]
pub(crate) fn normalize_visibility(text: &str) -> Checked {
    Ok(crv_core::grammar::normalize_visibility(text)?.as_str())
}

/// Returns the envelope kind for a text in any case.
#[pyfunction]
pub(crate) fn normalize_envelope_kind(text: &str) -> Checked {
    Ok(schema::normalize_envelope_kind(text)?.as_str())
}

/// Returns the envelope status for a text in any case.
#[pyfunction]
pub(crate) fn normalize_envelope_status(text: &str) -> Checked {
    Ok(schema::normalize_envelope_status(text)?.as_str())
}
