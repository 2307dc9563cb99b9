//! The command line.

use std::ffi::OsString;
use std::iter;

use pyo3::prelude::*;

/// Runs the `crv` command and returns its exit code. `arguments` are those after the command's name.
#[pyfunction]
pub(crate) fn cli_main(py: Python<'_>, arguments: Vec<OsString>) -> i32 {
    py.detach(|| crv_cli::run(iter::once("crv".into()).chain(arguments)))
}
