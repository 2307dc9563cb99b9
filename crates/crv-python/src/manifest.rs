//! Manifests as dicts, in the form of their JSON.

use crv_io::{Dataset, TableManifest};
use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};

use crate::arguments::{Run, Table};
use crate::error::{NativeError, Result};
use crate::settings::Settings;

/// Returns the current state of a table, or None if the run has no such table.
#[pyfunction]
pub(crate) fn load_manifest(
    py: Python<'_>,
    settings: Settings,
    run_id: Run,
    table: Table,
) -> Result<Option<Bound<'_, PyAny>>> {
    let manifest = py.detach(|| {
        let dataset = Dataset::open(settings.0, run_id.0.as_ref())?;
        let exists = dataset.tables()?.contains(&table.0);
        Ok::<_, NativeError>(if exists { Some(dataset.manifest(table.0)?) } else { None })
    })?;
    manifest.map(|manifest| to_python(py, &manifest)).transpose()
}

/// Replaces the state of a table by a manifest.
#[pyfunction]
pub(crate) fn write_manifest(
    py: Python<'_>,
    settings: Settings,
    run_id: Run,
    manifest: &Bound<'_, PyAny>,
) -> Result<()> {
    let manifest: TableManifest = depythonize(manifest).map_err(|error| {
        NativeError::argument(
            format!("the manifest cannot be written: {error}"),
            "make it with crv.io.manifest",
        )
    })?;
    Ok(py.detach(|| Dataset::open(settings.0, run_id.0.as_ref())?.replace_manifest(&manifest))?)
}

pub(crate) fn to_python<'py>(py: Python<'py>, manifest: &TableManifest) -> Result<Bound<'py, PyAny>> {
    Ok(pythonize(py, manifest).map_err(PyErr::from)?)
}
