//! Atomic writes of single files at any path.

use std::io;
use std::path::Path;

use fs_err as fs;
use jiff::Timestamp;
use serde::Serialize;

use super::parquet;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::StorePath;
use crate::stamp;
use crate::store::{LocalStore, PutMode, Store, StoreError};
use crv_schema::Frame;

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

/// The size and time of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileStat {
    /// The path, as it was given.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When its contents were written, ISO-8601 in UTC.
    pub created_at: String,
}

/// Writes rows as a Parquet file at `path`. Replaces an existing file and creates missing directories. When this
/// returns, the file is durable. After an error the existing file is unchanged, unless the hint says that the new one
/// may be in place.
pub fn write_parquet_atomic(path: impl AsRef<Path>, frame: &Frame) -> Result<WrittenParquet> {
    let path = path.as_ref();
    let shown = path.display().to_string();
    let created_at = stamp::text(stamp::now());
    let bytes = parquet::encode(&shown, frame)?;
    write_durably(path, &bytes)?;
    Ok(WrittenParquet { path: shown, bytes: bytes.len() as u64, created_at, rows: frame.num_rows() as u64 })
}

/// Writes text in UTF-8 at `path`, with the guarantees of [`write_parquet_atomic`].
pub fn write_text_atomic(path: impl AsRef<Path>, text: &str) -> Result<WrittenText> {
    let path = path.as_ref();
    let created_at = stamp::text(stamp::now());
    write_durably(path, text.as_bytes())?;
    let shown = path.display().to_string();
    Ok(WrittenText { path: shown, bytes: text.len() as u64, created_at, wrote_text: true })
}

/// Returns the size and time of the file at `path`; an error if it does not exist.
pub fn file_stat(path: impl AsRef<Path>) -> Result<FileStat> {
    let path = path.as_ref();
    let failed = |source: io::Error| {
        hinted(ErrorKind::Read, StoreError::new("stat", path.display().to_string(), source))
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
    // Resolved, so that a symbolic link is followed and not replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&target) {
        // A device or a directory must not be replaced by a file.
        Ok(found) if !found.is_file() => {
            return Err(failed(io::Error::other("it is not a file"))
                .with_hint("use the path of a file, or one that does not exist yet"));
        }
        _ => {}
    }
    let Some((store, name)) = LocalStore::beside(&target) else {
        return Err(Error::argument(format!("`{}` does not end in a file name", path.display()))
            .with_hint("add the file's name, in UTF-8"));
    };
    replace(&store, &name, bytes)
}

/// Writes `bytes` at `path`, and replaces an existing file.
pub(crate) fn replace(store: &dyn Store, path: &StorePath, bytes: &[u8]) -> Result<()> {
    match store.put(path, bytes, PutMode::Replace) {
        Ok(_) => Ok(()),
        Err(error) if error.is_unknown() => Err(hinted(ErrorKind::Write, error)
            .with_hint("the new file may be in place, but may not be durable; write it again")),
        Err(error) => Err(hinted(ErrorKind::Write, error)),
    }
}

/// The public error of a storage operation, with its hint.
pub(crate) fn hinted(kind: ErrorKind, error: StoreError) -> Error {
    Error::caused_by(kind, error.to_string(), error.hint(), error)
}
