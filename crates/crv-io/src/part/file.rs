//! A part as input of the Parquet reader: bytes at offsets, from any [`Store`].

use std::io::{self, BufReader, Read};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::error::{Error, ErrorKind, Result};
use crate::paths::StorePath;
use crate::store::{Blob, Store};

/// Parts up to this size are read whole, with one call.
pub(crate) const WHOLE_BELOW: u64 = 128 * 1024;

/// An open part.
#[derive(Debug, Clone)]
pub(crate) enum PartFile {
    /// A small part, in memory.
    Whole(Bytes),
    /// A large one, read where it is needed.
    Ranges(Arc<dyn Blob>),
}

impl PartFile {
    /// Opens the part at `path`, and checks that it has the size that its entry says.
    pub(crate) fn open(store: &dyn Store, path: &StorePath, expected: Option<u64>) -> Result<Self> {
        let failed = |why: &dyn std::fmt::Display| read_failed(store, path, why);
        let blob = store
            .open(path)
            .map_err(|error| Error::caused_by(ErrorKind::Read, error.to_string(), error.hint(), error))?;
        let Some(blob) = blob else {
            return Err(Error::new(
                ErrorKind::Read,
                format!(
                    "part `{}` is missing: the table's state names it, and the file is not there",
                    store.locate(path)
                ),
            )
            .with_hint("restore the file from a copy of the run; rebuilding the manifest drops its rows"));
        };
        let size = blob.size();
        if let Some(expected) = expected.filter(|expected| *expected != size) {
            return Err(failed(&format!("it has {size} bytes where its entry says {expected}")));
        }
        if size > WHOLE_BELOW {
            return Ok(Self::Ranges(blob.into()));
        }
        blob.read_at(0, size as usize).map(Self::Whole).map_err(|error| failed(&error))
    }

    /// The CRC-32C of all its bytes.
    pub(crate) fn checksum(&self) -> io::Result<u32> {
        match self {
            Self::Whole(bytes) => Ok(crc32c::crc32c(bytes)),
            Self::Ranges(blob) => checksum(&**blob, |_| ()),
        }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Ranges(blob) => blob.size(),
        }
    }

    /// Reads `length` bytes from `offset`. An error if the part ends before.
    pub(crate) fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        match self {
            Self::Ranges(blob) => blob.read_at(offset, length),
            Self::Whole(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let end = start.checked_add(length).filter(|end| *end <= bytes.len());
                end.map(|end| bytes.slice(start..end)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

/// How many bytes of a part are in memory at a time while its checksum is computed.
const CHUNK: usize = 1 << 20;

/// The CRC-32C of all bytes of an object. The callback `read` gets the size of each chunk that was read.
pub(crate) fn checksum(blob: &dyn Blob, read: impl Fn(u64)) -> io::Result<u32> {
    let (mut sum, mut at) = (0, 0);
    while at < blob.size() {
        let length = CHUNK.min(usize::try_from(blob.size() - at).unwrap_or(CHUNK));
        let bytes = blob.read_at(at, length)?;
        sum = crc32c::crc32c_append(sum, &bytes);
        at += length as u64;
        read(length as u64);
    }
    Ok(sum)
}

/// Runs a decoder, and returns an error if it panics.
///
/// The Parquet decoders check some of what a page says with assertions, and divide and index by it: a few flipped bits
/// within compressed data make them panic. Only decoding tells whether a page is good, so there is no other way to keep
/// invariant 9. The decoder is dropped; the panic hook has printed the panic on standard error.
pub(crate) fn decoding<T>(work: impl FnOnce() -> T) -> Result<T, &'static str> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| "its data cannot be decoded")
}

/// The error for the part at `path` that cannot be read.
pub(crate) fn read_failed(store: &dyn Store, path: &StorePath, why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Read, format!("could not read part `{}`: {why}", store.locate(path)))
        .with_hint("the file is damaged; restore it from a copy of the run")
}

impl Length for PartFile {
    fn len(&self) -> u64 {
        self.size()
    }
}

impl ChunkReader for PartFile {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(Cursor { file: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.read_at(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads a part from an offset on.
#[derive(Debug)]
pub(crate) struct Cursor {
    file: PartFile,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size().saturating_sub(self.at);
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let bytes = self.file.read_at(self.at, length)?;
        buffer.get_mut(..length).unwrap_or_default().copy_from_slice(&bytes);
        self.at += length as u64;
        Ok(length)
    }
}
