//! Scans: as Arrow streams, and as plans for Polars' own reader.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_schema::{ArrowError, Field, Fields};
use crv_io::{Dataset, IoSettings, RunId, ScanBatches, ScanPart};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyTuple};
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::{ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule};
use pythonize::pythonize;

use crate::arguments::{Run, Table, range};
use crate::error::Result;
use crate::settings::Settings;

/// The most rows that a part may have to be read in one batch, without a plan.
const SMALL: u64 = 32 * 1024;

/// So many consecutive small parts are read faster here than by Polars, which sets up a reader for each.
const MANY: usize = 16;

/// A snapshot of a table, narrowed to the parts that may have the selected rows.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Scan {
    inner: crv_io::Scan,
    run: RunId,
    settings: IoSettings,
}

/// Consecutive parts: their paths if Polars is to read them, else None; the place of the first, and of the last plus one.
type Group = (Option<Vec<String>>, usize, usize);

impl Scan {
    pub(crate) fn new(scan: crv_io::Scan, dataset: &Dataset) -> Self {
        Self { inner: scan, run: dataset.run_id().clone(), settings: dataset.settings().clone() }
    }
}

#[pymethods]
impl Scan {
    /// The selected ticks: the first and the last, both included.
    #[getter]
    fn ticks(&self) -> (Option<i64>, Option<i64>) {
        (self.inner.range().min(), self.inner.range().max())
    }

    /// Whether all rows of all parts are selected.
    #[getter]
    fn is_exact(&self) -> bool {
        let range = self.inner.range();
        self.inner.parts().iter().all(|part| range.contains(part.tick_min) && range.contains(part.tick_max))
    }

    /// Whether there is at most one part, and it has so few rows that reading it is faster than planning to.
    #[getter]
    fn is_small(&self) -> bool {
        let parts = self.inner.parts();
        parts.len() <= 1 && parts.iter().all(|part| part.rows <= SMALL)
    }

    /// `many`: many small parts are for the native scan.
    #[pyo3(signature = (*, many))]
    fn groups(&self, many: bool) -> Vec<Group> {
        let on_disk = self.inner.has_files();
        let parts = self.inner.parts();
        let mut groups: Vec<Group> = Vec::new();
        let mut at = 0;
        for run in parts.chunk_by(|one, other| one.is_small() == other.is_small()) {
            let are_many = many && run.len() >= MANY && run.iter().all(ScanPart::is_small);
            for part in run {
                let path = (on_disk && !part.provisional && !are_many).then(|| part.path.clone());
                match (groups.last_mut(), path) {
                    (Some((Some(paths), _, stop)), Some(path)) => {
                        paths.push(path);
                        *stop = at + 1;
                    }
                    (Some((None, _, stop)), None) => *stop = at + 1,
                    (_, path) => groups.push((path.map(|path| vec![path]), at, at + 1)),
                }
                at += 1;
            }
        }
        groups
    }

    /// The size of the parts from `start` up to `stop`, in bytes.
    fn bytes(&self, start: usize, stop: usize) -> u64 {
        let parts = self.inner.clone().part_range(start..stop).parts();
        parts.iter().map(|part| part.bytes).sum()
    }

    #[pyo3(signature = (*, columns, limit))]
    fn select(&self, columns: Option<Vec<String>>, limit: Option<u64>) -> Result<Self> {
        let inner = narrowed(self.inner.clone(), columns, limit)?;
        Ok(Self { inner, run: self.run.clone(), settings: self.settings.clone() })
    }

    /// Verifies the parts from `start` up to `stop` for another reader, which will read their first `limit` rows.
    #[pyo3(signature = (start=0, stop=usize::MAX, *, limit))]
    fn verify(&self, py: Python<'_>, start: usize, stop: usize, limit: Option<u64>) -> Result<()> {
        let scan = narrowed(self.inner.clone().part_range(start..stop), None, limit)?;
        Ok(py.detach(|| scan.verify())?)
    }

