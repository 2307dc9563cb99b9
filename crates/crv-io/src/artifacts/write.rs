//! One file, whole or not at all, at a path that the caller names.

use std::io;
use std::path::Path;

use fs_err as fs;
use jiff::Timestamp;
use serde::Serialize;

use super::parquet;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::paths::StorePath;
use crate::stamp;
use crate::store::{LocalStore, PutMode, Store, StoreError};

/// A Parquet file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenParquet {
    /// The path, as it was given.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written, ISO-8601 in UTC.
    pub created_at: String,
    /// Rows in it.
    pub rows: u64,
}

/// A text file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenText {
    /// The path, as it was given.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written, ISO-8601 in UTC.
    pub created_at: String,
    /// Always true.
    pub wrote_text: bool,
}

/// What a file is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileStat {
    /// The path, as it was given.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When its content came to be, ISO-8601 in UTC.
    pub created_at: String,
}

/// Writes rows as a Parquet file at `path`, in place of what was there, and its directories where they are
/// missing. When this returns, the file survives power loss; after an error what was there is still there.
pub fn write_parquet_atomic(path: impl AsRef<Path>, frame: &Frame) -> Result<WrittenParquet> {
    let path = path.as_ref();
    let shown = path.display().to_string();
    let created_at = stamp::text(stamp::now());
    let bytes = parquet::encode(&shown, frame)?;
    write_durably(path, &bytes)?;
    Ok(WrittenParquet { path: shown, bytes: bytes.len() as u64, created_at, rows: frame.num_rows() as u64 })
}

/// Writes text in UTF-8 at `path`, with the promises of [`write_parquet_atomic`].
pub fn write_text_atomic(path: impl AsRef<Path>, text: &str) -> Result<WrittenText> {
    let path = path.as_ref();
    let created_at = stamp::text(stamp::now());
    write_durably(path, text.as_bytes())?;
    let shown = path.display().to_string();
    Ok(WrittenText { path: shown, bytes: text.len() as u64, created_at, wrote_text: true })
}

/// The size and time of the file at `path`; an error when there is none.
pub fn file_stat(path: impl AsRef<Path>) -> Result<FileStat> {
    let path = path.as_ref();
    let failed = |source: io::Error| {
        hinted(ErrorKind::Read, StoreError::new("look at", path.display().to_string(), source))
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    let modified = metadata.modified().map_err(failed)?;
    let modified = Timestamp::try_from(modified).map_err(|error| failed(io::Error::other(error)))?;
    Ok(FileStat {
        path: path.display().to_string(),
        bytes: metadata.len(),
        created_at: stamp::text(stamp::whole_microseconds(modified)),
    })
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source: io::Error| {
        hinted(ErrorKind::Write, StoreError::new("write", path.display().to_string(), source))
    };
    // Through a symbolic link, so that the link stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&target) {
        // A device or a directory is not to be replaced by a file.
        Ok(found) if !found.is_file() => {
            return Err(failed(io::Error::other("what is there is not a file"))
                .with_hint("name a path where there is a file, or nothing yet"));
        }
        _ => {}
    }
    let Some((store, name)) = LocalStore::beside(&target) else {
        return Err(Error::argument(format!("`{}` does not end in the name of a file", path.display()))
            .with_hint("name the file as well, in UTF-8"));
    };
    replace(&store, &name, bytes)
}

/// Puts `bytes` at `path`, whatever is there.
pub(crate) fn replace(store: &dyn Store, path: &StorePath, bytes: &[u8]) -> Result<()> {
    match store.put(path, bytes, PutMode::Replace) {
        Ok(_) => Ok(()),
        Err(error) if error.is_unknown() => Err(hinted(ErrorKind::Write, error)
            .with_hint("the file may be the new one, and may not survive power loss; write it again")),
        Err(error) => Err(hinted(ErrorKind::Write, error)),
    }
}

/// The public error of a storage operation, with its next step.
pub(crate) fn hinted(kind: ErrorKind, error: StoreError) -> Error {
    let hint = error.hint();
    let told = Error::new(kind, error.to_string()).with_source(error);
    match hint {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}
