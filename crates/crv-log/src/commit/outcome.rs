//! The outcome of a put: whose commit has the number, whether it counts, and what to say while that is unknown.

use std::io;

use super::change::Commit;
use super::publish::Publisher;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::CommitNumber;
use crate::store::StoreError;

/// Which writer's commit has a number.
pub(super) enum Outcome {
    Ours,
    Theirs,
    /// No commit has it. Holds the error of the put if its outcome is unknown.
    Absent(Option<StoreError>),
}

impl Publisher {
    /// Returns whether the commit with this number and id took effect; if so, it is durable when this returns. While
    /// that is still unknown, returns an error of the same kind with the same number and id.
    pub fn took_effect(&self, number: CommitNumber, id: &str) -> Result<bool> {
        self.is_there(number, id).map_err(|error| {
            if error.kind() == ErrorKind::UnknownOutcome {
                return error;
            }
            let path = self.log.store.locate(&self.log.paths.commit(number));
            self.unknown(number, id, StoreError::new("read", path, io::Error::other(error)))
        })
    }

    fn is_there(&self, number: CommitNumber, id: &str) -> Result<bool> {
        let ours = matches!(self.whose(number, id, None)?, Outcome::Ours);
        // Guard: the base is read after the file, so that it covers every number that was pruned before (invariant 2).
        // Under such a number neither a file nor its absence proves anything.
        let mut cache = self.log.cache();
        self.log.see_base(&mut cache)?;
        if cache.base.through >= number {
            let text = format!("the log was pruned through commit {}", cache.base.through);
            return Err(Error::new(ErrorKind::Read, text));
        }
        Ok(ours)
    }

    /// Returns whether the commit that was just published counts. It is void if its number was free because an
    /// earlier commit with that number was pruned, which the cached state was too old to know. The base tells: it is
    /// durable before a commit file is removed (invariant 2). If the base has this commit's own id under the number,
    /// the commit counted, and was pruned a moment ago.
    pub(super) fn stands(&self, commit: &Commit) -> Result<bool> {
        let mut cache = self.log.cache();
        let seen = self.log.see_base(&mut cache).and_then(|()| {
            if cache.base.through < commit.number {
                return Ok(Some(true));
            }
            Ok(self.log.read_base_head()?.id_of(commit.number).map(|id| id == commit.id))
        });
        let unknown = |why: io::Error| {
            let error = StoreError::new("read", self.log.store.locate(&self.log.paths.base()), why);
            self.unknown(commit.number, &commit.id, error)
        };
        match seen {
            Ok(Some(stands)) => Ok(stands),
            Ok(None) => Err(unknown(io::Error::other("it no longer has the id of this commit"))),
            Err(error) => Err(unknown(io::Error::other(error))),
        }
    }

    /// Removes a void commit file of ours. Guard: the base is durable before that. The process that wrote it may not
    /// have synced its name yet, and without the base the removed file would be a hole in the log.
    pub(super) fn remove_void(&self, number: CommitNumber) {
        if self.log.store.sync(&[self.log.paths.base()]).is_ok() {
            // Error ignored: the file does not count, and the next prune removes it.
            let _ = self.log.store.remove(&self.log.paths.commit(number));
        }
    }

    /// Reads back which writer's commit has the number, after a put that did not plainly succeed. `unclear` is the
    /// error of the put if its outcome is unknown. Guard: a commit of ours is durable before it is acknowledged.
    pub(super) fn whose(
        &self,
        number: CommitNumber,
        id: &str,
        unclear: Option<StoreError>,
    ) -> Result<Outcome> {
        let path = self.log.paths.commit(number);
        match (self.log.read_commit(number), unclear) {
            (Ok(Some(found)), _) if found.id == id => {
                match self.log.store.sync(std::slice::from_ref(&path)) {
                    Ok(()) => Ok(Outcome::Ours),
                    Err(again) => Err(self.unknown(number, id, again)),
                }
            }
            (Ok(Some(_)), _) => Ok(Outcome::Theirs),
            (Ok(None), unclear) => Ok(Outcome::Absent(unclear)),
            (Err(_), Some(error)) => Err(self.unknown(number, id, error)),
            (Err(error), None) => Err(error),
        }
    }

    /// The error for a commit whose outcome is unknown.
    pub(super) fn unknown(&self, number: CommitNumber, id: &str, error: StoreError) -> Error {
        Error::new(
            ErrorKind::UnknownOutcome,
            format!(
                "run `{}`: it is unknown whether commit {number} with id {id} took effect: {error}",
                self.log.paths.run()
            ),
        )
        .with_hint(format!(
            "once storage answers again, read `{}`: if it has this id, the rows are there; do not append them again before you know (if `{}` goes through {number} or beyond, look for the rows themselves)",
            self.log.store.locate(&self.log.paths.commit(number)),
            self.log.paths.base().file_name()
        ))
        .with_commit(number.get(), id)
        .with_source(error)
    }

    /// The error for a number that can neither be put nor read.
    pub(super) fn contradiction(&self, number: CommitNumber) -> Error {
        Error::new(
            ErrorKind::Write,
            format!(
                "inconsistent storage: `EEXIST`, then `ENOENT` for `{}`",
                self.log.store.locate(&self.log.paths.commit(number))
            ),
        )
        .with_hint("is this a network file system? Keep runs on a local one")
    }
}
