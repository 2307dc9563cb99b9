//! Publishing a change: the step that makes it visible.
//!
//! The commit file with the next number is put *if absent*. If another writer took the number, its commit is read
//! and applied, the change is rebased, and the next number is tried after a pause. If storage cannot say whether
//! a put took effect, the file is read back; nothing is deleted after an unknown outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::grammar::TableName;
use crv_core::tables::get_table;

use super::backoff;
use super::cache::RunView;
use super::change::{Change, Commit, Operation, TableChange};
use super::file;
use super::lineage::FooterReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{BucketId, CommitNumber, RunPaths};
use crate::stamp;
use crate::store::{PutMode, PutOutcome, Ready, Store, StoreError};
use crv_schema::schema::TableSchema;

/// How often a number is retried when its put did not succeed and no file is there afterwards.
const UNCLEAR_TRIES: u32 = 8;

/// The settings of a log.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Ticks per bucket of the tables that this handle creates.
    pub tick_bucket_size: u64,
    /// Commits between two checkpoints; `None`: a checkpoint is due by the number of parts.
    pub write_manifest_every_n: Option<u64>,
}

/// The log of one run, and this handle's cached state of the run.
pub struct RunLog {
    /// Where the run is stored.
    pub store: Arc<dyn Store>,
    /// The names of its files.
    pub paths: RunPaths,
    pub(super) footers: Arc<dyn FooterReader>,
    pub(super) tick_bucket_size: u64,
    pub(super) write_manifest_every_n: Option<u64>,
    view: Mutex<RunView>,
}

impl fmt::Debug for RunLog {
    /// Leaves out the cached state: it is as large as the run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLog")
            .field("run", self.paths.run())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// A commit file that is written and synced, to be published if its number is still free.
#[derive(Debug)]
pub struct Draft {
    commit: Commit,
    ready: Ready,
}

/// Which writer's commit has a number.
pub(super) enum Outcome {
    Ours,
    Theirs,
    /// No commit has it. Holds the error of the put if its outcome is unknown.
    Absent(Option<StoreError>),
}

impl RunLog {
    /// Opens the log of the run at `paths` in `store`. Reads nothing.
    pub fn new(
        store: Arc<dyn Store>,
        paths: RunPaths,
        footers: Arc<dyn FooterReader>,
        options: LogOptions,
    ) -> Self {
        let LogOptions { tick_bucket_size, write_manifest_every_n } = options;
        Self { store, paths, footers, tick_bucket_size, write_manifest_every_n, view: Mutex::default() }
    }

    pub(super) fn view(&self) -> MutexGuard<'_, RunView> {
        match self.view.lock() {
            Ok(view) => view,
            // A thread panicked while it changed the cached state: drop it and read again.
            Err(poisoned) => {
                let mut view = PoisonError::into_inner(poisoned);
                *view = RunView::default();
                self.view.clear_poison();
                view
            }
        }
    }

    /// The prefix of error messages: run and table.
    pub fn name(&self, table: TableName) -> String {
        format!("run `{}`, table `{table}`", self.paths.run())
    }

    /// Returns the table's schema now, which an append is validated against, and whether the append is the
    /// table's first. Creates nothing.
    pub fn schema(&self, table: TableName) -> Result<(Arc<TableSchema>, bool)> {
        let mut view = self.view();
        if view.state(table).is_none() {
            self.load(&mut view, table)?;
        }
        let known = view.state(table).and_then(|state| state.schema.clone());
        let is_new = known.is_none();
        Ok((known.unwrap_or_else(|| Arc::new(TableSchema::of(get_table(table)))), is_new))
    }

    /// Makes sure that `table` has a durable manifest, an empty one if it is new, before its first part is written:
    /// parts without a manifest always mean damage.
    pub fn ensure_table(&self, table: TableName) -> Result<()> {
        let mut view = self.view();
        if view.state(table).is_some() || self.load(&mut view, table)? {
            return self.settle_unwritten(&view, table);
        }
        let path = self.paths.manifest(table);
        let beside =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        let bucket = beside.iter().find(|entry| BucketId::parse_dir_name(&entry.name).is_some());
        if let Some(bucket) = bucket {
            // Another writer may have created the table since it was not found.
            if self.load(&mut view, table)? {
                return self.settle_unwritten(&view, table);
            }
            return Err(Error::manifest(format!(
                "{} has parts (in `{}`) but no manifest `{}`",
                self.name(table),
                bucket.name,
                self.store.locate(&path)
            ))
            .with_hint(self.rebuild_hint(table)));
        }
        self.refresh(&mut view)?;
        let state = TableState::new(table, Some(self.tick_bucket_size), view.head(), stamp::now());
        // Refused: already created by another writer.
        self.write_manifest(&mut view, &state, PutMode::IfAbsent)?;
        if self.load(&mut view, table)? {
            self.settle_unwritten(&view, table)
        } else {
            Err(Error::manifest(format!("{}: its new manifest is missing again", self.name(table))))
        }
    }

