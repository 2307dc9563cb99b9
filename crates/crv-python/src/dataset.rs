//! `_native.Dataset`: the dataset of a run.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crv_io::schema::Field;
use crv_io::{AppendOptions, CheckOptions, CompactOptions, ModelState, VacuumOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pythonize::pythonize;

use crate::arguments::{Age, Run, Table, Where, bound};
use crate::declare::Columns;
use crate::error::{NativeError, Result};
use crate::frame::Rows;
use crate::manifest;
use crate::process::OwnProcess;
use crate::rows::RowFrame;
use crate::run;
use crate::scan::Scan;
use crate::settings::Settings;
use crate::transaction::Transaction;
use crate::writer::{self, Writer};

/// A handle on a run. A forked process must open its own.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Dataset(OwnProcess<crv_io::Dataset>);

impl Dataset {
    pub(crate) fn new(dataset: crv_io::Dataset) -> Self {
        Self(OwnProcess::new(dataset))
    }
}

#[pymethods]
impl Dataset {
    #[new]
    fn open(py: Python<'_>, settings: Settings, run_id: Run) -> Result<Self> {
        Ok(Self(OwnProcess::new(py.detach(|| crv_io::Dataset::open(settings.0, run_id.0.as_ref()))?)))
    }

    #[pyo3(signature = (table, frame, *, validate_schema, validate_rows, declare=false))]
    fn append<'py>(
        &self,
        py: Python<'py>,
        table: Table,
        frame: Rows,
        validate_schema: bool,
        validate_rows: bool,
        declare: bool,
    ) -> Result<Bound<'py, PyAny>> {
        let options = AppendOptions { validate_schema, validate_rows };
        let summary = py.detach(|| {
            let frame = frame.read_checked(|schema| {
                self.0.check_nesting(table.0, schema)?;
                if declare { self.0.declare_missing(table.0, schema).map(drop) } else { Ok(()) }
            })?;
            Ok::<_, NativeError>(self.0.append(table.0, frame, options)?)
        })?;
        Ok(pythonize(py, &summary).map_err(PyErr::from)?)
    }

    fn declare(&self, py: Python<'_>, table: Table, columns: Columns, required: Vec<String>) -> Result<()> {
        py.detach(|| match columns {
            Columns::Named(columns) => self.0.declare_columns(table.0, columns, &required),
            Columns::Like(schema) => self.0.declare_like(table.0, &schema, &required),
        })?;
        Ok(())
    }

    fn columns(&self, py: Python<'_>, table: Table) -> Result<Vec<(String, String, bool)>> {
        let descriptor = py.detach(|| self.0.descriptor(table.0))?;
        let column = |field: &Field| (field.name.clone(), field.ty.to_string(), field.required);
        Ok(descriptor.columns().iter().map(column).collect())
    }

    fn empty(&self, py: Python<'_>, table: Table) -> Result<RowFrame> {
        let descriptor = py.detach(|| self.0.descriptor(table.0))?;
        Ok(RowFrame::empty(descriptor.schema().to_arrow()))
    }

    fn transaction(&self) -> Transaction {
        Transaction::new(self.0.transaction())
    }

    #[pyo3(signature = (*, max_rows, max_bytes, flush_every))]
    fn writer(
        &self,
        max_rows: Option<Bound<'_, PyAny>>,
        max_bytes: Option<Bound<'_, PyAny>>,
        flush_every: Option<f64>,
    ) -> Result<Writer> {
        let options = writer::options(max_rows.as_ref(), max_bytes.as_ref(), flush_every)?;
        Ok(Writer::new(self.0.writer(options)))
    }

    #[pyo3(signature = (table, r#where))]
    fn scan(&self, py: Python<'_>, table: Table, r#where: Option<Where>) -> Result<Scan> {
        let ticks = r#where.map(|range| range.0).unwrap_or_default();
        Ok(Scan::new(py.detach(|| self.0.scan(table.0))?.ticks(ticks), &self.0))
    }

    fn manifest<'py>(&self, py: Python<'py>, table: Table) -> Result<Bound<'py, PyAny>> {
        manifest::to_python(py, &py.detach(|| self.0.manifest(table.0))?)
    }

    fn rebuild_manifest<'py>(
        &self,
        py: Python<'py>,
        table: Table,
    ) -> Result<(Bound<'py, PyAny>, Vec<String>)> {
        let report = py.detach(|| self.0.rebuild_manifest(table.0))?;
        Ok((manifest::to_python(py, &report.manifest)?, report.missing))
    }

    #[pyo3(signature = (table, *, ticks, max_bytes))]
    fn compact<'py>(
        &self,
        py: Python<'py>,
        table: Table,
        ticks: Option<Where>,
        max_bytes: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyAny>> {
        let max_bytes = max_bytes.map(|bytes| bound("max_bytes", &bytes)).transpose()?;
        let options = CompactOptions { ticks: ticks.map(|range| range.0).unwrap_or_default(), max_bytes };
        let report = py.detach(|| self.0.compact(table.0, options))?;
        Ok(pythonize(py, &report).map_err(PyErr::from)?)
    }

    #[pyo3(signature = (older_than, *, dry_run))]
    fn vacuum<'py>(&self, py: Python<'py>, older_than: Age, dry_run: bool) -> Result<Bound<'py, PyAny>> {
        let options = VacuumOptions { older_than: older_than.0, dry_run };
        let report = py.detach(|| self.0.vacuum(options))?;
        Ok(pythonize(py, &report).map_err(PyErr::from)?)
    }

    fn files(&self, py: Python<'_>, table: Table) -> Result<Vec<String>> {
        Ok(py.detach(|| self.0.files(table.0))?.into_iter().map(|part| part.path).collect())
    }

    #[pyo3(signature = (*, deep))]
    fn check<'py>(&self, py: Python<'py>, deep: bool) -> Result<Bound<'py, PyAny>> {
        let report = py.detach(|| self.0.check(CheckOptions { deep }))?;
        Ok(pythonize(py, &report).map_err(PyErr::from)?)
    }

    fn repair<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let report = py.detach(|| self.0.repair())?;
        Ok(pythonize(py, &report).map_err(PyErr::from)?)
    }

    fn prune<'py>(&self, py: Python<'py>, older_than: Age) -> Result<Bound<'py, PyAny>> {
        let report = py.detach(|| self.0.prune(older_than.0))?;
        Ok(pythonize(py, &report).map_err(PyErr::from)?)
    }

    fn truncate<'py>(&self, py: Python<'py>, after_tick: i64) -> Result<Bound<'py, PyAny>> {
        let report = py.detach(|| self.0.truncate(after_tick))?;
        Ok(pythonize(py, &report).map_err(PyErr::from)?)
    }

    fn last_tick(&self, py: Python<'_>) -> Result<Option<i64>> {
        Ok(py.detach(|| self.0.last_tick())?)
    }

    fn latest_checkpoint<'py>(&self, py: Python<'py>) -> Result<Option<(i64, Bound<'py, PyBytes>)>> {
        Ok(py.detach(|| self.0.latest_checkpoint())?.map(|found| model_state(py, &found)))
    }

    fn resume<'py>(&self, py: Python<'py>) -> Result<Option<(i64, Bound<'py, PyBytes>)>> {
        Ok(py.detach(|| self.0.resume())?.map(|found| model_state(py, &found)))
    }

    /// This run at a glance, as JSON.
    fn info(&self, py: Python<'_>) -> Result<String> {
        py.detach(|| run::text(&self.0.info()?))
    }

    /// The rows of a table as of a commit.
    fn scan_at(&self, py: Python<'_>, table: Table, r#where: Option<Where>, commit: u64) -> Result<Scan> {
        let ticks = r#where.map(|range| range.0).unwrap_or_default();
        Ok(Scan::new(py.detach(|| self.0.scan_at(table.0, commit))?.ticks(ticks), &self.0))
    }

    /// Follows the run from after a commit.
    fn follow(&self, py: Python<'_>, after: u64, tables: Option<Vec<Table>>) -> Result<Follow> {
        py.detach(|| self.0.check_exists())?;
        let tables = tables.map(|tables| tables.into_iter().map(|table| table.0).collect());
        Ok(Follow { inner: Mutex::new(self.0.follow(after, tables)), dataset: self.0.clone() })
    }

    fn check_exists(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.0.check_exists())?)
    }

    fn read_artifact<'py>(&self, py: Python<'py>, path: &str) -> Result<Bound<'py, PyBytes>> {
        let bytes = py.detach(|| self.0.read_artifact(path))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn digest<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let digest = py.detach(|| self.0.digest())?;
        Ok(pythonize(py, &digest).map_err(PyErr::from)?)
    }

    /// Where this run and another part.
    fn diff<'py>(&self, py: Python<'py>, other: &Self) -> Result<Bound<'py, PyAny>> {
        let found = py.detach(|| crv_io::digest::diff(&self.0, &other.0))?;
        Ok(pythonize(py, &found).map_err(PyErr::from)?)
    }

    /// The facts of this run, as JSON; null if it has none.
    fn facts(&self, py: Python<'_>) -> Result<String> {
        py.detach(|| run::text(&self.0.facts()?))
    }

    /// The status of this run, as JSON; null if it has none.
    fn status(&self, py: Python<'_>) -> Result<String> {
        py.detach(|| run::text(&self.0.status()?))
    }

    fn tables(&self, py: Python<'_>) -> Result<Vec<String>> {
        Ok(py.detach(|| self.0.tables())?.iter().map(ToString::to_string).collect())
    }

    fn close(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.0.close())?)
    }
}

