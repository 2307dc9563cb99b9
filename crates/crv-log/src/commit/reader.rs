//! [`LogReader`]: what a handle knows of its run, and how it learns more. It publishes nothing.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::tables::TableId;
use crv_schema::schema::{Descriptor, TableSchema};

use super::cache::Cache;
use super::lineage::FooterReader;
use crate::error::Result;
use crate::manifest::TableState;
use crate::paths::{CommitNumber, RunPaths};
use crate::store::Store;

/// Reads the log of one run, and caches the state of the run for one handle.
///
/// The cache is locked while the log is read, and never while something is written: a reader does not wait for a commit
/// under way.
pub struct LogReader {
    /// Where the run is stored.
    pub store: Arc<dyn Store>,
    /// The names of its files.
    pub paths: RunPaths,
    pub(super) footers: Arc<dyn FooterReader>,
    pub(super) tick_bucket_size: u64,
    cache: Mutex<Cache>,
}

impl fmt::Debug for LogReader {
    /// Leaves out the cached state: it is as large as the run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogReader")
            .field("run", self.paths.run())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// What an append to a table is validated against.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The columns that the table is defined to have.
    pub descriptor: Descriptor,
    /// The table's schema now.
    pub schema: Arc<TableSchema>,
    /// Whether the append is the table's first.
    pub is_new: bool,
}

impl LogReader {
    /// A reader of the log of the run at `paths` in `store`, whose tables have `tick_bucket_size` ticks per bucket. Reads
    /// nothing yet.
    pub fn new(
        store: Arc<dyn Store>,
        paths: RunPaths,
        footers: Arc<dyn FooterReader>,
        tick_bucket_size: u64,
    ) -> Self {
        Self { store, paths, footers, tick_bucket_size, cache: Mutex::default() }
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        match self.cache.lock() {
            Ok(cache) => cache,
            // A thread panicked while it changed the cached state: drop it and read again.
            Err(poisoned) => {
                let mut cache = PoisonError::into_inner(poisoned);
                *cache = Cache::default();
                self.cache.clear_poison();
                cache
            }
        }
    }

    /// Ticks per bucket, from the settings.
    pub fn tick_bucket_size(&self) -> u64 {
        self.tick_bucket_size
    }

    /// The prefix of error messages: run and table.
    pub fn name(&self, table: TableId) -> String {
        format!("run `{}`, table `{table}`", self.paths.run())
    }

    /// Returns what an append to `table` is validated against. Creates nothing. An error of kind
    /// [`NotFound`](crate::error::ErrorKind::NotFound) for a table that is neither canonical nor declared.
    pub fn definition(&self, table: TableId) -> Result<Definition> {
        let mut cache = self.cache();
        if cache.state(table).is_some_and(|state| !state.is_defined()) {
            // Another handle may have declared it since.
            self.refresh(&mut cache)?;
        }
        if cache.state(table).is_none() {
            self.load(&mut cache, table)?;
        }
        let state = cache.state(table);
        let descriptor = match (state, table.canonical()) {
            (_, Some(table)) => Some(Descriptor::canonical(table)),
            (state, None) => state.and_then(|state| state.declared.clone()),
        };
        let known = state.and_then(|state| state.schema.clone());
        drop(cache);
        let descriptor = descriptor.ok_or_else(|| self.undeclared(table))?;
        let is_new = known.is_none();
        let schema = known.unwrap_or_else(|| Arc::clone(descriptor.schema()));
        Ok(Definition { descriptor, schema, is_new })
    }

    /// The same, as of the newest commit: another handle may have declared further columns. `None` if the descriptor is
    /// still `known`.
    pub fn newer_definition(&self, known: &Descriptor) -> Result<Option<Definition>> {
        if known.id().canonical().is_some() {
            return Ok(None);
        }
        self.refresh(&mut self.cache())?;
        let now = self.definition(known.id())?;
        Ok((now.descriptor != *known).then_some(now))
    }

    /// Returns a snapshot of `table`: its newest state.
    pub fn snapshot(&self, table: TableId) -> Result<Arc<TableState>> {
        match self.state(table)? {
            Some(state) if !state.is_unwritten() => Ok(state),
            _ => Err(self.unwritten(table)),
        }
    }

    /// Returns the newest state of `table`; `None` if it has no manifest.
    pub(super) fn state(&self, table: TableId) -> Result<Option<Arc<TableState>>> {
        let mut cache = self.cache();
        let path = self.paths.manifest(table);
        let known = cache.tables.get(&table).map(|loaded| loaded.manifest.clone());
        match known {
            // An up-to-date check costs one `open` that fails and three `stat`s: two in the refresh, one below.
            Some(tag) => {
                self.refresh(&mut cache)?;
                // Guard: the manifest's tag is read after the log. It changes when another implementation writes the
                // manifest back, and before commits that it did not include are pruned.
                let now = self.store.tag(&path).map_err(|error| self.read_failed(error))?;
                if now != Some(tag) || cache.state(table).is_none() {
                    self.load(&mut cache, table)?;
                }
            }
            None => {
                self.load(&mut cache, table)?;
            }
        }
        Ok(cache.state(table).map(Arc::clone))
    }

    /// Returns the number of the newest commit; 0 before the first.
    pub fn head(&self) -> Result<CommitNumber> {
        let mut cache = self.cache();
        self.refresh(&mut cache)?;
        Ok(cache.head())
    }

    /// Drops the cached state: a repair may have set aside a commit that it includes.
    pub fn forget(&self) {
        let mut cache = self.cache();
        let ours = std::mem::take(&mut cache.ours);
        *cache = Cache { ours, ..Cache::default() };
    }
}
