//! The catalogue: runs as a table, and scans of many runs.

use std::path::PathBuf;
use std::sync::Mutex;

use crv_io::IoSettings;
use crv_io::catalog::{Catalog, CatalogScan as Inner, Selection};
use crv_io::filter::Filter;
use crv_io::pack::PackOptions;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::to_schema_pycapsule;
use pythonize::pythonize;

use crate::arguments::{Run, Table, range};
use crate::error::Result;
use crate::scan::{Batch, Batches, stream};
use crate::settings::Settings;

/// The runs of `ids` that match `glob` and for which `filter` is true; None for all.
fn selection(ids: Option<Vec<Run>>, glob: Option<&str>, filter: Option<&str>) -> crv_io::Result<Selection> {
    let mut selection = Selection::all();
    if let Some(ids) = ids {
        selection = selection.ids(ids.into_iter().map(|run| run.0));
    }
    if let Some(glob) = glob {
        selection = selection.glob(glob)?;
    }
    match filter {
        Some(text) => Ok(selection.filter(text.parse::<Filter>()?)),
        None => Ok(selection),
    }
}

/// The selected runs as a table, one row each.
#[pyfunction]
#[pyo3(signature = (settings, *, ids=None, glob=None, filter=None))]
pub(crate) fn catalog_runs(
    py: Python<'_>,
    settings: Settings,
    ids: Option<Vec<Run>>,
    glob: Option<&str>,
    filter: Option<&str>,
) -> Result<Batch> {
    let frame = || -> crv_io::Result<_> {
        let runs = Catalog::open(settings.0)?.runs(&selection(ids, glob, filter)?)?;
        Catalog::frame(&runs)
    };
    Ok(Batch::new(py.detach(frame)?))
}

/// Opens the root: an error if it is a pack that is not there, or damaged.
#[pyfunction]
pub(crate) fn check_root(py: Python<'_>, settings: Settings) -> Result<()> {
    Ok(py.detach(|| Catalog::open(settings.0).map(drop))?)
}

/// Packs the selected runs into `path`. Returns what was packed.
#[pyfunction]
#[pyo3(signature = (settings, path, *, ids=None, glob=None, filter=None, tables=None, skip=false))]
#[expect(clippy::too_many_arguments, reason = "they have names in Python")]
pub(crate) fn catalog_pack<'py>(
    py: Python<'py>,
    settings: Settings,
    path: PathBuf,
    ids: Option<Vec<Run>>,
    glob: Option<&str>,
    filter: Option<&str>,
    tables: Option<Vec<Table>>,
    skip: bool,
) -> Result<Bound<'py, PyAny>> {
    let pack = || -> crv_io::Result<_> {
        let mut options = PackOptions::default();
        options.tables = tables.map(|tables| tables.into_iter().map(|table| table.0).collect());
        options.skip_damaged = skip;
        Catalog::open(settings.0)?.pack(&selection(ids, glob, filter)?, path, &options)
    };
    let summary = py.detach(pack)?;
    Ok(pythonize(py, &summary).map_err(PyErr::from)?)
}

/// A scan of one table of many runs.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct CatalogScan {
    inner: Inner,
    settings: IoSettings,
    params: Vec<String>,
    /// The runs that cannot be read and are left out, with why.
    skipped: Vec<(String, String)>,
}

/// Scans `table` of the selected runs. `skip`: runs that cannot be read are left out.
#[pyfunction]
#[pyo3(signature = (settings, table, *, ids=None, glob=None, filter=None, ticks=(None, None), params=Vec::new(), skip=false))]
#[expect(clippy::too_many_arguments, reason = "they have names in Python")]
pub(crate) fn catalog_scan(
    py: Python<'_>,
    settings: Settings,
    table: Table,
    ids: Option<Vec<Run>>,
    glob: Option<&str>,
    filter: Option<&str>,
    ticks: (Option<i128>, Option<i128>),
    params: Vec<String>,
    skip: bool,
) -> Result<CatalogScan> {
    let kept = settings.0.clone();
    let scan = || -> crv_io::Result<(Inner, Vec<(String, String)>)> {
        let catalog = Catalog::open(settings.0)?;
        let scan = catalog.scan(table.0, &selection(ids, glob, filter)?)?;
        let scan = scan.ticks(range(ticks.0, ticks.1)).params(&params)?.string_views();
        let (scan, skipped) = if skip { scan.skip_damaged() } else { (scan.checked()?, Vec::new()) };
        let skipped =
            skipped.into_iter().map(|run| (run.run_id.to_string(), run.problem.unwrap_or_default()));
        Ok((scan, skipped.collect()))
    };
    let (inner, skipped) = py.detach(scan)?;
    Ok(CatalogScan { inner, settings: kept, params, skipped })
}

