//! Announcing in the log which parts a vacuum removes, so that no writer commits them meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;

use super::change::{Change, Operation, TableChange};
use super::publish::Publisher;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{BucketId, PartId};

/// Parts by table.
pub type Parts = BTreeMap<TableId, Vec<(BucketId, PartId)>>;

impl Publisher {
    /// Returns the newest state of `table`, also of one without rows; `None` for one that is being created. Guard: the
    /// commits that it includes are durable, so that a part they replaced or took out may be removed.
    pub fn durable_state(&self, table: TableId) -> Result<Option<Arc<TableState>>> {
        let (log, mut cache) = (&*self.log, self.log.cache());
        // Loaded again: a first append may have created the manifest meanwhile, before any part has its name.
        if !log.load(&mut cache, table)? && !log.has_parts(table)? && !log.load(&mut cache, table)? {
            return Ok(None);
        }
        log.refresh(&mut cache)?;
        log.load_all(&mut cache, &[table])?;
        let (head, state) = (cache.head(), cache.state(table).map(Arc::clone));
        drop(cache);
        self.checkpointer.sync_log(head)?;
        Ok(state)
    }

    /// Announces in the log that these parts will be removed, except those that are live by now. A writer that commits
    /// one of them later is refused (invariant 7). Returns the parts that may be removed. Guard: which parts are live
    /// is determined again after each race lost.
    pub fn publish_vacuum(&self, parts: &Parts) -> Result<Parts> {
        let turn = self.turn();
        let tables: Vec<TableId> = parts.keys().copied().collect();
        let mut dead = Parts::new();
        let mut is_empty = false;
        let change = Change { operation: Operation::Vacuum, tables: BTreeMap::new() };
        let published = self.publish(&turn, change, |cache, change| {
            self.log.load_all(cache, &tables)?;
            dead.clone_from(parts);
            for (table, parts) in &mut dead {
                let state = cache.state(*table);
                parts.retain(|(bucket, id)| state.is_some_and(|state| !state.contains(*bucket, *id)));
            }
            dead.retain(|_, parts| !parts.is_empty());
            let removal = |parts: &Vec<_>| TableChange { remove: parts.clone(), ..TableChange::default() };
            change.tables = dead.iter().map(|(table, parts)| (*table, removal(parts))).collect();
            is_empty = dead.is_empty();
            if is_empty {
                return Err(Error::new(ErrorKind::Conflict, "every part was committed meanwhile"));
            }
            Ok(())
        });
        match published {
            Ok(_) => {
                self.after_commit(&turn, &tables);
                Ok(dead)
            }
            Err(_) if is_empty => Ok(dead),
            Err(error) => Err(error),
        }
    }
}
