//! Verifying parts: to what extent, and which parts a handle has verified already.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crv_core::tables::TableId;

use crate::commit::LogReader;
use crate::config::VerifyReads;
use crate::error::{Error, ErrorKind};
use crate::manifest::TableState;
use crate::paths::{BucketId, PartId, StorePath};

/// Remembered parts of a table, in addition to twice the number of its live parts.
const SPARE: u64 = 1024;

/// A part with the checksum that its entry had. An id is never used twice, but a rebuild may change an entry.
type Known = (BucketId, PartId, Option<u32>);

/// How a handle verifies parts that are not read whole, and which of them it has verified.
#[derive(Debug)]
pub(crate) struct Verifier {
    by: VerifyReads,
    /// The process that made the handle. After a fork the lock may be held by a thread of the parent: the child does
    /// not take it.
    process: u32,
    known: Mutex<HashMap<TableId, HashSet<Known>>>,
}

impl Verifier {
    pub(crate) fn new(by: VerifyReads) -> Self {
        Self { by, process: std::process::id(), known: Mutex::default() }
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    fn knows(&self, table: TableId, part: &Known) -> bool {
        if self.is_forked() {
            return false;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&table).is_some_and(|parts| parts.contains(part))
    }

    fn remember(&self, state: &TableState, part: Known) {
        if self.is_forked() {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = known.entry(state.table).or_default();
        // Merged parts are never read again: without this, a long run would fill the set.
        if parts.len() as u64 > state.part_count().saturating_mul(2).saturating_add(SPARE) {
            parts.retain(|(bucket, id, _)| state.contains(*bucket, *id));
        }
        parts.insert(part);
    }
}

/// A part of a snapshot, and the handle that the snapshot belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) log: Arc<LogReader>,
    pub(crate) state: Arc<TableState>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) bucket: BucketId,
    pub(crate) id: PartId,
}

impl Pinned {
    /// Returns whether every byte must be compared, also if the part is not read whole.
    pub(super) fn by_checksum(&self) -> bool {
        self.verifier.by == VerifyReads::Checksum
    }

    /// Returns whether this handle has verified the part already.
    pub(super) fn is_known(&self, crc32c: Option<u32>) -> bool {
        self.verifier.knows(self.state.table, &(self.bucket, self.id, crc32c))
    }

    pub(super) fn remember(&self, crc32c: Option<u32>) {
        self.verifier.remember(&self.state, (self.bucket, self.id, crc32c));
    }

    /// Returns an error if the part was vacuumed after the snapshot: its file is missing, and the newest state does not
    /// name it.
    pub(super) fn vacuumed(&self, path: &StorePath) -> Option<Error> {
        let store = &self.log.store;
        if self.verifier.is_forked() || !matches!(store.tag(path), Ok(None)) {
            return None;
        }
        let newest = self.log.snapshot(self.state.table).ok()?;
        if newest.contains(self.bucket, self.id) {
            return None;
        }
        let text = format!(
            "part `{}` was removed by a vacuum after this scan was made at commit {}: the table's newest state, of \
             commit {}, does not name it",
            store.locate(path),
            self.state.commit,
            newest.commit,
        );
        let hint =
            "make a new scan; a vacuum keeps the parts of scans that are younger than its age (`older_than`)";
        Some(Error::new(ErrorKind::Read, text).with_hint(hint).vacuumed())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::manifest::Part;
    use crate::paths::CommitNumber;
    use crate::ticks::TickSpan;

    #[test]
    fn parts_that_are_no_longer_live_are_forgotten() {
        let verifier = Verifier::new(VerifyReads::Checksum);
        let table = TableId::HOLDINGS;
        let bucket = BucketId::new(0);
        let mut state = TableState::new(table, None, CommitNumber::ZERO, Timestamp::UNIX_EPOCH);
        for id in 0..10_u32 {
            state.add(
                bucket,
                Part {
                    id: PartId::new(id.into()),
                    rows: 1,
                    bytes: 1,
                    ticks: TickSpan { min: 0, max: 0 },
                    created_at: Timestamp::UNIX_EPOCH,
                    crc32c: Some(id),
                    provisional: false,
                },
            );
        }
        for id in 0..10_000_u32 {
            verifier.remember(&state, (bucket, PartId::new(id.into()), Some(id)));
        }
        let known = |id: u32, sum| verifier.knows(table, &(bucket, PartId::new(id.into()), sum));
        assert!((0..10).all(|id| known(id, Some(id))), "live parts stay");
        assert!(!known(3, Some(4)) && !known(3, None), "an entry with another checksum is not known");
        assert!(!verifier.knows(TableId::MESSAGES, &(bucket, PartId::new(3), Some(3))));
        assert!(verifier.known.lock().unwrap()[&table].len() as u64 <= 2 * 10 + SPARE + 1);
    }
}