    /// Makes the manifest of a table without parts durable. Guard: it is durable before the first part. Another
    /// writer may have created it without syncing its name yet, and a part that survived without it would mean
    /// damage.
    fn settle_unwritten(&self, view: &RunView, table: TableName) -> Result<()> {
        if view.state(table).is_none_or(|state| !state.is_unwritten()) {
            return Ok(());
        }
        self.store.settle(&[self.paths.manifest(table)]).map_err(|error| self.write_failed(error))
    }

    /// Publishes an append to tables that have a manifest ([`ensure_table`](Self::ensure_table)). If another
    /// writer's commit came first, the schemas are united again.
    pub fn append(
        &self,
        tables: BTreeMap<TableName, TableChange>,
        draft: Option<Draft>,
    ) -> Result<CommitNumber> {
        let mut view = self.view();
        let touched: Vec<TableName> = tables.keys().copied().collect();
        self.load_all(&mut view, &touched)?;
        self.adopt_unlogged(&mut view, &touched)?;
        let change = Change { operation: Operation::Append, tables };
        let number = self.publish(&mut view, change, draft, |view, change| {
            // The refresh after a race lost may have dropped tables from the cache.
            self.load_all(view, &touched)?;
            self.rebase_append(view, change)
        })?;
        self.after_commit(&mut view, &touched);
        Ok(number)
    }

    /// Drafts the commit of an append: writes and syncs its file under a temporary name, while the parts are made
    /// durable. `None` if a table is not cached or a step fails: [`append`](Self::append) then does the same work,
    /// and returns its errors.
    pub fn draft(&self, tables: &BTreeMap<TableName, TableChange>) -> Option<Draft> {
        let mut change = Change { operation: Operation::Append, tables: tables.clone() };
        let (head, durable) = {
            let view = self.view();
            let known = |table| view.tables.get(table).is_some_and(|loaded| loaded.unlogged.is_empty());
            if !tables.keys().all(known) {
                return None;
            }
            self.rebase_append(&view, &mut change).ok()?;
            (view.head?, view.durable)
        };
        if durable < head {
            self.settle_through(head).ok()?;
            let mut view = self.view();
            view.durable = view.durable.max(head);
        }
        let number = head.next();
        let commit = Commit { number, id: stamp::attempt_id(), created_at: stamp::now(), change };
        let bytes = file::encode(&commit).ok()?;
        let ready = self.store.ready(&self.paths.commit(number), &bytes).ok()?;
        Some(Draft { commit, ready })
    }

    /// Loads every table of `tables` that is not cached: a commit is checked against each table it touches.
    pub(super) fn load_all(&self, view: &mut RunView, tables: &[TableName]) -> Result<()> {
        // Loading one table drops the others from the cache if its checkpoint is newer than the cached head.
        while let Some(table) = tables.iter().find(|table| view.state(**table).is_none()) {
            if !self.load(view, *table)? {
                return Err(self.no_manifest(*table, &self.paths.manifest(*table)));
            }
        }
        Ok(())
    }

    /// Rebases an append. The only conflict is a payload field that two writers gave two types.
    fn rebase_append(&self, view: &RunView, change: &mut Change) -> Result<()> {
        for (table, change) in &mut change.tables {
            let known = view.state(*table).and_then(|state| state.schema.as_ref());
            let (Some(schema), Some(known)) = (&change.schema, known) else { continue };
            change.schema = if known.covers(schema) {
                None
            } else {
                let union = known.union(schema).map_err(|conflict| {
                    Error::new(ErrorKind::Schema, format!("{}: {conflict}", self.name(*table)))
                        .with_hint("another writer gave the field its type first; rename one of the two")
                })?;
                Some(Arc::new(union))
            };
        }
        Ok(())
    }

