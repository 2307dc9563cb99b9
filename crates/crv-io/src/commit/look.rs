//! Looking again at a commit whose outcome was unknown.

use std::io;

use super::publish::Outcome;
use super::view::RunView;
use crate::commit::RunLog;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::CommitNumber;
use crate::store::StoreError;

impl RunLog {
    /// Did the commit take effect that was tried with this number and id? If so, it is durable when this returns. An
    /// error of the same kind, with the same number and id, as long as nobody can tell.
    pub(crate) fn took_effect(&self, number: CommitNumber, id: &str) -> Result<bool> {
        let mut view = self.view();
        self.is_there(&mut view, number, id).map_err(|error| {
            if error.kind() == ErrorKind::UnknownOutcome {
                return error;
            }
            let path = self.store.locate(&self.paths.commit(number));
            self.unknown(number, id, StoreError::new("look at", path, io::Error::other(error)))
        })
    }

    fn is_there(&self, view: &mut RunView, number: CommitNumber, id: &str) -> Result<bool> {
        let ours = matches!(self.whose(number, id, None)?, Outcome::Ours);
        // Looked at last: what was pruned before the file was looked at is then covered by the base (invariant 2),
        // and the file, or that there is none, says nothing.
        self.see_base(view)?;
        if view.base.through >= number {
            let text = format!("the log was pruned through commit {}", view.base.through);
            return Err(Error::new(ErrorKind::Read, text));
        }
        Ok(ours)
    }
}
