//! `_native.Writer`: a buffered writer, whose appends become visible as few large commits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crv_io::{AppendOptions, CommitOutcome, Error, TransactionSummary, WriterOptions};
use pyo3::prelude::*;
use pythonize::pythonize;

use crate::arguments::{Table, bound};
use crate::error::Result;
use crate::frame::Rows;
use crate::process::OwnProcess;

/// A buffered writer. A forked process cannot use it: its parent writes the buffered rows.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Writer(OwnProcess<Mutex<crv_io::Writer>>);

impl Writer {
    pub(crate) fn new(writer: crv_io::Writer) -> Self {
        Self(OwnProcess::new(Mutex::new(writer)))
    }

    /// Calls `act` with the interpreter released: the thread that has locked the writer may need the interpreter.
    fn with<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&mut crv_io::Writer) -> T + Send) -> T {
        py.detach(|| act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

#[pymethods]
impl Writer {
    #[pyo3(signature = (table, frame, *, validate_schema, validate_rows))]
    fn append<'py>(
        &self,
        py: Python<'py>,
        table: Table,
        frame: Rows,
        validate_schema: bool,
        validate_rows: bool,
    ) -> Result<Option<Bound<'py, PyAny>>> {
        let options = AppendOptions { validate_schema, validate_rows };
        // Read before locking: the producer may be Python code that uses this writer.
        let check =
            |schema: &_| self.0.lock().unwrap_or_else(PoisonError::into_inner).check_nesting(table.0, schema);
        let frame = py.detach(|| frame.read_checked(check))?;
        let summary = self.with(py, |writer| writer.append(table.0, frame, options))?;
        summary.map(|summary| to_python(py, &summary)).transpose()
    }

    fn flush<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        to_python(py, &self.with(py, crv_io::Writer::flush)?)
    }

    fn close<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        to_python(py, &self.with(py, crv_io::Writer::close)?)
    }

    fn abandon_tick(&self, py: Python<'_>) -> u64 {
        self.with(py, crv_io::Writer::abandon_tick)
    }

    fn discard(&self, py: Python<'_>) -> u64 {
        self.with(py, crv_io::Writer::discard)
    }

    #[pyo3(signature = (*, took_effect))]
    fn resolve(&self, py: Python<'_>, took_effect: bool) {
        let outcome = if took_effect { CommitOutcome::TookEffect } else { CommitOutcome::DidNot };
        self.with(py, |writer| writer.resolve(outcome));
    }

    #[getter]
    fn in_doubt(&self, py: Python<'_>) -> Option<(u64, String)> {
        self.with(py, |writer| writer.in_doubt().map(|(number, id)| (number, id.to_owned())))
    }

    #[getter]
    fn buffered_rows(&self, py: Python<'_>) -> u64 {
        self.with(py, |writer| writer.buffered_rows())
    }

    #[getter]
    fn buffered_bytes(&self, py: Python<'_>) -> u64 {
        self.with(py, |writer| writer.buffered_bytes())
    }

    #[getter]
    fn is_closed(&self, py: Python<'_>) -> bool {
        self.with(py, |writer| writer.is_closed())
    }
}

fn to_python<'py>(py: Python<'py>, summary: &TransactionSummary) -> Result<Bound<'py, PyAny>> {
    Ok(pythonize(py, summary).map_err(PyErr::from)?)
}

/// Converts the bounds of a writer; `None` is the default.
pub(crate) fn options(
    max_rows: Option<&Bound<'_, PyAny>>,
    max_bytes: Option<&Bound<'_, PyAny>>,
    flush_every: Option<f64>,
) -> Result<WriterOptions> {
    let mut options = WriterOptions::default();
    if let Some(max_rows) = max_rows {
        options = options.with_max_rows(bound("max_rows", max_rows)?)?;
    }
    if let Some(max_bytes) = max_bytes {
        options = options.with_max_bytes(bound("max_bytes", max_bytes)?)?;
    }
    if let Some(seconds) = flush_every {
        let every = Duration::try_from_secs_f64(seconds).map_err(|_| {
            Error::argument(format!("`flush_every` is {seconds} seconds")).with_hint("pass a positive number")
        })?;
        options = options.with_flush_every(every)?;
    }
    Ok(options)
}
