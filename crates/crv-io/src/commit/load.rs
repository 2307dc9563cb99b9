//! Reading a run: a table's checkpoint, then the commits after it, until there are no more.

use std::collections::HashSet;
use std::sync::Arc;

use crv_core::grammar::TableName;
use crv_core::tables::get_table;

use super::change::Commit;
use super::file;
use super::publish::RunLog;
use super::view::{Loaded, RunView};
use crate::error::{Error, ErrorKind, Result};
use crate::footer;
use crate::manifest::{self, Part, TableState, check_part};
use crate::parallel;
use crate::paths::{BucketId, CommitNumber, MANIFEST_FILE, PartId, StorePath};
use crate::schema::TableSchema;
use crate::store::{EntryKind, StoreError};

/// A manifest of more bytes than this names parts.
const EMPTY_MANIFEST: u64 = 2048;

impl RunLog {
    /// Commit `number`, or `None` when there is none yet.
    pub(super) fn read_commit(&self, number: CommitNumber) -> Result<Option<Commit>> {
        let path = self.paths.commit(number);
        let Some((bytes, _)) = self.store.read(&path).map_err(|error| self.read_failed(error))? else {
            return Ok(None);
        };
        let commit = file::decode(number, &bytes).map_err(|why| {
            damaged("commit file", &self.store.locate(&path), &why)
                .with_hint("every commit after it is unreadable too; restore the file from a copy of the run")
        })?;
        Ok(Some(commit))
    }

    /// The numbers in the log, sorted. Only for the rare cases: it looks at every name there is.
    pub(super) fn list_commits(&self) -> Result<Vec<CommitNumber>> {
        let entries =
            self.store.list(&self.paths.commits(), None).map_err(|error| self.read_failed(error))?;
        Ok(entries.iter().filter_map(|entry| CommitNumber::parse_file_name(&entry.name)).collect())
    }

    /// Makes sure that the view has a head, and moves it on to the newest commit.
    pub(super) fn refresh(&self, view: &mut RunView) -> Result<()> {
        if view.head.is_none() {
            view.head = Some(self.find_head()?);
        }
        while let Some(commit) = self.read_commit(view.head().next())? {
            view.apply(&commit).map_err(|conflict| self.conflicting(&commit, &conflict))?;
        }
        Ok(())
    }

    /// The newest commit that the log or any checkpoint knows: a log that was lost must not begin anew below
    /// what checkpoints include.
    pub(super) fn find_head(&self) -> Result<CommitNumber> {
        let mut head = self.list_commits()?.last().copied().unwrap_or_default();
        for table in self.table_dirs()? {
            let read =
                self.store.read(&self.paths.manifest(table)).map_err(|error| self.read_failed(error))?;
            // One that is damaged says nothing here; whoever reads its table is told.
            let decoded = read.and_then(|(bytes, _)| manifest::decode(table, &bytes).ok());
            head = head.max(decoded.map_or(CommitNumber::ZERO, |decoded| decoded.state.commit));
        }
        Ok(head)
    }

