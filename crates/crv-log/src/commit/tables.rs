//! Which tables a run has.

use crv_core::tables::TableId;

use super::reader::LogReader;
use crate::error::{ErrorKind, Result};
use crate::manifest;
use crate::paths::{BucketId, MANIFEST_FILE, PartId};
use crate::store::EntryKind;

/// How many bytes of a manifest are read to see whether rows were committed.
const MANIFEST_START: usize = 1024;

impl LogReader {
    /// The tables that were written in this run.
    pub fn list_tables(&self) -> Result<Vec<TableId>> {
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

    /// Returns whether anything was ever committed to this table. A first append that failed leaves a directory and
    /// an empty manifest.
    fn was_written(&self, table: TableId) -> Result<bool> {
        let entries =
            self.store.list(&self.paths.table(table), None).map_err(|error| self.read_failed(error))?;
        let manifest = entries.iter().find(|entry| entry.name == MANIFEST_FILE).map(|entry| entry.kind);
        match manifest {
            Some(EntryKind::Object(_)) if self.manifest_says_written(table)? => Ok(true),
            // A manifest that is damaged, or of another bucket size, was written.
            Some(EntryKind::Object(_)) => match self.state(table) {
                Ok(state) => Ok(state.is_some_and(|state| !state.is_unwritten())),
                Err(error) if matches!(error.kind(), ErrorKind::Manifest | ErrorKind::Config) => Ok(true),
                Err(error) => Err(error),
            },
            _ => self.has_parts(table),
        }
    }

    /// Returns whether the first bytes of a manifest show that rows were committed. Listing runs must not decode every
    /// part of every table.
    fn manifest_says_written(&self, table: TableId) -> Result<bool> {
        let path = self.paths.manifest(table);
        let opened = self.store.open(&path).map_err(|error| self.read_failed(error))?;
        let Some(blob) = opened else { return Ok(false) };
        let length = usize::try_from(blob.size()).unwrap_or(usize::MAX).min(MANIFEST_START);
        // Not readable: the caller loads the table instead.
        Ok(manifest::says_written(&blob.read_at(0, length).unwrap_or_default()))
    }

    /// The tables that have a directory in this run: canonical ones in the order of the registry, then others by name.
    pub fn table_dirs(&self) -> Result<Vec<TableId>> {
        let entries = self.store.list(&self.paths.tables(), None).map_err(|error| self.read_failed(error))?;
        let names = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
        let mut tables: Vec<TableId> = names.filter_map(|entry| entry.name.parse().ok()).collect();
        tables.sort_unstable();
        Ok(tables)
    }

    /// Returns whether the table has parts.
    pub fn has_parts(&self, table: TableId) -> Result<bool> {
        Ok(self.bucket_with_parts(table)?.is_some())
    }

    /// Returns a bucket that has parts. A first append that failed may leave directories without any.
    pub(super) fn bucket_with_parts(&self, table: TableId) -> Result<Option<BucketId>> {
        let list = |dir| self.store.list(&dir, None).map_err(|error| self.read_failed(error));
        for entry in list(self.paths.table(table))? {
            let Some(bucket) = BucketId::parse_dir_name(&entry.name) else { continue };
            let inside = list(self.paths.bucket(table, bucket))?;
            if inside.iter().any(|entry| PartId::parse_file_name(&entry.name).is_some()) {
                return Ok(Some(bucket));
            }
        }
        Ok(None)
    }
}
