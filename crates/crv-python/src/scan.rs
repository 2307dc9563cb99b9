//! Scans: as Arrow streams, and as the plan that Polars' own reader is given.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_schema::{ArrowError, Field};
use crv_io::config::FsProtocol;
use crv_io::{IoSettings, ScanBatches};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::{ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule};

use crate::error::Result;

/// Rows of a part that is read at once, in one batch.
const SMALL: u64 = 32 * 1024;

/// A pinned snapshot of a table, with the parts that may hold rows asked for.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Scan {
    scan: crv_io::Scan,
    on_disk: bool,
}

/// Neighbouring parts: their paths where Polars can read them, None where only a scan can, and their places.
type Group = (Option<Vec<String>>, usize, usize);

impl Scan {
    pub(crate) fn new(scan: crv_io::Scan, settings: &IoSettings) -> Self {
        Self { scan, on_disk: settings.fs_protocol() == FsProtocol::File }
    }
}

#[pymethods]
impl Scan {
    /// The ticks asked for: the first and the last.
    #[getter]
    fn ticks(&self) -> (Option<i64>, Option<i64>) {
        (self.scan.range().min(), self.scan.range().max())
    }

    /// Are all rows of all parts asked for?
    #[getter]
    fn is_exact(&self) -> bool {
        let range = self.scan.range();
        self.scan.parts().iter().all(|part| range.contains(part.tick_min) && range.contains(part.tick_max))
    }

    /// Is it one part of few rows at most, which is read sooner than a plan for reading it is made?
    #[getter]
    fn is_small(&self) -> bool {
        let parts = self.scan.parts();
        parts.len() <= 1 && parts.iter().all(|part| part.rows <= SMALL)
    }

    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (at, part) in self.scan.parts().into_iter().enumerate() {
            let path = (self.on_disk && !part.provisional).then_some(part.path);
            match (groups.last_mut(), path) {
                (Some((Some(paths), _, stop)), Some(path)) => {
                    paths.push(path);
                    *stop = at + 1;
                }
                (Some((None, _, stop)), None) => *stop = at + 1,
                (_, path) => groups.push((path.map(|path| vec![path]), at, at + 1)),
            }
        }
        groups
    }

    #[pyo3(signature = (*, columns, limit))]
    fn select(&self, columns: Option<Vec<String>>, limit: Option<u64>) -> Result<Self> {
        Ok(Self { scan: narrowed(self.scan.clone(), columns, limit)?, on_disk: self.on_disk })
    }

    #[pyo3(signature = (start, stop, *, columns, limit))]
    fn batches(
        &self,
        py: Python<'_>,
        start: usize,
        stop: usize,
        columns: Option<Vec<String>>,
        limit: Option<u64>,
    ) -> Result<Batches> {
        let scan = narrowed(self.scan.clone().part_range(start..stop), columns, limit)?;
        Ok(Batches(Mutex::new(py.detach(|| scan.batches()))))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.scan.schema().as_ref())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        let fields = self.scan.schema().fields().clone();
        let scan = self.scan.clone();
        let batches = py.detach(|| scan.batches());
        let arrays = batches.map(|batch| match batch {
            Ok(batch) => Ok(Arc::new(StructArray::from(batch)) as ArrayRef),
            Err(error) => Err(ArrowError::ExternalError(Box::new(error))),
        });
        let stream = ArrayIterator::new(arrays, Arc::new(Field::new_struct("", fields, false)));
        Ok(to_stream_pycapsule(py, Box::new(stream), requested_schema).map_err(PyErr::from)?)
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

/// The record batches of a scan, one after the other.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Batches(Mutex<ScanBatches>);

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