    /// Verifies every byte of the parts, after another reader has failed.
    fn examine(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.inner.examine())?)
    }

    /// The run and the table, as in error messages.
    #[getter]
    fn name(&self) -> String {
        format!("run `{}`, table `{}`", self.run, self.inner.table())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let settings = pythonize(py, &self.settings).map_err(PyErr::from)?;
        let pinned = PyBytes::new(py, &py.detach(|| self.inner.pinned())?);
        let (table, run) = (self.inner.table().to_string(), self.run.as_str());
        let selection = (self.inner.projection(), self.inner.row_limit());
        let arguments = (settings, run, table, pinned, self.ticks(), selection);
        let make = py.import("crv._native")?.getattr("pinned_scan")?;
        Ok((make, arguments.into_pyobject(py)?.into_any()))
    }

    #[pyo3(signature = (start=0, stop=usize::MAX, *, columns, limit))]
    fn batches(
        &self,
        py: Python<'_>,
        start: usize,
        stop: usize,
        columns: Option<Vec<String>>,
        limit: Option<u64>,
    ) -> Result<Batches> {
        // As Polars holds texts.
        let scan = narrowed(self.inner.clone().part_range(start..stop), columns, limit)?.string_views();
        Ok(Batches(Mutex::new(py.detach(|| scan.batches()))))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.inner.schema().as_ref())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        let fields = self.inner.schema().fields().clone();
        let scan = self.inner.clone();
        // Before the stream is returned: an error here is an exception of crv, a later one is of the stream's consumer.
        py.detach(|| self.inner.verify())?;
        let batches = py.detach(|| scan.batches());
        stream(py, batches, fields, requested_schema)
    }
}

/// The batches, which have these fields, as an Arrow stream.
pub(crate) fn stream<'py>(
    py: Python<'py>,
    batches: ScanBatches,
    fields: Fields,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> Result<Bound<'py, PyCapsule>> {
    let arrays = batches.map(|batch| match batch {
        Ok(batch) => Ok(Arc::new(StructArray::from(batch)) as ArrayRef),
        Err(error) => Err(ArrowError::ExternalError(Box::new(error))),
    });
    let stream = ArrayIterator::new(arrays, Arc::new(Field::new_struct("", fields, false)));
    Ok(to_stream_pycapsule(py, Box::new(stream), requested_schema).map_err(PyErr::from)?)
}

/// Unpickles a scan, with a handle of its own.
#[pyfunction]
pub(crate) fn pinned_scan(
    py: Python<'_>,
    settings: Settings,
    run_id: Run,
    table: Table,
    pinned: &[u8],
    ticks: (Option<i64>, Option<i64>),
    selection: (Option<Vec<String>>, Option<u64>),
) -> Result<Scan> {
    let dataset = py.detach(|| Dataset::open(settings.0, run_id.0.as_ref()))?;
    let ticks = range(ticks.0.map(i128::from), ticks.1.map(i128::from));
    let scan = py.detach(|| dataset.scan_pinned(table.0, pinned))?.ticks(ticks);
    Ok(Scan::new(narrowed(scan, selection.0, selection.1)?, &dataset))
}

/// Counts the retries of a read whose parts were vacuumed meanwhile.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Rereads(Mutex<crv_io::Rereads>);

#[pymethods]
impl Rereads {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    /// Waits before a retry, and returns whether to retry after a part was vacuumed.
    fn again(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).again())
    }
}

fn narrowed(scan: crv_io::Scan, columns: Option<Vec<String>>, limit: Option<u64>) -> Result<crv_io::Scan> {
    let scan = match columns {
        Some(columns) => scan.columns(&columns)?,
        None => scan,
    };
    Ok(match limit {
        Some(limit) => scan.limit(limit),
        None => scan,
    })
}

/// An iterator over the record batches of a scan.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Batches(pub(crate) Mutex<ScanBatches>);

#[pymethods]
impl Batches {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> Result<Option<Batch>> {
        let next = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next());
        Ok(next.transpose()?.map(Batch))
    }
}

/// A record batch.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Batch(RecordBatch);

impl Batch {
    pub(crate) fn new(batch: RecordBatch) -> Self {
        Self(batch)
    }
}

#[pymethods]
impl Batch {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.0.schema_ref().as_ref())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyArrowResult<Bound<'py, PyTuple>> {
        let array: ArrayRef = Arc::new(StructArray::from(self.0.clone()));
        let field = Arc::new(Field::new_struct("", self.0.schema_ref().fields().clone(), false));
        to_array_pycapsules(py, field, &array, requested_schema)
    }
}
