//! A commit that may have taken effect or not, and its rows.

use super::gathered::Gathered;
use crate::paths::CommitNumber;
use crate::write::TransactionSummary;

/// Rows that are in the store, or are not.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) number: CommitNumber,
    pub(super) id: String,
    /// Its rows of ticks that are complete.
    pub(super) complete: Gathered,
    /// Its rows of the newest tick, as long as no later one has begun.
    pub(super) newest: Gathered,
    /// What it comes to, if it took effect.
    pub(super) summary: TransactionSummary,
}

impl Doubt {
    /// A later tick has begun.
    pub(super) fn end_tick(&mut self) {
        self.complete.extend(std::mem::take(&mut self.newest));
    }
}

/// The outcome of a commit, as its writer is [told](super::Writer::resolve).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is there: its rows are not to be written again.
    TookEffect,
    /// It is not there, and will not be: its rows are still to be written.
    DidNot,
}
