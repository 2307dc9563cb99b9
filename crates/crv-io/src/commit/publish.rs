//! Publishing a change: the one moment at which it comes to be.
//!
//! The commit file with the next number is put *if absent*. Whoever finds the number taken reads what took it,
//! checks that nothing conflicts, waits a little and tries the next. When storage cannot say whether a put
//! took effect, the file is read back; nothing is ever deleted on an unknown outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::grammar::TableName;
use crv_core::tables::get_table;

use super::backoff;
use super::change::{Change, Commit, Operation, TableChange};
use super::file;
use super::view::RunView;
use crate::config::IoSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{BucketId, CommitNumber, RunPaths};
use crate::schema::TableSchema;
use crate::stamp;
use crate::store::{PutMode, PutOutcome, Ready, Store, StoreError};

/// How often a number is tried again when storage cannot say what happened, or contradicts itself.
const UNCLEAR_TRIES: u32 = 8;

/// The log of one run, and this handle's view of the run.
pub(crate) struct RunLog {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) paths: RunPaths,
    pub(super) tick_bucket_size: u64,
    pub(super) write_manifest_every_n: Option<u64>,
    view: Mutex<RunView>,
}

impl fmt::Debug for RunLog {
    /// The view is as large as the run: it stays out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLog")
            .field("run", self.paths.run())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// A commit that is ready to be published, if its number is still free then.
#[derive(Debug)]
pub(crate) struct Draft {
    commit: Commit,
    ready: Ready,
}

/// Whose a commit is.
pub(super) enum Outcome {
    Ours,
    Theirs,
    /// Nobody's - with what storage said, where it could not tell.
    Absent(Option<StoreError>),
}

impl RunLog {
    pub(crate) fn new(store: Arc<dyn Store>, paths: RunPaths, settings: &IoSettings) -> Self {
        Self {
            store,
            paths,
            tick_bucket_size: settings.tick_bucket_size(),
            write_manifest_every_n: settings.write_manifest_every_n(),
            view: Mutex::default(),
        }
    }

    pub(super) fn view(&self) -> MutexGuard<'_, RunView> {
        match self.view.lock() {
            Ok(view) => view,
            // A thread panicked in the middle of a change to the cached view: forget it and read again.
            Err(poisoned) => {
                let mut view = PoisonError::into_inner(poisoned);
                *view = RunView::default();
                self.view.clear_poison();
                view
            }
        }
    }

    /// `run `r`, table `t``: how errors begin.
    pub(crate) fn name(&self, table: TableName) -> String {
        format!("run `{}`, table `{table}`", self.paths.run())
    }

    /// What an append is validated against: the table's schema now, without making anything. And is it the
    /// table's first?
    pub(crate) fn schema(&self, table: TableName) -> Result<(Arc<TableSchema>, bool)> {
        let mut view = self.view();
        if view.state(table).is_none() {
            self.load(&mut view, table)?;
        }
        let known = view.state(table).and_then(|state| state.schema.clone());
        let is_new = known.is_none();
        Ok((known.unwrap_or_else(|| Arc::new(TableSchema::of(get_table(table)))), is_new))
    }

