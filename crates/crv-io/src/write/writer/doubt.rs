//! A commit that may have taken effect or not, and the rows it was to bring.

use super::gathered::Gathered;
use crate::paths::CommitNumber;
use crate::write::TransactionSummary;

/// Rows that are in the store, or are not.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) number: CommitNumber,
    pub(super) id: String,
    pub(super) rows: Gathered,
    /// What it comes to, if it took effect.
    pub(super) summary: TransactionSummary,
}

/// What came of a commit, as its writer is [told](super::Writer::resolve).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is there: its rows are not to be written again.
    TookEffect,
    /// It is not there, and will not be: its rows are still to be written.
    DidNot,
}
