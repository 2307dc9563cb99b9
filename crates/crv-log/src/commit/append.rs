//! Appends: creating a table, and publishing the rows of one or several transactions as one commit.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use crv_core::tables::TableId;

use super::cache::Cache;
use super::change::{Change, Commit, Operation, TableChange};
use super::file;
use super::publish::Publisher;
use super::queue::{Active, Group, Joined, Turn};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Part, TableState};
use crate::parallel;
use crate::paths::{BucketId, CommitNumber, StorePath};
use crate::stamp;
use crate::store::{PreparedPut, PutOutcome};

/// Rows of one transaction: what their commit changes. The parts that it adds are stored.
#[derive(Debug)]
pub struct Append {
    /// The change to each table. Every table has a manifest.
    pub tables: BTreeMap<TableId, TableChange>,
    /// The paths of those parts whose names are not durable yet.
    pub names: Vec<StorePath>,
    /// The commit, if it was drafted.
    draft: Mutex<Option<Draft>>,
}

/// A commit that is written under a temporary name beside the parts: it is published if its number is still free, and no
/// other append waits.
#[derive(Debug)]
pub struct Draft {
    pub(super) commit: Commit,
    pub(super) ready: PreparedPut,
}

impl Append {
    /// The changes to `tables`, with the paths of those parts whose names are not durable yet.
    pub fn new(tables: BTreeMap<TableId, TableChange>, names: Vec<StorePath>, draft: Option<Draft>) -> Self {
        Self { tables, names, draft: Mutex::new(draft) }
    }

    fn take_draft(&self) -> Option<Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The first manifest of a table, written and not published yet.
#[derive(Debug)]
pub struct NewTable {
    table: TableId,
    manifest: PreparedPut,
}

impl Publisher {
    /// Makes sure that `table` has a durable manifest, an empty one if it is new.
    pub fn ensure_table(&self, table: TableId) -> Result<()> {
        let new = self.begin_tables(&[table])?;
        self.create_tables(&[table], new)
    }

    /// Checks that rows can be appended to `table`: a table with parts and no manifest is damaged. Writes nothing.
    pub fn check_table(&self, table: TableId) -> Result<()> {
        if self.is_loaded(table)? { Ok(()) } else { self.check_new(table) }
    }

    /// Writes the first manifest of each of `tables` that has none, for [`create_tables`](Self::create_tables).
    pub fn begin_tables(&self, tables: &[TableId]) -> Result<Vec<NewTable>> {
        let mut new = Vec::new();
        for table in tables {
            if !self.is_loaded(*table)? {
                new.push(*table);
            }
        }
        parallel::map(&new, parallel::WAITING, |table| self.begin_table(*table))
    }

    /// Publishes the manifests of `new` tables. Every one of `tables` has a durable manifest when this returns, before its
    /// first part gets its name: parts without a manifest always mean damage.
    pub fn create_tables(&self, tables: &[TableId], new: Vec<NewTable>) -> Result<()> {
        let mut created = Vec::with_capacity(new.len());
        for NewTable { table, manifest } in new {
            let published = self.log.store.publish(manifest).map_err(|error| self.log.write_failed(error))?;
            // Refused: already created by another writer.
            if published != PutOutcome::Refused {
                created.push(table);
            }
            if !self.is_loaded(table)? {
                let name = self.log.name(table);
                return Err(Error::manifest(format!("{name}: its new manifest is missing again")));
            }
        }
        let mut rest = tables.iter().filter(|table| !created.contains(table));
        rest.try_for_each(|table| self.sync_unwritten(*table))
    }

    /// Loads `table` if it is not cached. `false` if it has no manifest.
    fn is_loaded(&self, table: TableId) -> Result<bool> {
        let mut cache = self.log.cache();
        Ok(cache.state(table).is_some() || self.log.load(&mut cache, table)?)
    }

