//! Runs with a life cycle: starting, ending, describing and removing them.
//!
//! Documents cross as JSON text, so that numbers keep every digit.

use std::path::PathBuf;
use std::time::Duration;

use crv_io::run::bundle::Versions;
use crv_io::run::{IfExists, ModelOptions, Outcome, RemoveOptions, RunError, RunOptions, Seed};
use crv_io::{Error, ErrorKind};
use pyo3::prelude::*;
use pythonize::pythonize;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::arguments::{self, Age};
use crate::dataset::Dataset;
use crate::error::{NativeError, Result};
use crate::process::OwnProcess;
use crate::settings::Settings;

/// A run under way. Dropped by the process that started it, it is aborted.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Run(OwnProcess<crv_io::run::Run>);

#[pymethods]
impl Run {
    /// The handle on the run, whose commits are its heartbeat.
    fn dataset(&self) -> Dataset {
        Dataset::new(self.0.dataset().clone())
    }

    #[getter]
    fn run_id(&self) -> &str {
        self.0.run_id().as_str()
    }

    /// Ends the run. `error` is the type, the text and the traceback of the error that it failed with.
    #[pyo3(signature = (state, error))]
    fn finish(
        &self,
        py: Python<'_>,
        state: &str,
        error: Option<(String, String, Option<String>)>,
    ) -> Result<()> {
        let outcome = match (state, error) {
            ("succeeded", None) => Outcome::Succeeded,
            ("aborted", None) => Outcome::Aborted,
            ("failed", Some((kind, message, traceback))) => {
                Outcome::Failed(RunError { kind, message, traceback })
            }
            _ => {
                let hint = "a run succeeds, is aborted, or fails with an error";
                return Err(NativeError::argument(format!("a run does not end as {state:?}"), hint));
            }
        };
        py.detach(|| self.0.finish(outcome))?;
        Ok(())
    }
}

/// Starts a run. `params` and `extra` are JSON objects, `seed` is the digits of an integer.
#[pyfunction]
#[pyo3(signature = (settings, run_id, *, params, seed, sweep, tags, model, version, source, extra, command, if_exists, keep_merged, python, polars, pyarrow))]
#[expect(clippy::too_many_arguments, reason = "each is a keyword of Python's")]
pub(crate) fn start_run(
    py: Python<'_>,
    settings: Settings,
    run_id: Option<arguments::Run>,
    params: &str,
    seed: Option<&str>,
    sweep: Option<String>,
    tags: Vec<String>,
    model: Option<String>,
    version: Option<String>,
    source: Option<PathBuf>,
    extra: &str,
    command: Vec<String>,
    if_exists: &str,
    keep_merged: Option<Age>,
    python: Option<String>,
    polars: Option<String>,
    pyarrow: Option<String>,
) -> Result<Run> {
    let options = RunOptions {
        run_id: run_id.map(|run| run.0.into()),
        params: object("params", params)?,
        seed: seed.map(Seed::parse).transpose()?,
        sweep,
        tags,
        model: ModelOptions { name: model, version, source },
        extra: object("extra", extra)?,
        command: Some(command),
        versions: Versions { python, polars, pyarrow, ..Versions::default() },
        if_exists: IfExists::from_word(if_exists).ok_or_else(|| {
            let words = IfExists::ALL.map(IfExists::as_str).join("\", \"");
            let hint = format!("pass one of \"{words}\"");
            NativeError::argument(format!("`if_exists` is {if_exists:?}"), hint)
        })?,
        keep_merged: keep_merged.map_or(Duration::MAX, |age| age.0),
    };
    let run = py.detach(|| crv_io::run::start_run(&settings.0, &options))?;
    Ok(Run(OwnProcess::new(run)))
}

/// Returns the runs under the root at a glance, as JSON: each has `run_id`, and `info` or `error`.
#[pyfunction]
pub(crate) fn summarize_runs(py: Python<'_>, settings: Settings) -> Result<String> {
    #[derive(Serialize)]
    struct Summary {
        run_id: String,
        info: Option<crv_io::run::RunInfo>,
        error: Option<String>,
    }
    py.detach(|| {
        let runs = crv_io::catalog::summarize_runs(&settings.0)?.into_iter().map(|run| {
            let (info, error) = match run.info {
                Ok(info) => (Some(info), None),
                Err(error) => (None, Some(error.to_string())),
            };
            Summary { run_id: run.run_id.into(), info, error }
        });
        text(&runs.collect::<Vec<_>>())
    })
}

/// Removes a run.
#[pyfunction]
#[pyo3(signature = (settings, run_id, *, force))]
pub(crate) fn remove_run(
    py: Python<'_>,
    settings: Settings,
    run_id: arguments::Run,
    force: bool,
) -> Result<Bound<'_, PyAny>> {
    let options = RemoveOptions { force };
    let report = py.detach(|| crv_io::run::remove_run(&settings.0, run_id.0.as_str(), options))?;
    Ok(pythonize(py, &report).map_err(PyErr::from)?)
}

/// A document as JSON text.
pub(crate) fn text(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|error| {
        Error::new(ErrorKind::Read, format!("could not serialize the document: {error}")).into()
    })
}

/// Parses a JSON object.
fn object(name: &str, text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|error| {
        NativeError::argument(format!("`{name}` is not a JSON object: {error}"), "nest it less deeply")
    })
}
