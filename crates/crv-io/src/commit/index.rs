//! The state of every table of a run for who only counts: from manifests and the log, no part opened.

use std::sync::Arc;

use crv_core::grammar::TableName;

use super::publish::RunLog;
use crate::error::Result;
use crate::manifest::{self, TableState};
use crate::paths::BucketId;

impl RunLog {
    /// The newest state of each table that was written, in the order of the registry.
    ///
    /// What a manifest of another implementation does not say - the schema - stays unknown here.
    pub(crate) fn table_index(&self) -> Result<Vec<Arc<TableState>>> {
        let mut states = Vec::new();
        for table in self.table_dirs()? {
            let state = match self.read_foreign(table)? {
                Some(state) => Some(Arc::new(state)),
                None => self.state(table)?,
            };
            let state = match state {
                // Looked for again: its first append may be under way, which makes the manifest before any bucket.
                None if self.has_buckets(table)? => {
                    let state = self.state(table)?;
                    Some(state.ok_or_else(|| self.no_manifest(table, &self.paths.manifest(table)))?)
                }
                state => state,
            };
            states.extend(state.filter(|state| !state.is_unwritten()));
        }
        Ok(states)
    }

    /// The state of a table whose manifest knows nothing of the log; `None` for any other, damaged ones too.
    fn read_foreign(&self, table: TableName) -> Result<Option<TableState>> {
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

    pub(crate) fn has_buckets(&self, table: TableName) -> Result<bool> {
        let entries =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        Ok(entries.iter().any(|entry| BucketId::parse_dir_name(&entry.name).is_some()))
    }
}