/// Follows a run.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Follow {
    inner: Mutex<crv_io::Follow>,
    dataset: crv_io::Dataset,
}

/// The number of a commit, and the tables that it appended to, each with its rows.
type Followed = (u64, Vec<(String, Scan)>);

#[pymethods]
impl Follow {
    /// Waits for the next commit with rows; None after `patience` seconds.
    fn next(&self, py: Python<'_>, poll: f64, patience: f64) -> Result<Option<Followed>> {
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        let (poll, patience) = (time(poll), time(patience));
        let found = py.detach(|| self.lock().next_within(poll, patience))?;
        Ok(found.map(|commit| {
            let tables = commit.tables.into_iter();
            let tables = tables.map(|(table, scan)| (table.to_string(), Scan::new(scan, &self.dataset)));
            (commit.number, tables.collect())
        }))
    }

    /// Whether the run has ended, and every commit was returned.
    fn is_over(&self, py: Python<'_>) -> Result<bool> {
        Ok(py.detach(|| self.lock().is_over())?)
    }

    /// The commit that was passed last.
    #[getter]
    fn commit(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.lock().commit())
    }
}

impl Follow {
    fn lock(&self) -> MutexGuard<'_, crv_io::Follow> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn model_state<'py>(py: Python<'py>, found: &ModelState) -> (i64, Bound<'py, PyBytes>) {
    (found.tick, PyBytes::new(py, &found.state))
}

/// Lists the runs under the root, each with its tables.
#[pyfunction]
pub(crate) fn list_runs(py: Python<'_>, settings: Settings) -> Result<Bound<'_, PyAny>> {
    let runs = py.detach(|| crv_io::catalog::list_runs(&settings.0))?;
    Ok(pythonize(py, &runs).map_err(PyErr::from)?)
}
