//! Parts before their commit: encoded and held in memory, then written under temporary names, then under their own.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crv_core::tables::TableId;

use crate::commit::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Part;
use crate::parallel;
use crate::paths::{BucketId, StorePath};
use crate::store::PreparedPut;

/// Encoded parts are held in memory up to this many bytes, so that the parts of a tick are written in parallel. Beyond
/// it, each part is written as soon as it is encoded.
const HOLD: usize = 2 * 1024 * 1024;

/// The parts of an uncommitted transaction. On drop, those that have no name yet are removed.
#[derive(Debug, Default)]
pub(super) struct Staging {
    held: Mutex<Vec<(StorePath, Vec<u8>)>>,
    held_bytes: AtomicUsize,
    written: Mutex<Vec<PreparedPut>>,
    named: Vec<StorePath>,
    parts: BTreeMap<TableId, Vec<(BucketId, Part)>>,
}

impl Staging {
    /// Takes a part's bytes, and writes them at once if too many bytes are held. `&self`: several threads call this.
    pub(super) fn put(&self, log: &LogReader, path: StorePath, bytes: Vec<u8>) -> Result<()> {
        let size = bytes.len();
        if self.held_bytes.fetch_add(size, Ordering::Relaxed) + size <= HOLD {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push((path, bytes));
            return Ok(());
        }
        self.held_bytes.fetch_sub(size, Ordering::Relaxed);
        let written = prepare(log, &path, &bytes)?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push(written);
        Ok(())
    }

    /// Records that these parts belong to the transaction, in this order.
    pub(super) fn note(&mut self, table: TableId, parts: Vec<(BucketId, Part)>) {
        self.parts.entry(table).or_default().extend(parts);
    }

    pub(super) fn parts(&self) -> &BTreeMap<TableId, Vec<(BucketId, Part)>> {
        &self.parts
    }

    /// Writes and syncs every part that is held, several in parallel.
    pub(super) fn write(&mut self, log: &LogReader) -> Result<()> {
        let held = std::mem::take(self.held.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.held_bytes.store(0, Ordering::Relaxed);
        let written = parallel::map(&held, parallel::WAITING, |(path, bytes)| prepare(log, path, bytes))?;
        self.written.get_mut().unwrap_or_else(PoisonError::into_inner).extend(written);
        Ok(())
    }

    /// Writes and syncs every part that is held, under its name, several in parallel; and gives those that were written
    /// before their names. Returns the names, which are not durable yet.
    pub(super) fn write_named(&mut self, log: &LogReader) -> Result<Vec<StorePath>> {
        let held = std::mem::take(self.held.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.held_bytes.store(0, Ordering::Relaxed);
        // Recorded first: a call that fails may have taken effect, and its file must be removed too.
        self.named.extend(held.iter().map(|(path, _)| path.clone()));
        parallel::for_each(&held, parallel::WAITING, |(path, bytes)| {
            let part = prepare(log, path, bytes)?;
            log.store.put_prepared(part).map_err(|error| log.write_failed(error))
        })?;
        self.name(log)
    }

    /// Gives every part its name. Returns the names, which are not durable yet.
    pub(super) fn name(&mut self, log: &LogReader) -> Result<Vec<StorePath>> {
        for part in std::mem::take(self.written.get_mut().unwrap_or_else(PoisonError::into_inner)) {
            // Recorded first: a call that fails may have taken effect, and its file must be removed too.
            let path = part.path().clone();
            self.named.push(path.clone());
            log.store.put_prepared(part).map_err(|error| match error.io().kind() {
                // A vacuum removes temporary files that are older than its age.
                std::io::ErrorKind::NotFound => {
                    let (run, path) = (log.paths.run(), log.store.locate(&path));
                    let text = format!(
                        "run `{run}`: part `{path}` waited so long for its commit that a vacuum removed it"
                    );
                    Error::new(ErrorKind::Conflict, text)
                        .with_hint("nothing was committed; try the same again")
                }
                _ => log.write_failed(error),
            })?;
        }
        Ok(self.named.clone())
    }

    /// Removes the files. Only for parts that no commit can name.
    pub(super) fn discard(&mut self, log: &LogReader) {
        for path in std::mem::take(&mut self.named) {
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

fn prepare(log: &LogReader, path: &StorePath, bytes: &[u8]) -> Result<PreparedPut> {
    log.store.prepare(path, bytes).map_err(|error| log.write_failed(error))
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
        for (sizes, expected) in
            [(vec![HOLD + 1], vec![0]), (vec![HOLD], vec![]), (vec![HOLD / 2, HOLD / 2, 1, HOLD], vec![2, 3])]
        {
            let mut staging = Staging::default();
            for (id, size) in sizes.iter().enumerate() {
                staging.put(&log, path(id as u128), vec![0; *size]).unwrap();
            }
            let written = staging.written.get_mut().unwrap().iter().map(|part| part.path().clone());
            let written: Vec<_> = written.collect();
            assert_eq!(written, expected.into_iter().map(path).collect::<Vec<_>>(), "{sizes:?}");
            let is_there = |id: usize| store.tag(&path(id as u128)).unwrap().is_some();
            assert!((0..sizes.len()).all(|id| !is_there(id)), "no part has its name");
            staging.write(&log).unwrap();
            assert_eq!(staging.name(&log).unwrap().len(), sizes.len());
            assert!((0..sizes.len()).all(is_there));
            staging.discard(&log);
            assert!((0..sizes.len()).all(|id| !is_there(id)));
        }
    }
}