    /// Brings `table` into the view, as of the newest commit. `false` when it has no manifest.
    pub(super) fn load(&self, view: &mut RunView, table: TableName) -> Result<bool> {
        let path = self.paths.manifest(table);
        loop {
            view.tables.remove(&table);
            let Some((bytes, tag)) = self.store.read(&path).map_err(|error| self.read_failed(error))? else {
                return Ok(false);
            };
            let decoded = manifest::decode(table, &bytes).map_err(|why| {
                damaged("manifest", &self.store.locate(&path), &why).with_hint(self.rebuild_hint(table))
            })?;
            let mut state = decoded.state;
            let mut unlogged = Vec::new();
            if !decoded.knows_log {
                let (before_log, named) = self.named_by_log(table)?;
                state.commit = before_log;
                unlogged = state
                    .partitions()
                    .iter()
                    .flat_map(|(bucket, partition)| {
                        partition.parts().iter().map(|part| (*bucket, part.clone()))
                    })
                    .filter(|(bucket, part)| !named.contains(&(*bucket, part.id)))
                    .collect();
            }
            let checkpoint = state.commit;
            if view.head.is_none_or(|head| head < checkpoint) {
                // The checkpoint is newer than all we knew. What lies between may have been pruned.
                view.tables.clear();
                view.head = Some(checkpoint);
            }
            let mut dirty = !decoded.knows_log;
            while state.commit < view.head() {
                let next = state.commit.next();
                let commit = self.read_commit(next)?.ok_or_else(|| {
                    let path = self.store.locate(&self.paths.commit(next));
                    damaged("commit log", &path, "this commit is missing, and later ones are there")
                })?;
                commit.apply(&mut state).map_err(|conflict| self.conflicting(&commit, &conflict))?;
                dirty |= commit.change.tables.contains_key(&table);
            }
            let state = Arc::new(state);
            view.tables.insert(table, Loaded { state, manifest: tag.clone(), checkpoint, dirty, unlogged });
            self.refresh(view)?;
            // Did the checkpoint move meanwhile? Then commits that we did not find may have been pruned.
            if self.store.tag(&path).map_err(|error| self.read_failed(error))? == Some(tag) {
                break;
            }
        }
        // Out of the view and in again: a table that fails a check is not one that was loaded.
        if let Some(mut loaded) = view.tables.remove(&table) {
            let state = Arc::make_mut(&mut loaded.state);
            loaded.unlogged.retain(|(bucket, part)| state.contains(*bucket, part.id));
            self.learn_unlogged(state, &mut loaded.unlogged)?;
            self.check_bucket_size(state)?;
            view.tables.insert(table, loaded);
        }
        Ok(true)
    }

    /// The commit before the first of the log, and every part of `table` that the log names.
    fn named_by_log(&self, table: TableName) -> Result<(CommitNumber, HashSet<(BucketId, PartId)>)> {
        let numbers = self.list_commits()?;
        let mut named = HashSet::new();
        for number in &numbers {
            let Some(commit) = self.read_commit(*number)? else { continue };
            if let Some(change) = commit.change.tables.get(&table) {
                named.extend(change.add.iter().map(|(bucket, part)| (*bucket, part.id)));
            }
        }
        let first = numbers.first().map_or(0, |first| first.get().saturating_sub(1));
        Ok((CommitNumber::new(first), named))
    }

    /// What a manifest of another implementation does not say of its parts, their footers do: their schema.
    fn learn_unlogged(&self, state: &mut TableState, unlogged: &mut [(BucketId, Part)]) -> Result<()> {
        if unlogged.is_empty() {
            return Ok(());
        }
        let table = state.table;
        let learned = parallel::map(unlogged, parallel::WAITING, |(bucket, part)| {
            let path = self.paths.part(table, *bucket, part.id);
            footer::read_schema(&*self.store, &path).map_err(|error| error.in_context(self.name(table)))
        })?;
        let mut schema = match &state.schema {
            Some(schema) => TableSchema::clone(schema),
            None => TableSchema::of(get_table(table)),
        };
        for ((bucket, part), found) in unlogged.iter_mut().zip(learned) {
            schema = schema.union_with_part(&found.schema).map_err(|conflict| {
                let path = self.store.locate(&self.paths.part(table, *bucket, part.id));
                Error::new(
                    ErrorKind::Schema,
                    format!("{}: part `{path}` does not fit the others: {conflict}", self.name(table)),
                )
            })?;
            part.provisional = found.provisional;
            state.add(*bucket, part.clone());
        }
        state.schema = Some(Arc::new(schema));
        Ok(())
    }

