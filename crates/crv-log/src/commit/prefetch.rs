//! Reading commits in order, several files in parallel.
//!
//! The result is that of reading them one by one, up to the first that is not there. Files beyond that one may have
//! been read; they are ignored, damaged or not.

use std::collections::VecDeque;

use super::change::Commit;
use super::reader::LogReader;
use crate::error::{Error, Result};
use crate::parallel;
use crate::paths::CommitNumber;

/// The largest number of files that are read at a time.
const AT_ONCE: u64 = 256;
/// If the last commit is not known, this many are read one by one before several are read at a time: mostly there is
/// none, or one.
const ONE_BY_ONE: u64 = 8;

/// The commits from a number on, in order.
pub(super) struct Prefetch<'a> {
    log: &'a LogReader,
    first: CommitNumber,
    next: CommitNumber,
    last: Option<CommitNumber>,
    read: VecDeque<Result<Option<Commit>>>,
}

impl LogReader {
    /// Returns the commits from `first` on: up to `last` if that is known, else up to the first that is not there.
    pub(super) fn commits_from(&self, first: CommitNumber, last: Option<CommitNumber>) -> Prefetch<'_> {
        Prefetch { log: self, first, next: first, last, read: VecDeque::new() }
    }
}

impl Prefetch<'_> {
    /// Reads the next commit; `None` if it is not there, or after the last.
    pub(super) fn next(&mut self) -> Result<Option<Commit>> {
        if self.read.is_empty() {
            self.read_more()?;
        }
        self.read.pop_front().unwrap_or(Ok(None))
    }

    fn read_more(&mut self) -> Result<()> {
        let seen = self.next.get() - self.first.get();
        let many = match self.last {
            Some(last) => last.get().saturating_add(1).saturating_sub(self.next.get()).min(AT_ONCE),
            None if seen < ONE_BY_ONE => 1,
            None => seen.min(AT_ONCE),
        };
        let numbers: Vec<CommitNumber> = std::iter::successors(Some(self.next), |number| Some(number.next()))
            .take(many as usize)
            .collect();
        self.next = numbers.last().map_or(self.next, |number| number.next());
        // An error is returned when its commit is reached, not here.
        let read = parallel::map(&numbers, parallel::WAITING, |number| {
            Ok::<_, Error>(self.log.read_commit(*number))
        });
        self.read.extend(read?);
        Ok(())
    }
}
