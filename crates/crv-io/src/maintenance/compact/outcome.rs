//! [`Outcome`]: the merges of a compaction, and the groups of parts that it could not merge.

use std::collections::BTreeSet;
use std::error::Error as _;

use crv_core::tables::TableId;

use super::failures::together;
use super::plan::Group;
use super::report::CompactReport;
use crate::error::{Error, Result};
use crate::paths::PartId;
use crate::store::StoreError;

/// The outcome of a compaction: its merges and its failures.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(super) report: CompactReport,
    /// Groups that cannot be merged.
    pub(super) aside: Vec<SetAside>,
    /// The storage error that stopped it. A retry may succeed.
    pub(super) stopped: Option<Error>,
}

impl Outcome {
    pub(super) fn of(table: TableId) -> Self {
        Self { report: CompactReport::of(table), aside: Vec::new(), stopped: None }
    }

    /// Returns the report, or one error for all failures.
    pub(crate) fn into_result(self) -> Result<CompactReport> {
        let errors = self.aside.into_iter().map(|aside| aside.error).chain(self.stopped);
        match together("merges failed", errors.collect()) {
            Some(error) => Err(error),
            None => Ok(self.report),
        }
    }
}

/// Parts that cannot be merged, because one of them is damaged or missing: a retry would fail too.
#[derive(Debug)]
pub(crate) struct SetAside {
    parts: BTreeSet<PartId>,
    pub(super) error: Error,
}

impl SetAside {
    pub(super) fn new(group: &Group, error: Error) -> Self {
        Self { parts: group.ids().into_iter().collect(), error }
    }

    /// Returns whether any of the parts is in the group, which may have got other parts since.
    pub(super) fn has_any_of(&self, group: &Group) -> bool {
        group.parts.iter().any(|part| self.parts.contains(&part.id))
    }
}

/// Returns whether this is a storage error: then the parts may be undamaged.
pub(super) fn is_of_storage(error: &Error) -> bool {
    matches!(error.source(), Some(source) if source.is::<StoreError>())
}
