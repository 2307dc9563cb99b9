//! What a handle knows of its run: a head, and the tables loaded so far, all as of that head.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crv_core::grammar::TableName;

use super::base::BaseSeen;
use super::change::Commit;
use crate::manifest::{Part, TableState};
use crate::paths::{BucketId, CommitNumber};
use crate::schema::SchemaConflict;
use crate::store::Tag;

/// A cached view of a run. Every loaded table is as of `head`.
#[derive(Debug, Default)]
pub(crate) struct RunView {
    /// The newest commit known; `None` before anything was looked at.
    pub(super) head: Option<CommitNumber>,
    pub(super) tables: BTreeMap<TableName, Loaded>,
    /// The newest commit that is known to be durable, and all before it. Others' commits are seen a moment
    /// before they are.
    pub(super) durable: CommitNumber,
    /// The base of the log, as it was last looked at.
    pub(super) base: BaseSeen,
    /// Tables changed through this handle: closing it leaves their manifests current.
    pub(super) ours: BTreeSet<TableName>,
}

/// A table in the view.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) state: Arc<TableState>,
    /// The version of `manifest.json` that the state was loaded from, or that was written from it.
    pub(super) manifest: Tag,
    /// The commit that `manifest.json` includes.
    pub(super) checkpoint: CommitNumber,
    /// The commit as of which writing it was last tried.
    pub(super) tried: CommitNumber,
    /// Has the table changed since that commit?
    pub(super) dirty: bool,
    /// Parts that the manifest names and the log does not; they are adopted before the next commit.
    pub(super) unlogged: Vec<(BucketId, Part)>,
}

impl RunView {
    /// A loaded table's state.
    pub(crate) fn state(&self, table: TableName) -> Option<&Arc<TableState>> {
        self.tables.get(&table).map(|loaded| &loaded.state)
    }

    /// Forgets what was read; not what is durable, or was changed through this handle.
    pub(super) fn forget(&mut self) {
        self.tables.clear();
        self.head = None;
    }

    /// Forgets every table and begins again at `head`.
    pub(super) fn restart_at(&mut self, head: CommitNumber) {
        self.tables.clear();
        self.head = Some(head);
    }

    pub(super) fn head(&self) -> CommitNumber {
        self.head.unwrap_or_default()
    }

    /// Moves every loaded table, and the head, on by one commit.
    pub(super) fn apply(&mut self, commit: &Commit) -> Result<(), SchemaConflict> {
        for (table, loaded) in &mut self.tables {
            commit.apply(Arc::make_mut(&mut loaded.state))?;
            loaded.dirty |= commit.change.tables.contains_key(table);
        }
        self.head = Some(commit.number);
        Ok(())
    }
}
