//! How much a writer gathers.

use super::gathered::Size;
use crate::error::{Error, Result};

/// How much a [`Writer`](super::Writer) gathers before it writes: up to a number of rows and of bytes, whichever is
/// reached first.
///
/// ```
/// use crv_io::WriterOptions;
/// let options = WriterOptions::default().with_max_rows(50_000)?;
/// assert_eq!(options.max_bytes(), WriterOptions::DEFAULT_MAX_BYTES);
/// assert!(options.with_max_bytes(0).is_err());
/// # Ok::<(), crv_io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    max_rows: u64,
    max_bytes: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { max_rows: Self::DEFAULT_MAX_ROWS, max_bytes: Self::DEFAULT_MAX_BYTES }
    }
}

impl WriterOptions {
    /// Rows over all tables. Several row groups of the default size: more rows in a commit make the file no better.
    pub const DEFAULT_MAX_ROWS: u64 = 1_000_000;

    /// Bytes in memory over all tables. Encoding them takes so long that the `fsync`s of a commit no longer count,
    /// and a simulation on every core of a machine can afford as much.
    pub const DEFAULT_MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// At most so many rows, over all tables; at least 1.
    pub fn with_max_rows(self, max_rows: u64) -> Result<Self> {
        Ok(Self { max_rows: at_least_one("max_rows", max_rows)?, ..self })
    }

    /// At most so many bytes of Arrow data, over all tables; at least 1.
    pub fn with_max_bytes(self, max_bytes: u64) -> Result<Self> {
        Ok(Self { max_bytes: at_least_one("max_bytes", max_bytes)?, ..self })
    }

    /// How many rows are gathered at most.
    pub fn max_rows(&self) -> u64 {
        self.max_rows
    }

    /// How many bytes of Arrow data are gathered at most.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(super) fn hold(&self, size: Size) -> bool {
        size.rows <= self.max_rows && size.bytes <= self.max_bytes
    }
}

fn at_least_one(name: &str, value: u64) -> Result<u64> {
    if value == 0 {
        return Err(Error::argument(format!("`{name}` is 0")).with_hint("a writer gathers at least 1"));
    }
    Ok(value)
}