    /// Invariant 8: a table keeps the bucket size it was made with.
    fn check_bucket_size(&self, state: &mut TableState) -> Result<()> {
        let size = self.tick_bucket_size;
        if let Some(known) = state.tick_bucket_size {
            if known == size {
                return Ok(());
            }
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{}: tick_bucket_size is {size} in the settings, and the table was written with {known}",
                    self.name(state.table)
                ),
            )
            .with_hint(format!("open the run with tick_bucket_size={known}"))
            .with_tick_bucket_size(known));
        }
        for (bucket, partition) in state.partitions() {
            for part in partition.parts() {
                check_part(*bucket, part, Some(size)).map_err(|why| {
                    Error::new(
                        ErrorKind::Config,
                        format!(
                            "{}: tick_bucket_size is {size} in the settings, and the table was written with another: {why}",
                            self.name(state.table)
                        ),
                    )
                    .with_hint("open the run with the tick_bucket_size it was written with")
                })?;
            }
        }
        state.tick_bucket_size = Some(size);
        Ok(())
    }

    /// The newest state of `table`, for a reader.
    pub(crate) fn snapshot(&self, table: TableName) -> Result<Arc<TableState>> {
        match self.state(table)? {
            Some(state) if !state.is_unwritten() => Ok(state),
            _ => Err(self.no_manifest(table, &self.paths.manifest(table))),
        }
    }

    /// The newest state of `table`; `None` when it has no manifest.
    fn state(&self, table: TableName) -> Result<Option<Arc<TableState>>> {
        let mut view = self.view();
        let path = self.paths.manifest(table);
        let known = view.tables.get(&table).map(|loaded| loaded.manifest.clone());
        match known {
            // An up-to-date check: one look at the manifest, one open that fails.
            Some(tag)
                if self.store.tag(&path).map_err(|error| self.read_failed(error))?.as_ref() == Some(&tag) =>
            {
                self.refresh(&mut view)?;
            }
            _ => {
                self.load(&mut view, table)?;
            }
        }
        Ok(view.state(table).map(Arc::clone))
    }

    pub(super) fn no_manifest(&self, table: TableName, path: &StorePath) -> Error {
        Error::manifest(format!(
            "{} has no manifest: nothing was written to it, or `{}` was lost",
            self.name(table),
            self.store.locate(path)
        ))
        .with_hint(format!(
            "append to the table first; if it was written before, {}",
            self.rebuild_hint(table)
        ))
    }

    /// How to mend a manifest.
    pub(super) fn rebuild_hint(&self, table: TableName) -> String {
        format!(
            "rebuild it from the parts on disk: Dataset.rebuild_manifest(\"{table}\") or `crv rebuild {} {table}`",
            self.paths.run()
        )
    }

    /// The tables that were written in this run.
    pub(crate) fn list_tables(&self) -> Result<Vec<TableName>> {
        let mut tables = self.table_dirs()?;
        let mut failed = None;
        tables.retain(|table| {
            self.was_written(*table).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        failed.map_or(Ok(tables), Err)
    }

    /// Was anything ever committed to this table? Its directory and an empty manifest may be there all the
    /// same, when its first append failed.
    fn was_written(&self, table: TableName) -> Result<bool> {
        let entries =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        let manifest = entries.iter().find(|entry| entry.name == MANIFEST_FILE).map(|entry| entry.kind);
        match manifest {
            Some(EntryKind::Object(bytes)) if bytes > EMPTY_MANIFEST => Ok(true),
            // One that is damaged was written.
            Some(EntryKind::Object(_)) => Ok(match self.state(table) {
                Ok(state) => state.is_some_and(|state| !state.is_unwritten()),
                Err(error) => error.kind() == ErrorKind::Manifest || error.kind() == ErrorKind::Config,
            }),
            _ => Ok(entries.iter().any(|entry| BucketId::parse_dir_name(&entry.name).is_some())),
        }
    }

    /// The tables that have a directory in this run, in the order of the registry.
    pub(super) fn table_dirs(&self) -> Result<Vec<TableName>> {
        let entries = self.store.list(&self.paths.tables(), None).map_err(|error| self.read_failed(error))?;
        let names = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
        let mut tables: Vec<TableName> = names.filter_map(|entry| entry.name.parse().ok()).collect();
        tables.sort_by_key(|table| TableName::ALL.iter().position(|known| known == table));
        Ok(tables)
    }

    pub(super) fn conflicting(&self, commit: &Commit, conflict: &crate::schema::SchemaConflict) -> Error {
        let path = self.store.locate(&self.paths.commit(commit.number));
        damaged("commit file", &path, &format!("its schema does not fit the table's: {conflict}"))
    }

    pub(crate) fn read_failed(&self, error: StoreError) -> Error {
        let hint = error.hint();
        let text = format!("run `{}`: {error}", self.paths.run());
        let error = Error::new(ErrorKind::Read, text).with_source(error);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// An error about a document that is not what was written.
pub(crate) fn damaged(what: &str, path: &str, why: &str) -> Error {
    Error::manifest(format!("{what} `{path}` is damaged: {why}"))
}
