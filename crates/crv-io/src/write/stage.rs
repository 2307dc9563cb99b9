//! Parts before their commit: encoded and held in memory, or already staged on disk.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crv_core::tables::TableId;

use crate::commit::LogReader;
use crate::error::Result;
use crate::manifest::Part;
use crate::paths::{BucketId, StorePath};

/// Encoded parts are held in memory up to this many bytes, so that the parts of a tick are written in parallel. Beyond
/// it, each part is staged as soon as it is encoded.
const HOLD: usize = 2 * 1024 * 1024;

/// The parts of an uncommitted transaction.
#[derive(Debug, Default)]
pub(super) struct Staging {
    held: Mutex<Vec<(StorePath, Vec<u8>)>>,
    held_bytes: AtomicUsize,
    staged: Mutex<Vec<StorePath>>,
    parts: BTreeMap<TableId, Vec<(BucketId, Part)>>,
}

impl Staging {
    /// Takes a part's bytes, and stages them at once if too many bytes are held. `&self`: several threads call this.
    pub(super) fn put(&self, log: &LogReader, path: StorePath, bytes: Vec<u8>) -> Result<()> {
        let size = bytes.len();
        if self.held_bytes.fetch_add(size, Ordering::Relaxed) + size <= HOLD {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push((path, bytes));
            return Ok(());
        }
        self.held_bytes.fetch_sub(size, Ordering::Relaxed);
        self.write(log, &path, &bytes)
    }

    fn write(&self, log: &LogReader, path: &StorePath, bytes: &[u8]) -> Result<()> {
        // Recorded first: a write that fails may have taken effect, and its file must be removed too.
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        log.store.put_new(path, bytes).map_err(|error| log.write_failed(error))
    }

    /// Records that these parts belong to the transaction, in this order.
    pub(super) fn note(&mut self, table: TableId, parts: Vec<(BucketId, Part)>) {
        self.parts.entry(table).or_default().extend(parts);
    }

    pub(super) fn parts(&self) -> &BTreeMap<TableId, Vec<(BucketId, Part)>> {
        &self.parts
    }

    /// Makes every part durable, its contents and its directory entry (invariant 1).
    pub(super) fn sync(&mut self, log: &LogReader) -> Result<()> {
        let held = std::mem::take(self.held.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.held_bytes.store(0, Ordering::Relaxed);
        let staged = self.staged.get_mut().unwrap_or_else(PoisonError::into_inner);
        let before = staged.len();
        // Recorded first: a write that fails may have taken effect, and its file must be removed too.
        staged.extend(held.iter().map(|(path, _)| path.clone()));
        let staged = staged.get(..before).unwrap_or_default();
        log.store.put_all(&held, staged).map_err(|error| log.write_failed(error))
    }

    /// Removes the staged files. Only for parts that no commit can name.
    pub(super) fn discard(&mut self, log: &LogReader) {
        for path in std::mem::take(self.staged.get_mut().unwrap_or_else(PoisonError::into_inner)) {
            // Error ignored: a file that stays is an orphan.
            let _ = log.store.remove(&path);
        }
        self.forget();
    }

    /// Forgets all parts without removing files: the commit took effect, or may have.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::part::footer::ParquetFooters;
    use crate::paths::{PartId, RunPaths, validate_run_id};
    use crate::store::{MemoryStore, Store as _};

    /// What is held in memory is bounded: a part beyond the bound is written when it is handed in.
    #[test]
    fn parts_are_held_up_to_the_bound_and_written_beyond_it() {
        let store = Arc::new(MemoryStore::new());
        let paths = RunPaths::new(validate_run_id("r").unwrap());
        let log = LogReader::new(Arc::clone(&store) as _, paths, Arc::new(ParquetFooters), 100);
        let path = |id| log.paths.part(TableId::HOLDINGS, BucketId::new(0), PartId::new(id));
        let is_written = |id| store.tag(&path(id)).unwrap().is_some();
        for (sizes, written) in [
            (vec![HOLD + 1], vec![true]),
            (vec![HOLD], vec![false]),
            (vec![HOLD / 2, HOLD / 2, 1, HOLD], vec![false, false, true, true]),
        ] {
            let mut staging = Staging::default();
            for (id, size) in sizes.iter().enumerate() {
                staging.put(&log, path(id as u128), vec![0; *size]).unwrap();
            }
            assert_eq!(
                (0..sizes.len()).map(|id| is_written(id as u128)).collect::<Vec<_>>(),
                written,
                "{sizes:?}"
            );
            staging.discard(&log);
            (0..sizes.len()).for_each(|id| store.remove(&path(id as u128)).unwrap());
        }
    }
}
