//! The runs there are under a root.

use crv_core::grammar::TableName;
use crv_core::ids::RunId;
use serde::Serialize;

use crate::config::IoSettings;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::paths;
use crate::store::EntryKind;

/// A run and its tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEntry {
    /// The run.
    pub run_id: RunId,
    /// The tables that have a directory in it, in the order of the registry.
    pub tables: Vec<TableName>,
}

/// The runs under the settings' root, sorted by id. A root that does not exist has none.
pub fn list_runs(settings: &IoSettings) -> Result<Vec<RunEntry>> {
    let store = crate::dataset::open_store(settings);
    let entries = store
        .list(&paths::runs_dir(), None)
        .map_err(|error| Error::new(ErrorKind::Read, error.to_string()).with_source(error))?;
    let mut runs = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
        // A directory whose name is no run id is none of ours.
        let Ok(run_id) = RunId::new(entry.name.as_str()) else { continue };
        let dataset = Dataset::with_store(settings.clone(), run_id.as_ref(), std::sync::Arc::clone(&store))?;
        runs.push(RunEntry { tables: dataset.tables()?, run_id });
    }
    Ok(runs)
}