impl CatalogScan {
    fn with(&self, inner: Inner) -> Self {
        Self {
            inner,
            settings: self.settings.clone(),
            params: self.params.clone(),
            skipped: self.skipped.clone(),
        }
    }
}

#[pymethods]
impl CatalogScan {
    #[getter]
    fn skipped(&self) -> Vec<(String, String)> {
        self.skipped.clone()
    }

    /// The first and the last tick of the runs' tables.
    #[getter]
    fn ticks(&self) -> (Option<i64>, Option<i64>) {
        let span = self.inner.tick_span();
        (span.map(|span| span.min), span.map(|span| span.max))
    }

    /// The run ids and the parameters that were asked for: a row for each run.
    fn facts(&self) -> Result<Batch> {
        Ok(Batch::new(self.inner.facts()?))
    }

    /// The same scan of some of its runs, by their places.
    fn only(&self, places: Vec<usize>) -> Self {
        self.with(self.inner.clone().only(&places))
    }

    /// The same scan of these ticks alone.
    fn within(&self, tick_min: Option<i64>, tick_max: Option<i64>) -> Self {
        let ticks = range(tick_min.map(i128::from), tick_max.map(i128::from));
        self.with(self.inner.clone().and_ticks(ticks))
    }

    #[pyo3(signature = (*, columns, limit))]
    fn select(&self, columns: Option<Vec<String>>, limit: Option<u64>) -> Result<Self> {
        Ok(self.with(narrowed(self.inner.clone(), columns, limit)?))
    }

    /// Verifies the parts for a reader that cannot pass errors on.
    fn verify(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.inner.verify())?)
    }

    #[pyo3(signature = (*, columns, limit))]
    fn batches(&self, py: Python<'_>, columns: Option<Vec<String>>, limit: Option<u64>) -> Result<Batches> {
        let scan = narrowed(self.inner.clone(), columns, limit)?;
        Ok(Batches(Mutex::new(py.detach(|| scan.batches())?)))
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
        // Before the stream is returned: an error here is an exception of crv, a later one is of the stream's consumer.
        py.detach(|| self.inner.verify())?;
        let batches = py.detach(|| self.inner.batches())?;
        stream(py, batches, fields, requested_schema)
    }

    /// Unpickled, it reads the runs as they are then.
    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let settings = pythonize(py, &self.settings).map_err(PyErr::from)?;
        let range = self.inner.range();
        let ids: Vec<String> = self.inner.runs().map(|run| run.run_id.to_string()).collect();
        let selection = (self.inner.projection(), self.inner.row_limit());
        let table = self.inner.table().to_string();
        let arguments = (settings, table, ids, (range.min(), range.max()), self.params.clone(), selection);
        let make = py.import("crv._native")?.getattr("unpickled_catalog_scan")?;
        Ok((make, arguments.into_pyobject(py)?.into_any()))
    }
}

/// Unpickles a scan of many runs.
#[pyfunction]
pub(crate) fn unpickled_catalog_scan(
    py: Python<'_>,
    settings: Settings,
    table: Table,
    ids: Vec<Run>,
    ticks: (Option<i64>, Option<i64>),
    params: Vec<String>,
    selection: (Option<Vec<String>>, Option<u64>),
) -> Result<CatalogScan> {
    let ticks = (ticks.0.map(i128::from), ticks.1.map(i128::from));
    let scan = catalog_scan(py, settings, table, Some(ids), None, None, ticks, params, false)?;
    let inner = narrowed(scan.inner.clone(), selection.0, selection.1)?;
    Ok(scan.with(inner))
}

fn narrowed(scan: Inner, columns: Option<Vec<String>>, limit: Option<u64>) -> Result<Inner> {
    let scan = match columns {
        Some(columns) => scan.columns(&columns)?,
        None => scan,
    };
    Ok(match limit {
        Some(limit) => scan.limit(limit),
        None => scan,
    })
}
