//! Retries of a read at a newer commit, after a part of its snapshot was vacuumed.

use crate::commit::backoff;
use crate::error::Error;

/// Retries of one read before the caller gets the error.
const MOST: u32 = 16;

/// Counts the retries of a read of the current state. A scan is pinned to one commit, and fails permanently when a
/// vacuum removes one of its parts. A caller that only wants the current rows makes a new scan:
///
/// ```
/// # use crv_io::{Dataset, Rereads, Result, TableName};
/// fn rows(dataset: &Dataset, table: TableName) -> Result<u64> {
///     let mut rereads = Rereads::default();
///     loop {
///         let batches = dataset.scan(table)?.batches();
///         match batches.map(|batch| Ok(batch?.num_rows() as u64)).sum::<Result<u64>>() {
///             Err(error) if rereads.after(&error) => {}
///             outcome => return outcome,
///         }
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct Rereads {
    done: u32,
}

impl Rereads {
    /// Returns whether to retry after this error. Waits first, longer each time.
    pub fn after(&mut self, error: &Error) -> bool {
        error.is_vacuumed() && self.again()
    }

    /// As [`after`](Self::after), for an error that the caller knows to be [a vacuum's](Error::is_vacuumed).
    pub fn again(&mut self) -> bool {
        if self.done >= MOST {
            return false;
        }
        backoff::wait(self.done);
        self.done += 1;
        true
    }
}
