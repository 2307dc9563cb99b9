//! Appends: creating a table, drafting a commit, publishing it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;

use super::cache::Cache;
use super::change::{Change, Commit, Operation, TableChange};
use super::file;
use super::publish::{Draft, Publisher, Turn};
use super::reader::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{BucketId, CommitNumber};
use crate::stamp;
use crate::store::PutMode;

impl Publisher {
    /// Makes sure that `table` has a durable manifest, an empty one if it is new, before its first part is written:
    /// parts without a manifest always mean damage.
    pub fn ensure_table(&self, table: TableId) -> Result<()> {
        if !self.is_loaded(table)? && !self.create_table(table)? {
            return Err(Error::manifest(format!(
                "{}: its new manifest is missing again",
                self.log.name(table)
            )));
        }
        self.sync_unwritten(table)
    }

    /// Loads `table` if it is not cached. `false` if it has no manifest.
    fn is_loaded(&self, table: TableId) -> Result<bool> {
        let mut cache = self.log.cache();
        Ok(cache.state(table).is_some() || self.log.load(&mut cache, table)?)
    }

    /// Creates the manifest of a table without parts, and loads it.
    fn create_table(&self, table: TableId) -> Result<bool> {
        let _turn = self.turn();
        let log = &*self.log;
        let beside = log.store.list(&log.paths.table(table), None).map_err(|error| log.read_failed(error))?;
        let bucket = beside.iter().find(|entry| BucketId::parse_dir_name(&entry.name).is_some());
        if let Some(bucket) = bucket {
            // Another writer may have created the table since it was not found.
            if self.is_loaded(table)? {
                return Ok(true);
            }
            return Err(Error::manifest(format!(
                "{} has parts (in `{}`) but no manifest `{}`",
                log.name(table),
                bucket.name,
                log.store.locate(&log.paths.manifest(table))
            ))
            .with_hint(log.rebuild_hint(table)));
        }
        let head = {
            let mut cache = log.cache();
            log.refresh(&mut cache)?;
            cache.head()
        };
        if table.canonical().is_none() && head > CommitNumber::ZERO {
            // Without rows, only the log knows its declaration: an empty manifest would end it.
            log.check_not_lost(table)?;
        }
        let state = TableState::new(table, Some(log.tick_bucket_size()), head, stamp::now());
        self.checkpointer.sync_log(head)?;
        // Refused: already created by another writer.
        self.checkpointer.put_manifest(&state, PutMode::IfAbsent)?;
        self.is_loaded(table)
    }

    /// Makes the manifest of a table without parts durable. Guard: it is durable before the first part. Another
    /// writer may have created it without syncing its name yet, and a part that survived without it would mean
    /// damage.
    fn sync_unwritten(&self, table: TableId) -> Result<()> {
        // A table that a reader of this handle has dropped from the cache meanwhile may have no parts, either.
        if self.log.cache().state(table).is_some_and(|state| !state.is_unwritten()) {
            return Ok(());
        }
        self.log.store.sync(&[self.log.paths.manifest(table)]).map_err(|error| self.log.write_failed(error))
    }

    /// Publishes an append to tables that have a manifest ([`ensure_table`](Self::ensure_table)). If another
    /// writer's commit came first, the schemas are united again.
    pub fn append(
        &self,
        tables: BTreeMap<TableId, TableChange>,
        draft: Option<Draft>,
    ) -> Result<CommitNumber> {
        let turn = self.turn();
        let touched: Vec<TableId> = tables.keys().copied().collect();
        self.adopt_unlogged(&turn, &touched)?;
        let change = Change { operation: Operation::Append, tables };
        let number = self.publish(&turn, change, draft, |cache, change| {
            // The refresh after a race lost may have dropped tables from the cache.
            self.log.load_all(cache, &touched)?;
            rebase_append(&self.log, cache, change)
        })?;
        self.after_commit(&turn, &touched);
        Ok(number)
    }

