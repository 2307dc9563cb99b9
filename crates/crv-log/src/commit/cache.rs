//! The cached state of a handle: a head, and the tables loaded so far, all as of that head.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crv_core::tables::TableId;

use super::base::BaseSeen;
use super::change::Commit;
use crate::manifest::{Part, TableState};
use crate::paths::{BucketId, CommitNumber};
use crate::store::Tag;
use crv_schema::schema::SchemaConflict;

/// The cached state of a run. Every loaded table is as of `head`.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// The newest commit known; `None` before anything was read.
    pub(super) head: Option<CommitNumber>,
    pub(super) tables: BTreeMap<TableId, Loaded>,
    /// The newest commit that is known to be durable, with all before it. Commits of other writers can be read a
    /// moment before they are durable.
    pub(super) durable: CommitNumber,
    /// The base of the log, as it was last read.
    pub(super) base: BaseSeen,
    /// Tables changed through this handle: closing it rewrites their manifests.
    pub(super) ours: BTreeSet<TableId>,
}

/// A cached table.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) state: Arc<TableState>,
    /// The version of `manifest.json` that the state was loaded from, or that was written from it.
    pub(super) manifest: Tag,
    /// The commit that `manifest.json` includes.
    pub(super) checkpoint: CommitNumber,
    /// The commit as of which a checkpoint was last tried.
    pub(super) tried: CommitNumber,
    /// Whether the table has changed since `checkpoint`.
    pub(super) dirty: bool,
    /// Unlogged parts: they are adopted before the next commit to the table.
    pub(super) unlogged: Vec<(BucketId, Part)>,
}

impl Loaded {
    /// A table whose manifest was just written from `state`.
    pub(super) fn written(state: Arc<TableState>, manifest: Tag) -> Self {
        let checkpoint = state.commit;
        Self { state, manifest, checkpoint, tried: checkpoint, dirty: false, unlogged: Vec::new() }
    }
}

impl Cache {
    /// Returns a cached table's state.
    pub(super) fn state(&self, table: TableId) -> Option<&Arc<TableState>> {
        self.tables.get(&table).map(|loaded| &loaded.state)
    }

    /// Drops what was read; keeps what is durable, and what was changed through this handle.
    pub(super) fn forget(&mut self) {
        self.tables.clear();
        self.head = None;
    }

    /// Drops every table and continues from `head`.
    pub(super) fn restart_at(&mut self, head: CommitNumber) {
        self.tables.clear();
        self.head = Some(head);
    }

    pub(super) fn head(&self) -> CommitNumber {
        self.head.unwrap_or_default()
    }

    /// Applies one commit to every cached table, and makes it the head.
    pub(super) fn apply(&mut self, commit: &Commit) -> Result<(), SchemaConflict> {
        for (table, loaded) in &mut self.tables {
            let state = Arc::make_mut(&mut loaded.state);
            commit.apply(state)?;
            let Some(change) = commit.change.tables.get(table) else { continue };
            loaded.dirty = true;
            // A part that the commit names is in the log now; one that it replaced or removed is not adopted any more.
            let named: HashSet<_> = change.add.iter().map(|(bucket, part)| (*bucket, part.id)).collect();
            loaded.unlogged.retain(|(bucket, part)| {
                !named.contains(&(*bucket, part.id)) && state.contains(*bucket, part.id)
            });
        }
        self.head = Some(commit.number);
        Ok(())
    }
}