    /// Adds parts that only a manifest names to the log, so that losing the manifest loses nothing.
    pub(super) fn adopt_unlogged(&self, view: &mut RunView, tables: &[TableName]) -> Result<()> {
        let mut changes = BTreeMap::new();
        for table in tables {
            let Some(loaded) = view.tables.get(table) else { continue };
            if !loaded.unlogged.is_empty() {
                let change = TableChange {
                    add: loaded.unlogged.clone(),
                    remove: Vec::new(),
                    schema: loaded.state.schema.clone(),
                    tick_bucket_size: loaded.state.tick_bucket_size,
                };
                changes.insert(*table, change);
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let adopted: Vec<TableName> = changes.keys().copied().collect();
        let change = Change { operation: Operation::Adopt, tables: changes };
        self.publish(view, change, None, |view, change| self.rebase_append(view, change)).map_err(
            |error| {
                // Reported as a failed write even if its outcome is unknown: nothing of the caller's was published,
                // and adopting twice is harmless.
                Error::new(ErrorKind::Write, format!("could not add earlier parts to the log: {error}"))
                    .with_hint("nothing was appended; try again")
                    .with_source(error)
            },
        )?;
        for table in adopted {
            if let Some(loaded) = view.tables.get_mut(&table) {
                loaded.unlogged.clear();
            }
        }
        Ok(())
    }

    /// Publishes `change` as the next commit. `rebase` adapts it to the newest commit, or returns the conflict: once
    /// at first, and after each race lost.
    pub(super) fn publish(
        &self,
        view: &mut RunView,
        mut change: Change,
        mut draft: Option<Draft>,
        mut rebase: impl FnMut(&mut RunView, &mut Change) -> Result<()>,
    ) -> Result<CommitNumber> {
        let mut id = stamp::attempt_id();
        let mut attempt = 0;
        // Attempts at the current number after which no file was there. A race lost resets it: that is not a fault
        // of storage.
        let mut absent = 0;
        // The error of a put of unknown outcome that no read-back has resolved yet.
        let mut unclear: Option<StoreError> = None;
        if view.head.is_none() {
            self.refresh(view)?;
        }
        rebase(view, &mut change)?;
        self.refuse_vacuumed(view, &change)?;
        loop {
            // Guard: every earlier commit is durable before the next one is published.
            self.settle_log(view)?;
            let number = view.head().next();
            if number.next() == number {
                return Err(self.log_is_full(number));
            }
            let fits = |draft: &Draft| draft.commit.number == number && draft.commit.change == change;
            let (commit, put) = if let Some(draft) = draft.take().filter(fits) {
                id.clone_from(&draft.commit.id);
                (draft.commit, self.store.publish(draft.ready))
            } else {
                let created_at = stamp::now();
                change.date(created_at);
                let commit = Commit { number, id: id.clone(), created_at, change };
                let bytes = file::encode(&commit).map_err(|error| encoding_failed(&error))?;
                (commit, self.store.put(&self.paths.commit(number), &bytes, PutMode::IfAbsent))
            };
            let outcome = match put {
                Ok(PutOutcome::Stored(_)) => Outcome::Ours,
                // Taken, perhaps by an earlier put of ours whose reply was lost: its id tells.
                Ok(PutOutcome::Refused) => self.whose(number, &id, unclear.take())?,
                Err(error) if error.is_unknown() => self.whose(number, &id, Some(error))?,
                Err(error) => {
                    return Err(match unclear {
                        Some(earlier) => self.unknown(number, &id, earlier),
                        None => self.write_failed(error),
                    });
                }
            };
            match outcome {
                // Guard: the base is read after the put. A void commit must not be acknowledged.
                Outcome::Ours if !self.stands(view, &commit)? => {
                    self.remove_void(number);
                    absent = 0;
                    backoff::wait(attempt);
                    change = commit.change;
                    self.refresh(view)?;
                    rebase(view, &mut change)?;
                    self.refuse_vacuumed(view, &change)?;
                    id = stamp::attempt_id();
                }
                Outcome::Ours => {
                    view.durable = number;
                    if view.apply(&commit).is_err() {
                        // `rebase` has checked it, and it is published: the cached state must be wrong.
                        *view = RunView::default();
                    }
                    view.ours.extend(commit.change.tables.keys());
                    return Ok(number);
                }
                Outcome::Theirs => {
                    absent = 0;
                    backoff::wait(attempt);
                    change = commit.change;
                    self.refresh(view)?;
                    rebase(view, &mut change)?;
                    self.refuse_vacuumed(view, &change)?;
                }
                Outcome::Absent(error) => {
                    if absent >= UNCLEAR_TRIES {
                        return Err(match error {
                            Some(error) => self.unknown(number, &id, error),
                            None => self.contradiction(number),
                        });
                    }
                    absent += 1;
                    backoff::wait(attempt);
                    change = commit.change;
                    unclear = error;
                }
            }
            attempt += 1;
        }
    }

    /// Refuses a change that adds a part whose removal a vacuum has announced: the file is removed, or is about to
    /// be (invariant 7). Guard: this is checked again after each race lost.
    fn refuse_vacuumed(&self, view: &RunView, change: &Change) -> Result<()> {
        for (table, change) in &change.tables {
            let Some(state) = view.state(*table) else { continue };
            let Some((bucket, part)) =
                change.add.iter().find(|(bucket, part)| state.was_vacuumed(*bucket, part.id))
            else {
                continue;
            };
            let path = self.store.locate(&self.paths.part(*table, *bucket, part.id));
            return Err(Error::new(
                ErrorKind::Write,
                format!(
                    "{}: part `{path}` waited so long for its commit that a vacuum removed it",
                    self.name(*table)
                ),
            )
            .with_hint("nothing was committed; try the same again"));
        }
        Ok(())
    }

    /// Returns whether the commit that was just published counts. It is void if its number was free because an
    /// earlier commit with that number was pruned, which the cached state was too old to know. The base tells: it is
    /// durable before a commit file is removed (invariant 2). If the base has this commit's own id under the number,
    /// the commit counted, and was pruned a moment ago.
    fn stands(&self, view: &mut RunView, commit: &Commit) -> Result<bool> {
        let seen = self.see_base(view).and_then(|()| {
            if view.base.through < commit.number {
                return Ok(Some(true));
            }
            Ok(self.read_base_head()?.id_of(commit.number).map(|id| id == commit.id))
        });
        let unknown = |why: io::Error| {
            let error = StoreError::new("read", self.store.locate(&self.paths.base()), why);
            self.unknown(commit.number, &commit.id, error)
        };
        match seen {
            Ok(Some(stands)) => Ok(stands),
            Ok(None) => Err(unknown(io::Error::other("it no longer has the id of this commit"))),
            Err(error) => Err(unknown(io::Error::other(error))),
        }
    }

    /// Removes a void commit file of ours. Guard: the base is durable before that. The process that wrote it may not
    /// have synced its name yet, and without the base the removed file would be a hole in the log.
    fn remove_void(&self, number: CommitNumber) {
        if self.store.settle(&[self.paths.base()]).is_ok() {
            // Error ignored: the file does not count, and the next prune removes it.
            let _ = self.store.remove(&self.paths.commit(number));
        }
    }

    /// Reads back which writer's commit has the number, after a put that did not plainly succeed. `unclear` is the
    /// error of the put if its outcome is unknown. Guard: a commit of ours is durable before it is acknowledged.
    pub(super) fn whose(
        &self,
        number: CommitNumber,
        id: &str,
        unclear: Option<StoreError>,
    ) -> Result<Outcome> {
        let path = self.paths.commit(number);
        match (self.read_commit(number), unclear) {
            (Ok(Some(found)), _) if found.id == id => match self.store.settle(std::slice::from_ref(&path)) {
                Ok(()) => Ok(Outcome::Ours),
                Err(again) => Err(self.unknown(number, id, again)),
            },
            (Ok(Some(_)), _) => Ok(Outcome::Theirs),
            (Ok(None), unclear) => Ok(Outcome::Absent(unclear)),
            (Err(_), Some(error)) => Err(self.unknown(number, id, error)),
            (Err(error), None) => Err(error),
        }
    }

    pub(super) fn unknown(&self, number: CommitNumber, id: &str, error: StoreError) -> Error {
        Error::new(
            ErrorKind::UnknownOutcome,
            format!(
                "run `{}`: it is unknown whether commit {number} with id {id} took effect: {error}",
                self.paths.run()
            ),
        )
        .with_hint(format!(
            "once storage answers again, read `{}`: if it has this id, the rows are there; do not append them again before you know (if `{}` goes through {number} or beyond, look for the rows themselves)",
            self.store.locate(&self.paths.commit(number)),
            self.paths.base().file_name()
        ))
        .with_commit(number.get(), id)
        .with_source(error)
    }

    /// The error for a head that leaves no number: a document or a file name with such a number is not genuine.
    fn log_is_full(&self, number: CommitNumber) -> Error {
        let path = self.store.locate(&self.paths.commits());
        Error::new(
            ErrorKind::Write,
            format!("run `{}`: no commit can have the number {number}", self.paths.run()),
        )
        .with_hint(format!(
            "look in or beside `{path}` for a commit file or a manifest that does not belong to this run"
        ))
    }

    fn contradiction(&self, number: CommitNumber) -> Error {
        Error::new(
            ErrorKind::Write,
            format!(
                "inconsistent storage: `EEXIST`, then `ENOENT` for `{}`",
                self.store.locate(&self.paths.commit(number))
            ),
        )
        .with_hint("is this a network file system? Keep runs on a local one")
    }

    /// The error of a failed write to the store, with the run.
    pub fn write_failed(&self, error: StoreError) -> Error {
        let text = format!("run `{}`: {error}", self.paths.run());
        Error::caused_by(ErrorKind::Write, text, error.hint(), error)
    }
}

pub(super) fn encoding_failed(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Write, format!("could not serialize the document: {error}"))
}
