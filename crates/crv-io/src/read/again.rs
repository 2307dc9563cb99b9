//! Reading again, as of a newer commit, where a part was vacuumed meanwhile.

use crate::commit::backoff;
use crate::error::Error;

/// How often a table is read again before the error is the caller's.
const MOST: u32 = 16;

/// The retries of a read as of now. A scan is of one commit, and fails for good when a vacuum removes a part that it
/// needs; who only wants the rows as of now takes a newer scan:
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
    /// Should the table be read again after this error? Waits a little first, longer each time.
    pub fn after(&mut self, error: &Error) -> bool {
        error.is_vacuumed() && self.again()
    }

    /// The same, where the caller has seen that the error [is of a vacuum](Error::is_vacuumed).
    pub fn again(&mut self) -> bool {
        if self.done >= MOST {
            return false;
        }
        backoff::wait(self.done);
        self.done += 1;
        true
    }
}