    /// Checks that a table without a manifest has no parts.
    fn check_new(&self, table: TableId) -> Result<()> {
        let log = &*self.log;
        let Some(bucket) = log.bucket_with_parts(table)? else { return Ok(()) };
        // Another writer may have created the table since it was not found.
        if self.is_loaded(table)? {
            return Ok(());
        }
        Err(Error::manifest(format!(
            "{} has parts (in `{}`) but no manifest `{}`",
            log.name(table),
            bucket.dir_name(),
            log.store.locate(&log.paths.manifest(table))
        ))
        .with_hint(log.rebuild_hint(table)))
    }

    /// Writes the manifest of a table without parts.
    fn begin_table(&self, table: TableId) -> Result<NewTable> {
        let log = &*self.log;
        self.check_new(table)?;
        let head = {
            let mut cache = log.cache();
            log.refresh(&mut cache)?;
            cache.head()
        };
        if table.canonical().is_none() && head > CommitNumber::ZERO {
            // Without rows, only the log knows its declaration: an empty manifest would end it.
            log.check_not_lost(table)?;
        }
        if head == CommitNumber::ZERO {
            log.store.expect(&log.paths.commit(head.next()));
        }
        let state = TableState::new(table, Some(log.tick_bucket_size()), head, stamp::now());
        self.checkpointer.sync_log(head)?;
        let manifest = self.checkpointer.prepare_manifest(&state)?;
        Ok(NewTable { table, manifest })
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

    /// Announces an append: other threads then know that they may be published together with it.
    pub fn announce(&self) -> Active {
        self.queue.enter()
    }

    /// Whether no other writer seems to be active, and every one of `tables` is known and has parts. Then an append makes
    /// its names durable itself, and drafts its commit meanwhile, rather than leave both to the thread with the turn.
    pub fn is_idle<'a>(&self, tables: impl IntoIterator<Item = &'a TableId>) -> bool {
        let cache = self.log.cache();
        let known = |table| {
            cache
                .tables
                .get(table)
                .is_some_and(|loaded| loaded.unlogged.is_empty() && !loaded.state.is_unwritten())
        };
        let known = tables.into_iter().all(known);
        drop(cache);
        known && !self.raced.load(Ordering::Relaxed) && self.queue.is_idle()
    }

    /// Drafts the commit of an append to `tables`, while its parts are written. `None` if a table is not cached, or a step
    /// fails: the commit is then written, and the error returned, when it is published.
    pub fn draft(&self, tables: &BTreeMap<TableId, TableChange>) -> Option<Draft> {
        let mut change = Change { operation: Operation::Append, tables: BTreeMap::new() };
        let number = {
            let cache = self.log.cache();
            self.add(&cache, &mut change, tables).ok()?;
            cache.head?.next()
        };
        let commit = Commit { number, id: stamp::attempt_id(), created_at: stamp::now(), change };
        let bytes = file::encode(&commit).ok()?;
        let ready = self.log.store.prepare(&self.log.paths.commit(number), &bytes).ok()?;
        Some(Draft { commit, ready })
    }

    /// Publishes an append, alone or with others that wait at the same time. If another writer's commit came first, the
    /// schemas are united again.
    pub fn append(&self, append: Append) -> Result<CommitNumber> {
        match self.queue.join(append) {
            Joined::Done(outcome) => {
                let commit = outcome?;
                self.note(&commit);
                Ok(commit.number)
            }
            Joined::Leads(group) => {
                self.lead(&group);
                Ok(group.own()?.number)
            }
        }
    }

    /// Publishes several appends as one commit, as [`append`](Self::append) does for those that wait at the same time.
    /// Returns the outcome of each.
    #[cfg(feature = "simulation")]
    pub fn append_together(&self, appends: Vec<Append>) -> Vec<Result<CommitNumber>> {
        let group = self.queue.group(appends);
        self.lead(&group);
        group.outcomes().map(|outcome| Ok(outcome?.number)).collect()
    }

