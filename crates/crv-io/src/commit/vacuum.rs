//! Deciding which parts are going to be removed: in the log, so that nobody commits them meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::change::{Change, Operation, TableChange};
use super::publish::RunLog;
use crate::error::Result;
use crate::manifest::TableState;
use crate::paths::{BucketId, PartId};

/// Parts, table by table.
pub(crate) type Parts = BTreeMap<TableName, Vec<(BucketId, PartId)>>;

impl RunLog {
    /// The newest state of `table`, that of one that was never written included; `None` for one that is about to be
    /// made. The commits that it is of are durable: a file that they let go of may be removed.
    pub(crate) fn durable_state(&self, table: TableName) -> Result<Option<Arc<TableState>>> {
        let mut view = self.view();
        // Looked for again: its first append may be under way, which makes the manifest before any bucket.
        if !self.load(&mut view, table)? && !self.has_buckets(table)? && !self.load(&mut view, table)? {
            return Ok(None);
        }
        self.refresh(&mut view)?;
        self.load_all(&mut view, &[table])?;
        self.settle_log(&mut view)?;
        Ok(view.state(table).map(Arc::clone))
    }

    /// Says in the log that these parts are going to be removed, but for those that a commit names by now. A writer
    /// that was about to commit one of them is refused (invariant 7). Returns those that may be removed.
    pub(crate) fn publish_vacuum(&self, parts: &Parts) -> Result<Parts> {
        let mut view = self.view();
        let tables: Vec<TableName> = parts.keys().copied().collect();
        self.load_all(&mut view, &tables)?;
        let mut dead = Parts::new();
        let mut is_empty = false;
        let change = Change { operation: Operation::Vacuum, tables: BTreeMap::new() };
        let published = self.publish(&mut view, change, None, |view, change| {
            self.load_all(view, &tables)?;
            dead.clone_from(parts);
            for (table, parts) in &mut dead {
                let state = view.state(*table);
                parts.retain(|(bucket, id)| state.is_some_and(|state| !state.contains(*bucket, *id)));
            }
            dead.retain(|_, parts| !parts.is_empty());
            let removal = |parts: &Vec<_>| TableChange { remove: parts.clone(), ..TableChange::default() };
            change.tables = dead.iter().map(|(table, parts)| (*table, removal(parts))).collect();
            is_empty = dead.is_empty();
            if is_empty {
                return Err(crate::error::Error::argument("every part was committed meanwhile"));
            }
            Ok(())
        });
        match published {
            Ok(_) => {
                self.after_commit(&mut view, &tables);
                Ok(dead)
            }
            Err(_) if is_empty => Ok(dead),
            Err(error) => Err(error),
        }
    }
}
