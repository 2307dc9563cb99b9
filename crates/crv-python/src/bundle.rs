//! The run bundle and artifacts.

use std::path::PathBuf;

use crv_io::run::artifacts;
use crv_io::run::bundle::{self, BundleMeta, Versions};
use crv_io::{Dataset, Error, ErrorKind};
use pyo3::prelude::*;
use pythonize::pythonize;
use serde::Serialize;

use crate::arguments::Run;
use crate::error::{NativeError, Result};
use crate::frame::Rows;
use crate::settings::Settings;

/// Returns the path of a run's bundle.
#[pyfunction]
pub(crate) fn bundle_manifest_path(settings: Settings, run_id: Run) -> Result<String> {
    Ok(bundle::bundle_manifest_path(&settings.0, run_id.0.as_ref())?)
}

/// Writes a run's bundle and returns its JSON. `meta` is JSON too, so that numbers keep every digit; without it, the
/// metadata of the previous bundle is kept.
#[pyfunction]
#[pyo3(signature = (settings, run_id, meta, *, python, polars, pyarrow))]
pub(crate) fn write_run_bundle_manifest(
    py: Python<'_>,
    settings: Settings,
    run_id: Run,
    meta: Option<&str>,
    python: Option<String>,
    polars: Option<String>,
    pyarrow: Option<String>,
) -> Result<String> {
    let versions = Versions { python, polars, pyarrow, ..Versions::default() };
    py.detach(|| {
        let dataset = Dataset::open(settings.0, run_id.0.as_ref())?;
        let meta = meta.map(BundleMeta::parse).transpose()?;
        let bundle = dataset.write_bundle(meta, versions)?;
        serde_json::to_string(&bundle).map_err(|error| {
            Error::new(ErrorKind::Write, format!("could not serialize the bundle: {error}")).into()
        })
    })
}

/// Returns the totals of each table of a run.
#[pyfunction]
pub(crate) fn collect_tables_index(
    py: Python<'_>,
    settings: Settings,
    run_id: Run,
) -> Result<Bound<'_, PyAny>> {
    to_python(py, || bundle::collect_tables_index(&settings.0, run_id.0.as_ref()))
}

/// Returns the artifacts of a run.
#[pyfunction]
pub(crate) fn collect_artifacts_index(
    py: Python<'_>,
    settings: Settings,
    run_id: Run,
) -> Result<Bound<'_, PyAny>> {
    to_python(py, || artifacts::collect_artifacts_index(&settings.0, run_id.0.as_ref()))
}

/// Returns the directory of a run's artifacts.
#[pyfunction]
pub(crate) fn artifacts_root(settings: Settings, run_id: Run) -> Result<String> {
    Ok(artifacts::artifacts_root(&settings.0, run_id.0.as_ref())?)
}

/// Creates a directory of the lab's artifacts, and returns its path.
#[pyfunction]
pub(crate) fn lab_dir(py: Python<'_>, settings: Settings, run_id: Run, subdir: &str) -> Result<String> {
    Ok(py.detach(|| artifacts::lab_dir(&settings.0, run_id.0.as_ref(), subdir))?)
}

/// Writes rows to a Parquet file, atomically.
#[pyfunction]
pub(crate) fn write_parquet_atomic(py: Python<'_>, path: PathBuf, frame: Rows) -> Result<Bound<'_, PyAny>> {
    let written =
        py.detach(|| Ok::<_, NativeError>(artifacts::write_parquet_atomic(path, &frame.read()?)?))?;
    Ok(pythonize(py, &written).map_err(PyErr::from)?)
}

/// Writes text to a file in UTF-8, atomically.
#[pyfunction]
pub(crate) fn write_text_atomic<'py>(
    py: Python<'py>,
    path: PathBuf,
    text: &str,
) -> Result<Bound<'py, PyAny>> {
    to_python(py, || artifacts::write_text_atomic(path, text))
}

/// Returns the size and modification time of a file.
#[pyfunction]
pub(crate) fn file_stat(py: Python<'_>, path: PathBuf) -> Result<Bound<'_, PyAny>> {
    to_python(py, || artifacts::file_stat(path))
}

/// Does the work with the interpreter released, and returns its result as dicts and lists.
fn to_python<T: Serialize + Send>(
    py: Python<'_>,
    work: impl FnOnce() -> crv_io::Result<T> + Send,
) -> Result<Bound<'_, PyAny>> {
    Ok(pythonize(py, &py.detach(work)?).map_err(PyErr::from)?)
}
