//! Announcing in the log which parts a vacuum removes, so that no writer commits them meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::change::{Change, Operation, TableChange};
use super::publish::RunLog;
use crate::error::Result;
use crate::manifest::TableState;
use crate::paths::{BucketId, PartId};

/// Parts by table.
pub type Parts = BTreeMap<TableName, Vec<(BucketId, PartId)>>;

impl RunLog {
    /// Returns the newest state of `table`, also of one without rows; `None` for one that is being created. Guard: the
    /// commits that it includes are durable, so that a part they replaced or took out may be removed.
    pub fn durable_state(&self, table: TableName) -> Result<Option<Arc<TableState>>> {
        let mut view = self.view();
        // Loaded again: a first append may have created the manifest meanwhile, before any bucket.
        if !self.load(&mut view, table)? && !self.has_buckets(table)? && !self.load(&mut view, table)? {
            return Ok(None);
        }
        self.refresh(&mut view)?;
        self.load_all(&mut view, &[table])?;
        self.settle_log(&mut view)?;
        Ok(view.state(table).map(Arc::clone))
    }

    /// Announces in the log that these parts will be removed, except those that are live by now. A writer that commits
    /// one of them later is refused (invariant 7). Returns the parts that may be removed. Guard: which parts are live
    /// is determined again after each race lost.
    pub fn publish_vacuum(&self, parts: &Parts) -> Result<Parts> {
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