    /// Makes sure that `table` has a manifest, empty if need be, before its first part is written.
    pub(crate) fn ensure_table(&self, table: TableName) -> Result<()> {
        let mut view = self.view();
        if view.state(table).is_some() || self.load(&mut view, table)? {
            return self.settle_unwritten(&view, table);
        }
        let path = self.paths.manifest(table);
        let beside =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        let bucket = beside.iter().find(|entry| BucketId::parse_dir_name(&entry.name).is_some());
        if let Some(bucket) = bucket {
            // Somebody may have made the table between the two looks.
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
        // Refused: somebody else was first, which is as good.
        self.write_manifest(&mut view, &state, PutMode::IfAbsent)?;
        if self.load(&mut view, table)? {
            self.settle_unwritten(&view, table)
        } else {
            Err(Error::manifest(format!("{}: its new manifest is gone again", self.name(table))))
        }
    }

    /// Makes the manifest of a table without parts durable: somebody else may have put it there a moment ago, and
    /// no part may outlive it.
    fn settle_unwritten(&self, view: &RunView, table: TableName) -> Result<()> {
        if view.state(table).is_none_or(|state| !state.is_unwritten()) {
            return Ok(());
        }
        self.store.settle(&[self.paths.manifest(table)]).map_err(|error| self.write_failed(error))
    }

    /// Publishes an append to tables that [`ensure_table`](Self::ensure_table) made sure of. Where another
    /// writer's commit came first, the schemas are united again.
    pub(crate) fn append(
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
            // Others' commits may have driven tables out of the view.
            self.load_all(view, &touched)?;
            self.rebase_append(view, change)
        })?;
        self.after_commit(&mut view, &touched);
        Ok(number)
    }

    /// Readies the commit that an append is going to be, if nobody else commits before: its parts can be made
    /// durable meanwhile. `None` when that cannot be told; whatever fails here is tried again, and told, by
    /// [`append`](Self::append).
    pub(crate) fn draft(&self, tables: &BTreeMap<TableName, TableChange>) -> Option<Draft> {
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

    /// Brings every table of `tables` into the view: a commit is checked against each table it touches.
    pub(super) fn load_all(&self, view: &mut RunView, tables: &[TableName]) -> Result<()> {
        // Loading one table may empty the view of others, when its checkpoint is newer than all that was known.
        while let Some(table) = tables.iter().find(|table| view.state(**table).is_none()) {
            if !self.load(view, *table)? {
                return Err(self.no_manifest(*table, &self.paths.manifest(*table)));
            }
        }
        Ok(())
    }

    /// An append never conflicts, but for a payload field that two writers gave two types.
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

    /// Takes parts that only a manifest names into the log, so that losing the manifest loses nothing.
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
                // Adopting twice does no harm, and nothing of the caller's was published: for the caller this is
                // a write that failed, also where it is unknown whether it did.
                Error::new(ErrorKind::Write, format!("could not take earlier parts into the log: {error}"))
                    .with_hint("nothing was appended; try the same again")
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

    /// Publishes `change` as the next commit. `rebase` mends it, or refuses, each time another commit came
    /// first.
    pub(super) fn publish(
        &self,
        view: &mut RunView,
        mut change: Change,
        mut draft: Option<Draft>,
        mut rebase: impl FnMut(&mut RunView, &mut Change) -> Result<()>,
    ) -> Result<CommitNumber> {
        let mut id = stamp::attempt_id();
        let mut attempt = 0;
        // Tries of the number that is tried now, of which nothing was there afterwards. Races that were lost before
        // say nothing of storage.
        let mut absent = 0;
        // Storage could not say what came of a put of ours, and nothing read since has told.
        let mut unclear: Option<StoreError> = None;
        if view.head.is_none() {
            self.refresh(view)?;
        }
        rebase(view, &mut change)?;
        self.refuse_vacuumed(view, &change)?;
        loop {
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
                // Taken - perhaps by an earlier try of ours, whose reply was lost.
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
                        // It was checked by `rebase`, and it is published: what we remember must be wrong.
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

    /// A part that was vacuumed is gone, or is about to be: no commit may name it (invariant 7).
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
            .with_hint("nothing of it was written; try the same again"));
        }
        Ok(())
    }

    /// Does the commit whose number we just took count? Not if the number was free because its commit was pruned:
    /// then our view of the run was old, and the base says so, which is durable before a commit file is removed
    /// (invariant 2). Unless it was ours that was pruned, a moment ago: then the base knows its id.
    fn stands(&self, view: &mut RunView, commit: &Commit) -> Result<bool> {
        let seen = self.see_base(view).and_then(|()| {
            if view.base.through < commit.number {
                return Ok(Some(true));
            }
            Ok(self.read_base_head()?.id_of(commit.number).map(|id| id == commit.id))
        });
        let unknown = |why: io::Error| {
            let error = StoreError::new("look at", self.store.locate(&self.paths.base()), why);
            self.unknown(commit.number, &commit.id, error)
        };
        match seen {
            Ok(Some(stands)) => Ok(stands),
            Ok(None) => Err(unknown(io::Error::other("it went far beyond this commit meanwhile"))),
            Err(error) => Err(unknown(io::Error::other(error))),
        }
    }

    /// Removes a commit file of ours that does not count. No reader takes it for a commit, with or without its
    /// file; but whoever put the base there may not have synced its name yet, and that must not go alone.
    fn remove_void(&self, number: CommitNumber) {
        if self.store.settle(&[self.paths.base()]).is_ok() {
            let _ = self.store.remove(&self.paths.commit(number));
        }
    }

    /// A put did not plainly succeed: whose is the commit, if it is there? `unclear` is what storage said where
    /// it could not tell.
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
            "once storage answers again, look whether `{}` has this id: if so, the rows are there; do not append them again before (where `{}` goes through {number} or beyond, look for the rows themselves)",
            self.store.locate(&self.paths.commit(number)),
            self.paths.base().file_name()
        ))
        .with_commit(number.get(), id)
        .with_source(error)
    }

    /// Nothing comes after the last number: a document or a file name that counts up to it is a lie.
    fn log_is_full(&self, number: CommitNumber) -> Error {
        let path = self.store.locate(&self.paths.commits());
        Error::new(
            ErrorKind::Write,
            format!("run `{}`: commit {number} is the last there can be", self.paths.run()),
        )
        .with_hint(format!(
            "look for a commit file, or a manifest, that is none of this run's in or beside `{path}`"
        ))
    }

    fn contradiction(&self, number: CommitNumber) -> Error {
        Error::new(
            ErrorKind::Write,
            format!(
                "`{}` can neither be made nor read: storage says both that it is there and that it is not",
                self.store.locate(&self.paths.commit(number))
            ),
        )
        .with_hint("is this a network file system? Keep runs on a local one")
    }

    pub(crate) fn write_failed(&self, error: StoreError) -> Error {
        let hint = error.hint();
        let text = format!("run `{}`: {error}", self.paths.run());
        let error = Error::new(ErrorKind::Write, text).with_source(error);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

pub(super) fn encoding_failed(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Write, format!("could not put the commit into words: {error}"))
}
