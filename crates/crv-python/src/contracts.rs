//! The contracts of `crv-core`, as Python needs them: to show them, and to prove its own lists equal to them.

use crv_io::{ErrorKind, ProblemKind, RepairKind};
use pyo3::prelude::*;

use crate::arguments::{Run, text};
use crate::error::{NativeError, Result};

/// Enums, tables, rules, versions and constants as one JSON document.
#[pyfunction]
pub(crate) fn core_spec() -> String {
    crv_core::spec::spec_json()
}

/// The stable code of every kind of error.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.code()).collect()
}

/// The word for every kind of problem that a check finds, and whether it is harmless.
#[pyfunction]
pub(crate) fn problem_kinds() -> Vec<(&'static str, bool)> {
    ProblemKind::ALL.iter().map(|kind| (kind.as_str(), kind.is_harmless())).collect()
}

/// The word for everything that a repair does.
#[pyfunction]
pub(crate) fn repair_kinds() -> Vec<&'static str> {
    RepairKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// The canonical form of a JSON document.
#[pyfunction]
pub(crate) fn json_dumps_canonical(text: &str) -> Result<String> {
    let refuse =
        |error: String| NativeError::argument(format!("no JSON: {error}"), "pass what json.dumps returns");
    let value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    crv_core::hashing::json_dumps_canonical(&value).map_err(|error| refuse(error.to_string()))
}

/// The run id, if it is one.
#[pyfunction]
pub(crate) fn validate_run_id(run_id: Run) -> String {
    run_id.0.to_string()
}

/// The run id that a text becomes when it is trimmed and its blanks are turned into `_`.
#[pyfunction]
pub(crate) fn normalize_run_id(run_id: &Bound<'_, PyAny>) -> Result<String> {
    Ok(crv_io::paths::normalize_run_id(&text(run_id.as_borrowed(), "a run id")?)?.to_string())
}
