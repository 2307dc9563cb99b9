//! Bugs between the store and its protocol.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use crv_io::paths::StorePath;
use crv_io::store::{Blob, Entry, LocalStore, PreparedPut, PutMode, PutOutcome, Store, StoreError, Tag};

use super::Bug;

/// A store that applies the bug to the protocol's calls.
#[derive(Debug)]
pub(super) struct Planted {
    store: LocalStore,
    bug: Bug,
    late: Mutex<Late>,
}

/// Calls that the bug delays.
#[derive(Debug, Default)]
struct Late {
    /// Parts that are written and have no name yet.
    prepared: Vec<(StorePath, Vec<u8>)>,
    /// Parts that were staged since the last commit.
    staged: Vec<(StorePath, Vec<u8>)>,
    /// Documents that are put only after commit files were removed.
    documents: Vec<(StorePath, Vec<u8>)>,
}

fn is_manifest(path: &StorePath) -> bool {
    path.file_name() == "manifest.json"
}

fn is_base(path: &StorePath) -> bool {
    path.file_name() == "base.json"
}

fn is_part(path: &StorePath) -> bool {
    path.file_name().ends_with(".parquet")
}

fn is_commit(path: &StorePath) -> bool {
    path.parent().is_some_and(|dir| dir.file_name() == "_commits") && !is_base(path)
}

impl Planted {
    pub(super) fn new(store: LocalStore, bug: Bug) -> Self {
        Self { store, bug, late: Mutex::default() }
    }

    fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the calls that were delayed until after the removal of commit files.
    fn catch_up(&self) -> Result<(), StoreError> {
        let documents = std::mem::take(&mut self.late().documents);
        documents.iter().try_for_each(|(path, bytes)| self.store.put(path, bytes, PutMode::Replace).map(drop))
    }

    /// Makes the calls that were delayed until after a commit, or removes its parts after an unknown outcome.
    fn after_commit(&self, outcome: Result<PutOutcome, StoreError>) -> Result<PutOutcome, StoreError> {
        let staged = std::mem::take(&mut self.late().staged);
        match (&outcome, self.bug) {
            (Ok(PutOutcome::Stored(_)), Bug::CommitBeforeParts) => {
                for (path, bytes) in &staged {
                    self.store.put_new(path, bytes)?;
                }
                let paths: Vec<StorePath> = staged.into_iter().map(|(path, _)| path).collect();
                self.store.sync(&paths)?;
            }
            (Ok(PutOutcome::Refused), Bug::CommitBeforeParts) => self.late().staged = staged,
            (Err(error), Bug::DeleteOnUnknown) if error.is_unknown() => {
                for (path, _) in &staged {
                    self.store.remove(path)?;
                }
            }
            _ => {}
        }
        outcome
    }
}

