//! [`LogReader`]: what a handle knows of its run, and how it learns more. It publishes nothing.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::grammar::TableName;
use crv_core::tables::get_table;
use crv_schema::schema::TableSchema;

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
    pub fn name(&self, table: TableName) -> String {
        format!("run `{}`, table `{table}`", self.paths.run())
    }

    /// Returns the table's schema now, which an append is validated against, and whether the append is the
    /// table's first. Creates nothing.
    pub fn schema(&self, table: TableName) -> Result<(Arc<TableSchema>, bool)> {
        let mut cache = self.cache();
        if cache.state(table).is_none() {
            self.load(&mut cache, table)?;
        }
        let known = cache.state(table).and_then(|state| state.schema.clone());
        let is_new = known.is_none();
        Ok((known.unwrap_or_else(|| Arc::new(TableSchema::of(get_table(table)))), is_new))
    }

    /// Returns a snapshot of `table`: its newest state.
    pub fn snapshot(&self, table: TableName) -> Result<Arc<TableState>> {
        match self.state(table)? {
            Some(state) if !state.is_unwritten() => Ok(state),
            _ => Err(self.unwritten(table)),
        }
    }

    /// Returns the newest state of `table`; `None` if it has no manifest.
    pub(super) fn state(&self, table: TableName) -> Result<Option<Arc<TableState>>> {
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