    /// Drafts the commit of an append: writes and syncs its file under a temporary name, while the parts are made
    /// durable. `None` if a table is not cached or a step fails: [`append`](Self::append) then does the same work,
    /// and returns its errors.
    pub fn draft(&self, tables: &BTreeMap<TableId, TableChange>) -> Option<Draft> {
        let mut change = Change { operation: Operation::Append, tables: tables.clone() };
        let head = {
            let cache = self.log.cache();
            let known = |table| cache.tables.get(table).is_some_and(|loaded| loaded.unlogged.is_empty());
            if !tables.keys().all(known) {
                return None;
            }
            rebase_append(&self.log, &cache, &mut change).ok()?;
            cache.head?
        };
        self.checkpointer.sync_log(head).ok()?;
        let number = head.next();
        let commit = Commit { number, id: stamp::attempt_id(), created_at: stamp::now(), change };
        let bytes = file::encode(&commit).ok()?;
        let ready = self.log.store.prepare(&self.log.paths.commit(number), &bytes).ok()?;
        Some(Draft { commit, ready })
    }

    /// Adds parts that only a manifest names to the log, so that losing the manifest loses nothing. Tables without a
    /// manifest have none.
    pub(super) fn adopt_unlogged(&self, turn: &Turn<'_>, tables: &[TableId]) -> Result<()> {
        if self.unlogged(&mut self.log.cache(), tables)?.is_empty() {
            return Ok(());
        }
        let mut none_left = false;
        let change = Change { operation: Operation::Adopt, tables: BTreeMap::new() };
        let adopted = self.publish(turn, change, None, |cache, change| {
            // Guard: which parts are not in the log is determined again after each race lost. Another writer may have
            // adopted them, and have merged or removed them since.
            change.tables = self.unlogged(cache, tables)?;
            none_left = change.tables.is_empty();
            if none_left { Err(Error::new(ErrorKind::Conflict, "already adopted")) } else { Ok(()) }
        });
        match adopted {
            Ok(_) => Ok(()),
            Err(_) if none_left => Ok(()),
            // Reported as a failed write even if its outcome is unknown: nothing of the caller's was published, and the
            // same parts are adopted once.
            Err(error) => {
                Err(Error::new(ErrorKind::Write, format!("could not add earlier parts to the log: {error}"))
                    .with_hint("nothing was appended; try again")
                    .with_source(error))
            }
        }
    }

    /// The parts of `tables` that only a manifest names, as a change that adds them. Loads tables that are not cached.
    fn unlogged(&self, cache: &mut Cache, tables: &[TableId]) -> Result<BTreeMap<TableId, TableChange>> {
        self.log.load_present(cache, tables)?;
        let loaded = tables.iter().filter_map(|table| Some((*table, cache.tables.get(table)?)));
        let changes = loaded.filter(|(_, loaded)| !loaded.unlogged.is_empty()).map(|(table, loaded)| {
            let change = TableChange {
                add: loaded.unlogged.clone(),
                remove: Vec::new(),
                declared: loaded.state.declared.clone(),
                // The log has no other record of the columns of these parts.
                schema: loaded.state.schema.clone(),
                tick_bucket_size: loaded.state.tick_bucket_size,
            };
            (table, change)
        });
        Ok(changes.collect())
    }
}

/// Rebases an append. The only conflict is a payload field that two writers gave two types.
fn rebase_append(log: &LogReader, cache: &Cache, change: &mut Change) -> Result<()> {
    for (table, change) in &mut change.tables {
        let known = cache.state(*table).and_then(|state| state.schema.as_ref());
        let (Some(schema), Some(known)) = (&change.schema, known) else { continue };
        change.schema = if known.covers(schema) {
            None
        } else {
            let union = known.union(schema).map_err(|conflict| {
                Error::new(ErrorKind::Schema, format!("{}: {conflict}", log.name(*table)))
                    .with_hint("another writer gave the field its type first; rename one of the two")
            })?;
            Some(Arc::new(union))
        };
    }
    Ok(())
}
