//! Writing manifests and the base for a repair, as durably as they were first written.

use super::base::Base;
use super::publish::Publisher;
use crate::error::Result;
use crate::manifest::TableState;
use crate::store::{PutMode, PutOutcome, Tag};

impl Publisher {
    /// Writes `state` as its table's manifest, in place of the version `expected` or as the first; `false` if another
    /// writer wrote it first. Guard: the commits that it includes are durable before it.
    pub fn restore_manifest(&self, state: &TableState, expected: Option<&Tag>) -> Result<bool> {
        self.checkpointer.sync_through(state.commit)?;
        let mode = expected.map_or(PutMode::IfAbsent, PutMode::IfMatches);
        Ok(self.checkpointer.put_manifest(state, mode)? != PutOutcome::Refused)
    }

    /// Writes `base` in place of the version `expected` or as the first; `false` if another writer wrote it first.
    /// Guard: the commits that it replaces are durable before it.
    pub fn restore_base(&self, base: &Base, expected: Option<&Tag>) -> Result<bool> {
        self.checkpointer.sync_through(base.through)?;
        self.checkpointer.put_base(base, expected)
    }
}
