//! Resolving a commit whose outcome was unknown.

use std::io;

use super::cache::RunView;
use super::publish::Outcome;
use crate::commit::RunLog;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::CommitNumber;
use crate::store::StoreError;

impl RunLog {
    /// Returns whether the commit with this number and id took effect; if so, it is durable when this returns. While
    /// that is still unknown, returns an error of the same kind with the same number and id.
    pub fn took_effect(&self, number: CommitNumber, id: &str) -> Result<bool> {
        let mut view = self.view();
        self.is_there(&mut view, number, id).map_err(|error| {
            if error.kind() == ErrorKind::UnknownOutcome {
                return error;
            }
            let path = self.store.locate(&self.paths.commit(number));
            self.unknown(number, id, StoreError::new("read", path, io::Error::other(error)))
        })
    }

    fn is_there(&self, view: &mut RunView, number: CommitNumber, id: &str) -> Result<bool> {
        let ours = matches!(self.whose(number, id, None)?, Outcome::Ours);
        // Guard: the base is read after the file, so that it covers every number that was pruned before (invariant 2).
        // Under such a number neither a file nor its absence proves anything.
        self.see_base(view)?;
        if view.base.through >= number {
            let text = format!("the log was pruned through commit {}", view.base.through);
            return Err(Error::new(ErrorKind::Read, text));
        }
        Ok(ours)
    }
}
