//! Publishing merges: parts that replace others, unless another writer replaced those first.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::cache::RunView;
use super::change::{Change, Operation, TableChange};
use super::publish::RunLog;
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

impl RunLog {
    /// Returns the newest state of `table`, with every part in the log: maintenance plans from it.
    pub fn logged_state(&self, table: TableName) -> Result<Arc<TableState>> {
        let mut view = self.view();
        if view.state(table).is_none() && !self.load(&mut view, table)? {
            return Err(self.unwritten(table));
        }
        self.refresh(&mut view)?;
        self.load_all(&mut view, &[table])?;
        self.adopt_unlogged(&mut view, &[table])?;
        self.load_all(&mut view, &[table])?;
        match view.state(table) {
            Some(state) if !state.is_unwritten() => Ok(Arc::clone(state)),
            _ => Err(self.unwritten(table)),
        }
    }

    /// Returns whether any of these parts is no longer live.
    pub fn are_gone(&self, table: TableName, bucket: BucketId, parts: &[PartId]) -> Result<bool> {
        let state = self.logged_state(table)?;
        Ok(!parts.iter().all(|part| state.contains(bucket, *part)))
    }

    /// Publishes those of `merges`, at most one for each bucket, whose inputs are all still live, as one commit.
    /// Returns the commit and which merges are in it; `None` if none is left. Guard: which parts are live is
    /// determined again after each race lost.
    pub fn publish_merges(
        &self,
        table: TableName,
        merges: &[Merge],
    ) -> Result<Option<(CommitNumber, Vec<bool>)>> {
        let mut view = self.view();
        self.load_all(&mut view, &[table])?;
        let mut standing = Vec::new();
        let mut gave_way = false;
        let change = Change { operation: Operation::Compact, tables: BTreeMap::new() };
        let published = self.publish(&mut view, change, None, |view, change| {
            self.load_all(view, &[table])?;
            standing = standing_in(view, table, merges);
            let merges = merges.iter().zip(&standing).filter(|(_, stands)| **stands);
            let merges: Vec<&Merge> = merges.map(|(merge, _)| merge).collect();
            gave_way = merges.is_empty();
            if gave_way {
                return Err(Error::new(ErrorKind::Write, "another writer replaced the same parts"));
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
            Ok(number) => {
                self.after_commit(&mut view, &[table]);
                Ok(Some((number, standing)))
            }
            Err(_) if gave_way => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns for each merge whether its inputs are live in the cached state.
fn standing_in(view: &RunView, table: TableName, merges: &[Merge]) -> Vec<bool> {
    let state = view.state(table);
    merges.iter().map(|merge| state.is_some_and(|state| merge.stands(state))).collect()
}