impl Store for Planted {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        self.catch_up()?;
        let read = self.store.read(path)?;
        Ok(match self.bug {
            Bug::ChecksumIgnored => read.map(|(bytes, tag)| (resealed(&bytes), tag)),
            _ => read,
        })
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        if self.bug == Bug::BaseIgnored && is_base(path) { Ok(None) } else { self.store.tag(path) }
    }

    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError> {
        self.store.modified(path)
    }

    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        if self.bug == Bug::ChecksumIgnored && path.file_name().ends_with(".json") {
            let read = self.store.read(path)?;
            return Ok(read.map(|(bytes, _)| Box::new(Resealed(resealed(&bytes))) as Box<dyn Blob>));
        }
        self.store.open(path)
    }

    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        self.store.list(dir, after)
    }

    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        match (self.bug, mode) {
            (Bug::CheckpointReplacesNewer, PutMode::IfMatches(_)) if is_manifest(path) => {
                return self.store.put(path, bytes, PutMode::Replace);
            }
            (Bug::PruneTooEarly, mode)
                if is_base(path) || (is_manifest(path) && mode != PutMode::IfAbsent) =>
            {
                let tag = match self.store.tag(path)? {
                    Some(tag) => tag,
                    None => match self.store.put(path, b"", PutMode::IfAbsent)? {
                        PutOutcome::Stored(tag) => {
                            self.store.remove(path)?;
                            tag
                        }
                        PutOutcome::Refused => return Ok(PutOutcome::Refused),
                    },
                };
                self.late().documents.push((path.clone(), bytes.to_vec()));
                return Ok(PutOutcome::Stored(tag));
            }
            _ => self.catch_up()?,
        }
        let outcome = match self.bug {
            Bug::VacuumUnheard if is_commit(path) => self.store.put(path, &unheard(bytes), mode),
            _ => self.store.put(path, bytes, mode),
        };
        if is_commit(path) { self.after_commit(outcome) } else { outcome }
    }

    fn prepare(&self, path: &StorePath, bytes: &[u8]) -> Result<PreparedPut, StoreError> {
        self.catch_up()?;
        match self.bug {
            Bug::VacuumUnheard if is_commit(path) => self.store.prepare(path, &unheard(bytes)),
            Bug::CommitBeforeParts | Bug::DeleteOnUnknown if is_part(path) => {
                self.late().prepared.push((path.clone(), bytes.to_vec()));
                self.store.prepare(path, bytes)
            }
            _ => self.store.prepare(path, bytes),
        }
    }

    fn publish(&self, ready: PreparedPut) -> Result<PutOutcome, StoreError> {
        let is_commit = is_commit(ready.path());
        let outcome = self.store.publish(ready);
        if is_commit { self.after_commit(outcome) } else { outcome }
    }

    fn put_prepared(&self, prepared: PreparedPut) -> Result<(), StoreError> {
        let known = {
            let mut late = self.late();
            let at = late.prepared.iter().position(|(path, _)| path == prepared.path());
            at.map(|at| late.prepared.swap_remove(at))
        };
        self.late().staged.extend(known);
        if self.bug == Bug::CommitBeforeParts { Ok(()) } else { self.store.put_prepared(prepared) }
    }

    fn put_new(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        self.catch_up()?;
        match self.bug {
            Bug::CommitBeforeParts | Bug::DeleteOnUnknown => {
                self.late().staged.push((path.clone(), bytes.to_vec()));
                if self.bug == Bug::CommitBeforeParts { Ok(()) } else { self.store.put_new(path, bytes) }
            }
            _ => self.store.put_new(path, bytes),
        }
    }

    fn sync(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        match self.bug {
            Bug::CommitBeforeParts if !self.late().staged.is_empty() => Ok(()),
            Bug::BuildsOnUnsynced if paths.iter().all(is_commit) => Ok(()),
            _ => self.store.sync(paths),
        }
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        self.late().staged.retain(|(staged, _)| staged != path);
        self.store.remove(path)
    }

    fn expect(&self, path: &StorePath) {
        self.store.expect(path);
    }

    fn trust(&self, path: &StorePath) {
        self.store.trust(path);
    }

    fn locate(&self, path: &StorePath) -> String {
        self.store.locate(path)
    }
}

/// An open document with a checksum that fits its bytes.
#[derive(Debug)]
struct Resealed(Bytes);

impl Blob for Resealed {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.checked_add(length).filter(|end| *end <= self.0.len());
        end.map(|end| self.0.slice(start..end)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Returns the commit of a vacuum as one that does nothing.
fn unheard(bytes: &[u8]) -> Bytes {
    const VACUUM: &[u8] = b"\"operation\":\"vacuum\"";
    const APPEND: &[u8] = b"\"operation\":\"append\"";
    let Some(at) = bytes.windows(VACUUM.len()).position(|window| window == VACUUM) else {
        return Bytes::copy_from_slice(bytes);
    };
    let mut changed = bytes.to_vec();
    if let Some(place) = changed.get_mut(at..at + VACUUM.len()) {
        place.copy_from_slice(APPEND);
    }
    resealed(&changed)
}

/// Returns a sealed document with a checksum that fits its bytes.
fn resealed(bytes: &[u8]) -> Bytes {
    const KEY: &[u8] = b"\"crc32c\"";
    let found = bytes.windows(KEY.len()).rposition(|window| window == KEY).and_then(|key| {
        let comma = bytes.get(..key)?.iter().rposition(|byte| *byte == b',')?;
        let sum = key + bytes.get(key..)?.iter().position(|byte| *byte == b':')?;
        let digits = sum + bytes.get(sum..)?.iter().position(|byte| *byte == b'"')? + 1;
        Some((crc32c::crc32c(bytes.get(..comma)?), digits))
    });
    let mut resealed = bytes.to_vec();
    if let Some((sum, digits)) = found
        && let Some(place) = resealed.get_mut(digits..digits + 8)
    {
        place.copy_from_slice(format!("{sum:08x}").as_bytes());
    }
    resealed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resealed_document_has_the_checksum_of_its_bytes() {
        let sum = crc32c::crc32c(br#"{"a":1"#);
        let sealed = format!("{{\"a\":1,\"crc32c\":\"{sum:08x}\"}}\n");
        assert_eq!(resealed(sealed.as_bytes()), sealed);
        let damaged = sealed.replace(":1", ":2");
        assert_ne!(resealed(damaged.as_bytes()), damaged);
        assert_eq!(&resealed(b"no seal")[..], b"no seal");
    }
}
