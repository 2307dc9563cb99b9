//! [`WriterOptions`]: how many rows a writer buffers.

use std::time::Duration;

use super::gathered::Size;
use crate::error::{Error, Result};

/// How much a [`Writer`](super::Writer) buffers before it writes: a number of rows and a number of bytes, whichever is
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
    flush_every: Option<Duration>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { max_rows: Self::DEFAULT_MAX_ROWS, max_bytes: Self::DEFAULT_MAX_BYTES, flush_every: None }
    }
}

impl WriterOptions {
    /// Rows over all tables. This is several row groups of the default size: more rows per commit have no benefit.
    pub const DEFAULT_MAX_ROWS: u64 = 1_000_000;

    /// Bytes in memory over all tables. Encoding this much takes far longer than the `fsync`s of a commit, and it is
    /// affordable with one simulation per core.
    pub const DEFAULT_MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// Sets the most rows to buffer, over all tables; at least 1.
    pub fn with_max_rows(self, max_rows: u64) -> Result<Self> {
        Ok(Self { max_rows: at_least_one("max_rows", max_rows)?, ..self })
    }

    /// Sets the most bytes of Arrow data to buffer, over all tables; at least 1.
    pub fn with_max_bytes(self, max_bytes: u64) -> Result<Self> {
        Ok(Self { max_bytes: at_least_one("max_bytes", max_bytes)?, ..self })
    }

    /// Sets how long complete ticks stay buffered while later ones begin: so a run that is watched shows them. Not zero.
    pub fn with_flush_every(self, flush_every: Duration) -> Result<Self> {
        if flush_every.is_zero() {
            return Err(Error::argument("`flush_every` is 0")
                .with_hint("to write each tick, use `append` or a transaction"));
        }
        Ok(Self { flush_every: Some(flush_every), ..self })
    }

    /// How long complete ticks stay buffered while later ones begin; `None` for as long as the bounds allow.
    pub fn flush_every(&self) -> Option<Duration> {
        self.flush_every
    }

    /// The most rows that are buffered.
    pub fn max_rows(&self) -> u64 {
        self.max_rows
    }

    /// The most bytes of Arrow data that are buffered.
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
