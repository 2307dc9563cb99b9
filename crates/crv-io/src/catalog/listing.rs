//! Finding the runs under a root.

use std::sync::Arc;

use crv_core::ids::RunId;
use crv_core::tables::TableId;
use serde::Serialize;

use crate::config::{FsProtocol, IoSettings};
use crate::dataset::{Dataset, open_store};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;
use crate::paths;
use crate::run::RunInfo;
use crate::store::{EntryKind, Store};

/// A run and its tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEntry {
    /// The run.
    pub run_id: RunId,
    /// The tables that were written in it, in the order of the registry.
    pub tables: Vec<TableId>,
}

/// The runs under the settings' root, sorted by id. A root that does not exist is an error of kind
/// [`Config`](ErrorKind::Config): it is probably misspelt. The default root counts as empty until the first append
/// creates it.
pub fn list_runs(settings: &IoSettings) -> Result<Vec<RunEntry>> {
    let store = open_store(settings)?;
    let mut runs = Vec::new();
    for run_id in run_ids(settings, &*store)? {
        let dataset = Dataset::with_store(settings.clone(), run_id.as_ref(), Arc::clone(&store))?;
        runs.push(RunEntry { tables: dataset.tables()?, run_id });
    }
    Ok(runs)
}

/// A run at a glance, or why it cannot be read.
#[derive(Debug)]
pub struct RunSummary {
    /// The run.
    pub run_id: RunId,
    /// What [`Dataset::info`] returns.
    pub info: Result<RunInfo>,
}

/// The runs under the settings' root at a glance, sorted by id. Reads the facts, the status and the manifests of every run.
/// A run that is damaged does not hide the others. Errors are those of [`list_runs`].
pub fn summarize_runs(settings: &IoSettings) -> Result<Vec<RunSummary>> {
    let store = open_store(settings)?;
    let runs = run_ids(settings, &*store)?;
    parallel::map(&runs, parallel::WAITING, |run_id| {
        let dataset = Dataset::with_store(settings.clone(), run_id.as_ref(), Arc::clone(&store))?;
        Ok(RunSummary { run_id: run_id.clone(), info: dataset.info() })
    })
}

/// The ids of the runs under the root, sorted.
pub(super) fn run_ids(settings: &IoSettings, store: &dyn Store) -> Result<Vec<RunId>> {
    let entries = store
        .list(&paths::runs_dir(), None)
        .map_err(|error| Error::new(ErrorKind::Read, error.to_string()).with_source(error))?;
    if entries.is_empty() {
        check_root_exists(settings)?;
    }
    let dirs = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
    // A directory whose name is not a run id is ignored.
    Ok(dirs.filter_map(|entry| RunId::new(entry.name.as_str()).ok()).collect())
}

/// Returns an error if the root is a directory that does not exist. A root in memory always exists; the default root
/// cannot be misspelt, and the first append creates it.
fn check_root_exists(settings: &IoSettings) -> Result<()> {
    let root = settings.root_dir();
    if settings.fs_protocol() == FsProtocol::Memory || root == IoSettings::DEFAULT_ROOT_DIR {
        return Ok(());
    }
    match fs_err::metadata(root) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::Config, format!("the root `{root}` does not exist"))
                .with_hint("check root_dir, or `--root`; the first append creates it"))
        }
        Err(error) => Err(Error::new(ErrorKind::Read, format!("the root `{root}` cannot be read: {error}"))
            .with_source(error)),
    }
}

impl Dataset {
    /// Whether anything lies in this run's directory: tables, artifacts or a bundle.
    pub fn exists(&self) -> Result<bool> {
        self.log().exists()
    }

    /// Returns an error of kind [`Manifest`](ErrorKind::Manifest) if the run does not [exist](Self::exists): the error
    /// that every read of it returns, with the name of the run that was probably meant.
    pub fn check_exists(&self) -> Result<()> {
        self.log().check_exists()
    }
}
