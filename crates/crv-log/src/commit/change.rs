//! What a commit does to the tables of a run. Pure: planned here, published elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;
use jiff::Timestamp;

use crate::manifest::{Part, TableState};
use crate::paths::{BucketId, CommitNumber, PartId};
use crv_schema::schema::{Descriptor, SchemaConflict, TableSchema};

/// Why a commit was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Rows were appended, to one table or to several in a transaction.
    Append,
    /// Parts that only a manifest named were added to the log.
    Adopt,
    /// A table was rebuilt from the parts on disk.
    Rebuild,
    /// A caller replaced a manifest.
    Manifest,
    /// Parts of a bucket were merged into one, which takes the place of the first of them.
    Compact,
    /// Parts that are not live are about to be removed: no later commit may name them.
    Vacuum,
    /// Tables were declared, or declared with further columns.
    Declare,
    /// Rows beyond a tick were removed from every table.
    Truncate,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 8] = [
        Self::Append,
        Self::Adopt,
        Self::Rebuild,
        Self::Manifest,
        Self::Compact,
        Self::Vacuum,
        Self::Declare,
        Self::Truncate,
    ];

    /// The word in the commit file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Adopt => "adopt",
            Self::Rebuild => "rebuild",
            Self::Manifest => "manifest",
            Self::Compact => "compact",
            Self::Vacuum => "vacuum",
            Self::Declare => "declare",
            Self::Truncate => "truncate",
        }
    }
}

/// What a commit does to one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableChange {
    /// Parts that become live, in order.
    pub add: Vec<(BucketId, Part)>,
    /// Parts that are no longer live; of a vacuum, parts that it removes. In a truncation, the first of them are replaced
    /// by the added parts, one by one.
    pub remove: Vec<(BucketId, PartId)>,
    /// The table's whole declaration, if this commit makes it or makes it grow.
    pub declared: Option<Descriptor>,
    /// The table's whole schema, if this commit makes it grow.
    pub schema: Option<Arc<TableSchema>>,
    /// Ticks per bucket; set by the first commit to a table.
    pub tick_bucket_size: Option<u64>,
}

impl TableChange {
    /// Whether this changes nothing.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty() && self.schema.is_none() && self.declared.is_none()
    }
}

/// What a commit does.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Why the commit is made.
    pub operation: Operation,
    /// What it does, by table.
    pub tables: BTreeMap<TableId, TableChange>,
}

impl Change {
    /// Sets the creation time of parts that replace others to that of their commit. From then on the others are needed
    /// only by readers of earlier snapshots, which a vacuum waits for.
    pub(super) fn date(&mut self, now: Timestamp) {
        if matches!(self.operation, Operation::Compact | Operation::Truncate) {
            for (_, part) in self.tables.values_mut().flat_map(|change| &mut change.add) {
                part.created_at = now;
            }
        }
    }
}

/// A commit as it was read from the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Its number in the log.
    pub number: CommitNumber,
    /// The random id of the attempt that published it.
    pub id: String,
    /// When it was made, by its writer's clock.
    pub created_at: Timestamp,
    /// What it changes.
    pub change: Change,
}

impl Commit {
    /// Applies this commit to `state`, which then includes it. Idempotent.
    pub fn apply(&self, state: &mut TableState) -> Result<(), SchemaConflict> {
        if let Some(change) = self.change.tables.get(&state.table) {
            if change.declared.is_some() {
                state.declared.clone_from(&change.declared);
            }
            if let Some(schema) = &change.schema {
                let union = match state.schema.take() {
                    None => Arc::clone(schema),
                    Some(known) if schema.covers(&known) => Arc::clone(schema),
                    Some(known) if known.covers(schema) => known,
                    Some(known) => Arc::new(known.union(schema)?),
                };
                state.schema = Some(union);
            }
            state.tick_bucket_size = state.tick_bucket_size.or(change.tick_bucket_size);
            match self.change.operation {
                Operation::Compact => state.replace(&change.remove, &change.add),
                Operation::Truncate => {
                    state.cut(&change.remove, &change.add);
                    state.note_removed(&change.remove, self.created_at);
                }
                Operation::Vacuum => state.note_vacuumed(&change.remove, self.created_at),
                Operation::Append
                | Operation::Adopt
                | Operation::Rebuild
                | Operation::Manifest
                | Operation::Declare => {
                    for (bucket, part) in &change.add {
                        state.add(*bucket, part.clone());
                    }
                    state.remove(change.remove.iter().copied());
                    state.note_removed(&change.remove, self.created_at);
                }
            }
            state.updated_at = state.updated_at.max(self.created_at);
        }
        state.commit = state.commit.max(self.number);
        Ok(())
    }
}