    /// Publishes a group, and sets the outcome of each of its appends.
    fn lead(&self, group: &Group<'_>) {
        let appends: Vec<&Append> = group.appends.iter().map(|waiting| &waiting.append).collect();
        let outcomes = self.publish_group(&group.turn, &appends);
        group.appends.iter().zip(outcomes).for_each(|(waiting, outcome)| waiting.finish(outcome));
        group.release();
        self.after_commit(&group.turn, &touched_by(&appends));
    }

    /// Publishes appends, as one commit if they fit together. Returns the outcome of each.
    fn publish_group(&self, turn: &Turn<'_>, appends: &[&Append]) -> Vec<Result<Arc<Commit>>> {
        match self.publish_appends(turn, appends) {
            Ok(outcomes) => outcomes,
            Err(error) if appends.len() == 1 => vec![Err(error)],
            // Storage failed, and a sync that failed must not be tried again; or each of them may be there.
            Err(error) if is_storage(&error) => appends.iter().map(|_| Err(error.repeated())).collect(),
            // Nothing was written. An append that cannot be published must not keep others from it.
            Err(_) => appends.iter().flat_map(|append| self.publish_group(turn, &[*append])).collect(),
        }
    }

    /// Publishes appends as one commit. Returns the outcome of each; one that does not fit the table as it is then, with the
    /// appends before it, is refused alone.
    fn publish_appends(&self, turn: &Turn<'_>, appends: &[&Append]) -> Result<Vec<Result<Arc<Commit>>>> {
        let touched = touched_by(appends);
        self.adopt_unlogged(turn, &touched)?;
        let mut unsynced = appends.iter().filter(|append| !append.names.is_empty());
        unsynced.try_for_each(|append| self.trust_names(&append.tables))?;
        let names = appends.iter().flat_map(|append| append.names.iter().cloned()).collect();
        let mut refused: Vec<Option<Error>> = Vec::new();
        let change = Change { operation: Operation::Append, tables: BTreeMap::new() };
        // Those of a group are dropped: its commit has the changes of all.
        let mut drafts = appends.iter().filter_map(|append| append.take_draft());
        let draft = if appends.len() == 1 { drafts.next() } else { None };
        drafts.for_each(drop);
        let published = self.publish_drafted(turn, change, names, draft, |cache, change| {
            // The refresh after a race lost may have dropped tables from the cache.
            self.log.load_all(cache, &touched)?;
            change.tables.clear();
            refused = appends.iter().map(|append| self.add(cache, change, &append.tables).err()).collect();
            if refused.iter().all(Option::is_some) {
                return Err(Error::new(ErrorKind::Conflict, "no append is left"));
            }
            Ok(())
        });
        match published {
            Ok(commit) => {
                let outcomes =
                    refused.into_iter().map(|error| error.map_or_else(|| Ok(Arc::clone(&commit)), Err));
                Ok(outcomes.collect())
            }
            Err(_) if !refused.is_empty() && refused.iter().all(Option::is_some) => {
                Ok(refused.into_iter().flatten().map(Err).collect())
            }
            // An append that was left out has its own error: the commit, which may be there, does not have its rows.
            Err(error) if refused.iter().any(Option::is_some) && is_storage(&error) => {
                let outcomes = refused.into_iter().map(|own| Err(own.unwrap_or_else(|| error.repeated())));
                Ok(outcomes.collect())
            }
            Err(error) => Err(error),
        }
    }

