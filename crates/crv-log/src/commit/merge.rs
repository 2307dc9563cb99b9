//! Publishing merges: parts that replace others, unless another writer replaced those first.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;

use super::cache::Cache;
use super::change::{Change, Operation, TableChange};
use super::publish::Publisher;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Part, TableState};
use crate::paths::{BucketId, CommitNumber, PartId};

/// Adjacent parts of a bucket, and the part that holds their rows.
#[derive(Debug, Clone)]
pub struct Merge {
    /// The bucket.
    pub bucket: BucketId,
    /// The parts that are merged, in their order.
    pub inputs: Vec<PartId>,
    /// The part that replaces them.
    pub part: Part,
}

impl Merge {
    /// Whether all its inputs are still live.
    fn stands(&self, state: &TableState) -> bool {
        self.inputs.iter().all(|input| state.contains(self.bucket, *input))
    }
}

impl Publisher {
    /// Returns the newest state of `table`, with every part in the log: maintenance plans from it.
    pub fn logged_state(&self, table: TableId) -> Result<Arc<TableState>> {
        let turn = self.turn();
        {
            let mut cache = self.log.cache();
            if cache.state(table).is_none() && !self.log.load(&mut cache, table)? {
                return Err(self.log.unwritten(table));
            }
            self.log.refresh(&mut cache)?;
            self.log.load_all(&mut cache, &[table])?;
        }
        self.adopt_unlogged(&turn, &[table])?;
        let mut cache = self.log.cache();
        self.log.load_all(&mut cache, &[table])?;
        match cache.state(table) {
            Some(state) if !state.is_unwritten() => Ok(Arc::clone(state)),
            _ => Err(self.log.unwritten(table)),
        }
    }

    /// Returns whether any of these parts is no longer live.
    pub fn are_gone(&self, table: TableId, bucket: BucketId, parts: &[PartId]) -> Result<bool> {
        let state = self.logged_state(table)?;
        Ok(!parts.iter().all(|part| state.contains(bucket, *part)))
    }

    /// Publishes those of `merges`, at most one for each bucket, whose inputs are all still live, as one commit.
    /// Returns the commit and which merges are in it; `None` if none is left. Guard: which parts are live is
    /// determined again after each race lost.
    pub fn publish_merges(
        &self,
        table: TableId,
        merges: &[Merge],
    ) -> Result<Option<(CommitNumber, Vec<bool>)>> {
        let turn = self.turn();
        let mut standing = Vec::new();
        let mut none_left = false;
        let change = Change { operation: Operation::Compact, tables: BTreeMap::new() };
        let published = self.publish(&turn, change, |cache, change| {
            self.log.load_all(cache, &[table])?;
            standing = standing_in(cache, table, merges);
            let merges = merges.iter().zip(&standing).filter(|(_, stands)| **stands);
            let merges: Vec<&Merge> = merges.map(|(merge, _)| merge).collect();
            none_left = merges.is_empty();
            if none_left {
                return Err(Error::new(ErrorKind::Conflict, "another writer replaced the same parts"));
            }
            let removed = |merge: &&Merge| {
                let bucket = merge.bucket;
                merge.inputs.iter().map(move |input| (bucket, *input)).collect::<Vec<_>>()
            };
            let compaction = TableChange {
                add: merges.iter().map(|merge| (merge.bucket, merge.part.clone())).collect(),
                remove: merges.iter().flat_map(removed).collect(),
                ..TableChange::default()
            };
            change.tables = BTreeMap::from([(table, compaction)]);
            Ok(())
        });
        match published {
            Ok(commit) => {
                self.after_commit(&turn, &[table]);
                Ok(Some((commit.number, standing)))
            }
            Err(_) if none_left => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns for each merge whether its inputs are live in the cached state.
fn standing_in(cache: &Cache, table: TableId, merges: &[Merge]) -> Vec<bool> {
    let state = cache.state(table);
    merges.iter().map(|merge| state.is_some_and(|state| merge.stands(state))).collect()
}
