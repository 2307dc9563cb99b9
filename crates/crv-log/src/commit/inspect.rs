//! Reading the documents of a run one by one, for a check, which must not stop at the first that is damaged.

use crv_core::tables::TableId;

use super::base::Base;
use super::base_file;
use super::change::Commit;
use super::file;
use super::reader::LogReader;
use crate::manifest::{self, Decoded, TableManifest};
use crate::paths::{CommitNumber, StorePath};
use crate::store::StoreError;

/// A document above this size is read only if there is a seal at its end.
const LARGE: u64 = 1 << 30;
/// A seal begins within this many bytes of the end.
const SEAL_BYTES: usize = 40;

/// The document under a name.
#[derive(Debug)]
pub enum Found<T> {
    /// No file has the name.
    Absent,
    /// The document.
    Whole(T),
    /// The bytes are not a document that this version can read.
    Damaged(Damage),
    /// Storage refused to read it, with this error.
    Unreadable(String),
}

/// Why a document cannot be decoded.
#[derive(Debug)]
pub struct Damage {
    /// The reason.
    pub why: String,
    /// Whether its seal is valid: then it was written like this.
    pub sealed: bool,
    /// Whether it says that it has a later version.
    pub later: bool,
}

impl<T> Found<T> {
    /// Returns the document, if it is whole.
    pub fn whole(&self) -> Option<&T> {
        match self {
            Self::Whole(found) => Some(found),
            _ => None,
        }
    }

    /// Returns whether no file has the name.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl LogReader {
    /// Reads the base of the log. `read` counts the bytes.
    pub fn look_at_base(&self, read: &mut u64) -> Found<Base> {
        self.look(&self.paths.base(), base_file::FORMAT, read, base_file::decode)
    }

    /// Reads commit `number`.
    pub fn look_at_commit(&self, number: CommitNumber, read: &mut u64) -> Found<Commit> {
        self.look(&self.paths.commit(number), file::FORMAT, read, |bytes| file::decode(number, bytes))
    }

    /// Reads the manifest of `table`.
    pub fn look_at_manifest(&self, table: TableId, read: &mut u64) -> Found<Decoded> {
        self.look(&self.paths.manifest(table), TableManifest::VERSION, read, |bytes| {
            manifest::decode(table, bytes)
        })
    }

    fn look<T>(
        &self,
        path: &StorePath,
        version: u32,
        read: &mut u64,
        decode: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Found<T> {
        let bytes = match self.store.open(path) {
            Ok(None) => return Found::Absent,
            Err(error) => return unreadable(&error),
            Ok(Some(blob)) => {
                let size = blob.size();
                let unreadable = |error| unreadable(&StoreError::new("read", self.store.locate(path), error));
                if size > LARGE {
                    let tail = match blob.read_at(size - SEAL_BYTES as u64, SEAL_BYTES) {
                        Ok(tail) => tail,
                        Err(error) => return unreadable(error),
                    };
                    if !tail.windows(8).any(|window| window == b"\"crc32c\"") {
                        let why = format!("it has {size} bytes and no checksum at the end");
                        return Found::Damaged(Damage { why, sealed: false, later: false });
                    }
                }
                match blob.read_at(0, usize::try_from(size).unwrap_or(usize::MAX)) {
                    Ok(bytes) => bytes,
                    Err(error) => return unreadable(error),
                }
            }
        };
        *read += bytes.len() as u64;
        match decode(&bytes) {
            Ok(document) => Found::Whole(document),
            Err(why) => Found::Damaged(Damage {
                why: if bytes.is_empty() { "it is empty".to_owned() } else { why },
                sealed: manifest::is_sealed(&bytes),
                later: manifest::is_later(&bytes, version),
            }),
        }
    }
}

fn unreadable<T>(error: &StoreError) -> Found<T> {
    Found::Unreadable(error.to_string())
}
