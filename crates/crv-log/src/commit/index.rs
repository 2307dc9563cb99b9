//! The state of every table of a run, for callers that only count: from manifests and the log. Parts are opened only
//! to join a foreign manifest with the log.

use std::sync::Arc;

use crv_core::tables::TableId;

use super::reader::LogReader;
use crate::error::Result;
use crate::manifest::{self, TableState};

impl LogReader {
    /// Returns the newest state of each table that was written, in the order of the registry.
    ///
    /// The schema of a table with a foreign manifest stays unknown here.
    pub fn table_index(&self) -> Result<Vec<Arc<TableState>>> {
        let mut states = Vec::new();
        for table in self.table_dirs()? {
            let state = match self.read_foreign(table)? {
                Some(state) => Some(Arc::new(state)),
                None => self.state(table)?,
            };
            let state = match state {
                // Loaded again: a first append may have created the manifest meanwhile, before any part has its name.
                None if self.has_parts(table)? => {
                    let state = self.state(table)?;
                    Some(state.ok_or_else(|| self.no_manifest(table))?)
                }
                state => state,
            };
            states.extend(state.filter(|state| !state.is_unwritten()));
        }
        Ok(states)
    }

    /// Reads the state of a table with a foreign manifest; `None` for any other manifest, damaged or not.
    fn read_foreign(&self, table: TableId) -> Result<Option<TableState>> {
        let path = self.paths.manifest(table);
        let read = self.store.read(&path).map_err(|error| self.read_failed(error))?;
        let decoded = read.and_then(|(bytes, _)| manifest::decode(table, &bytes).ok());
        let Some(decoded) = decoded.filter(|decoded| !decoded.knows_log) else { return Ok(None) };
        let mut joined = self.join_log(decoded.state)?;
        for commit in &joined.commits {
            commit.apply(&mut joined.state).map_err(|conflict| self.conflicting(commit, &conflict))?;
        }
        let unlogged = joined.unlogged.iter().map(|(bucket, part)| (*bucket, part.id)).collect();
        self.drop_merged(&mut joined.state, &unlogged)?;
        Ok(Some(joined.state))
    }
}