    /// Adds an append to the change of its group, rebased onto the cached state. An error if a part was vacuumed, or
    /// another writer gave a field another type first; the change is as before then.
    fn add(&self, cache: &Cache, change: &mut Change, tables: &BTreeMap<TableId, TableChange>) -> Result<()> {
        let mut schemas = Vec::with_capacity(tables.len());
        for (table, added) in tables {
            let state = cache.state(*table);
            state.map_or(Ok(()), |state| self.refuse_vacuumed_in(state, &added.add))?;
            let before = change.tables.get(table).and_then(|change| change.schema.as_ref());
            let known = before.or_else(|| state.and_then(|state| state.schema.as_ref()));
            schemas.push(match (&added.schema, known) {
                (Some(schema), Some(known)) if !known.covers(schema) => {
                    let union = known.union(schema).map_err(|conflict| {
                        Error::new(ErrorKind::Schema, format!("{}: {conflict}", self.log.name(*table)))
                            .with_hint("another writer gave the field its type first; rename one of the two")
                    })?;
                    Some(Arc::new(union))
                }
                (Some(schema), None) => Some(Arc::clone(schema)),
                _ => None,
            });
        }
        for ((table, added), schema) in tables.iter().zip(schemas) {
            let sum = change.tables.entry(*table).or_default();
            sum.add.extend(added.add.iter().cloned());
            let known: HashSet<_> = sum.remove.iter().copied().collect();
            sum.remove.extend(added.remove.iter().filter(|place| !known.contains(place)));
            sum.schema = schema.or(sum.schema.take());
            sum.tick_bucket_size = sum.tick_bucket_size.or(added.tick_bucket_size);
        }
        Ok(())
    }

    /// Takes note of names that are durable because a commit can be read: it was published after its parts and after the
    /// commit before it were durable (invariants 1 and 2). So the first append of a handle syncs no directory above.
    pub fn trust_names(&self, tables: &BTreeMap<TableId, TableChange>) -> Result<()> {
        let log = &*self.log;
        let cache = log.cache();
        let loaded =
            tables.iter().filter_map(|(table, change)| Some((*table, change, cache.tables.get(table)?)));
        for (table, change, loaded) in loaded.filter(|(_, _, loaded)| loaded.unlogged.is_empty()) {
            let buckets: BTreeSet<BucketId> = change.add.iter().map(|(bucket, _)| *bucket).collect();
            let of_bucket =
                |bucket: &BucketId| Some((*bucket, loaded.state.partitions().get(bucket)?.parts().first()?));
            let known = buckets.iter().filter_map(of_bucket).chain(loaded.state.parts().next());
            known.for_each(|(bucket, part)| log.store.trust(&log.paths.part(table, bucket, part.id)));
        }
        let head = cache.head();
        drop(cache);
        if head.previous() > CommitNumber::ZERO && !self.trusts_log.swap(true, Ordering::Relaxed) {
            let is_there =
                |number| log.store.tag(&log.paths.commit(number)).map_err(|error| log.read_failed(error));
            if is_there(head)?.is_some() && is_there(head.previous())?.is_some() {
                log.store.trust(&log.paths.commit(head.previous()));
            }
        }
        Ok(())
    }

    /// Adds parts that only a manifest names to the log, so that losing the manifest loses nothing. Tables without a
    /// manifest have none.
    pub(super) fn adopt_unlogged(&self, turn: &Turn<'_>, tables: &[TableId]) -> Result<()> {
        let unlogged = self.unlogged(&mut self.log.cache(), tables)?;
        if unlogged.is_empty() {
            return Ok(());
        }
        // Their writer may not have synced their names.
        let names = self.names_in(&unlogged);
        let mut none_left = false;
        let change = Change { operation: Operation::Adopt, tables: BTreeMap::new() };
        let adopted = self.publish_drafted(turn, change, names, None, |cache, change| {
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

    /// The paths of the parts that a change adds.
    pub(super) fn names_in(&self, tables: &BTreeMap<TableId, TableChange>) -> Vec<StorePath> {
        let path = |table, (bucket, part): &(BucketId, Part)| self.log.paths.part(table, *bucket, part.id);
        let names =
            tables.iter().flat_map(|(table, change)| change.add.iter().map(|part| path(*table, part)));
        names.collect()
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

/// Whether storage failed while a commit was published.
fn is_storage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Write | ErrorKind::UnknownOutcome)
}

/// The tables that these appends change.
fn touched_by(appends: &[&Append]) -> Vec<TableId> {
    let tables: BTreeSet<TableId> = appends.iter().flat_map(|append| append.tables.keys().copied()).collect();
    tables.into_iter().collect()
}
