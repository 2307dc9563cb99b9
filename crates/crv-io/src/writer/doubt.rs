//! A commit of unknown outcome, and its rows.

use super::gathered::Gathered;
use crate::paths::CommitNumber;
use crate::write::TransactionSummary;

/// A commit of unknown outcome.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) number: CommitNumber,
    pub(super) id: String,
    /// Its rows of complete ticks.
    pub(super) complete: Gathered,
    /// Its rows of the newest tick, until a later tick begins.
    pub(super) newest: Gathered,
    /// Its summary, if it took effect.
    pub(super) summary: TransactionSummary,
}

impl Doubt {
    /// Marks all rows as rows of complete ticks: a later tick has begun.
    pub(super) fn end_tick(&mut self) {
        self.complete.extend(std::mem::take(&mut self.newest));
    }
}

/// The outcome of a commit, as passed to [`Writer::resolve`](super::Writer::resolve).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The commit took effect: its rows must not be written again.
    TookEffect,
    /// The commit did not take effect, and never will: its rows must be written again.
    DidNot,
}
