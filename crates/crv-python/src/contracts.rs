//! The contracts of `crv-core`, for Python's documentation and for the tests that compare its lists with the core's.

use crv_io::{ErrorKind, ProblemKind, RepairKind};
use pyo3::prelude::*;

use crate::arguments::{Run, text};
use crate::error::{NativeError, Result};

/// Returns enums, tables, rules, versions and constants as one JSON document.
#[pyfunction]
pub(crate) fn core_spec() -> String {
    crv_core::spec::spec_json()
}

/// Returns the stable code of every kind of error.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.code()).collect()
}

/// Returns the code of every kind of problem that a check finds, and whether it is harmless.
#[pyfunction]
pub(crate) fn problem_kinds() -> Vec<(&'static str, bool)> {
    ProblemKind::ALL.iter().map(|kind| (kind.as_str(), kind.is_harmless())).collect()
}

/// Returns the code of every kind of repair.
#[pyfunction]
pub(crate) fn repair_kinds() -> Vec<&'static str> {
    RepairKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// Returns the canonical form of a JSON document.
#[pyfunction]
pub(crate) fn json_dumps_canonical(text: &str) -> Result<String> {
    let refuse = |error: String| {
        NativeError::argument(format!("invalid JSON: {error}"), "pass what json.dumps returns")
    };
    let value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    crv_core::hashing::json_dumps_canonical(&value).map_err(|error| refuse(error.to_string()))
}

/// Returns the run id if it is valid.
#[pyfunction]
pub(crate) fn validate_run_id(run_id: Run) -> String {
    run_id.0.to_string()
}

/// Trims a text and replaces its blanks by `_`; the result must be a valid run id.
#[pyfunction]
pub(crate) fn normalize_run_id(run_id: &Bound<'_, PyAny>) -> Result<String> {
    Ok(crv_io::paths::normalize_run_id(&text(run_id.as_borrowed(), "a run id")?)?.to_string())
}
