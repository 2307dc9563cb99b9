//! Errors: each kind becomes the exception of `crv.io.errors` with the same code.

use crv_io::config::ConfigError;
use crv_io::{Error, ErrorKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAnyMethods, PyType};

/// The result of every function of this module.
pub(crate) type Result<T, E = NativeError> = std::result::Result<T, E>;

/// An error of the store, or of the interpreter, on its way to Python.
#[derive(Debug)]
pub(crate) enum NativeError {
    Store(Error),
    Python(PyErr),
}

impl NativeError {
    /// An argument of the wrong form.
    pub(crate) fn argument(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Store(Error::new(ErrorKind::Argument, message).with_hint(hint))
    }
}

impl From<Error> for NativeError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<ConfigError> for NativeError {
    fn from(error: ConfigError) -> Self {
        Self::Store(error.into())
    }
}

impl From<PyErr> for NativeError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        match error {
            NativeError::Python(error) => error,
            NativeError::Store(error) => {
                Python::attach(|py| raise(py, &error).unwrap_or_else(|failure| failure))
            }
        }
    }
}

/// Makes the exception of the kind of `error`. Its text is the message, then the hint on a line of its own.
fn raise(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let text = match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    };
    let exception = class(py, error.kind())?.call1((text,))?;
    if let Some((commit, id)) = error.commit() {
        exception.setattr("commit", commit)?;
        exception.setattr("id", id)?;
    }
    if error.is_vacuumed() {
        exception.setattr("vacuumed", true)?;
    }
    Ok(PyErr::from_value(exception))
}

fn class(py: Python<'_>, kind: ErrorKind) -> PyResult<Bound<'_, PyType>> {
    static BY_KIND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let classes = BY_KIND.import(py, "crv.io.errors", "BY_KIND")?;
    match classes.get_item(kind.code()) {
        Ok(class) => Ok(class.cast_into()?),
        Err(_) => Ok(py.get_type::<PyRuntimeError>()),
    }
}
