//! Writing manifests and the base for a repair, as durably as they were first written.

use super::base::Base;
use super::cache::RunView;
use super::publish::RunLog;
use crate::error::Result;
use crate::manifest::TableState;
use crate::store::{PutMode, PutOutcome, Tag};

impl RunLog {
    /// Writes `state` as its table's manifest, in place of the version `expected` or as the first; `false` if another
    /// writer wrote it first. Guard: the commits that it includes are durable before it.
    pub fn restore_manifest(&self, state: &TableState, expected: Option<&Tag>) -> Result<bool> {
        self.settle_through(state.commit)?;
        let mode = expected.map_or(PutMode::IfAbsent, PutMode::IfMatches);
        Ok(self.put_manifest(state, mode)? != PutOutcome::Refused)
    }

    /// Writes `base` in place of the version `expected` or as the first; `false` if another writer wrote it first.
    /// Guard: the commits that it replaces are durable before it.
    pub fn restore_base(&self, base: &Base, expected: Option<&Tag>) -> Result<bool> {
        self.settle_through(base.through)?;
        self.write_base(base, expected)
    }

    /// Drops the cached state of this handle: a repair may have set aside a commit that it includes.
    pub fn forget(&self) {
        let mut view = self.view();
        let ours = std::mem::take(&mut view.ours);
        *view = RunView { ours, ..RunView::default() };
    }
}
