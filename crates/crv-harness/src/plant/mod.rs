//! Bugs planted into the store, to see that the harness finds them.
//!
//! The store's own code stays as it is: a bug is a layer that undoes one of its precautions, between it and the
//! file system ([`files`]) or between it and its protocol ([`store`]).

mod files;
mod store;

use std::fmt;
use std::sync::Arc;

use crv_io::store::{LocalStore, Store};

use crate::disk::Sim;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bug {
    /// Files are not synced.
    NoFileSync,
    /// Directories are not synced.
    NoDirSync,
    /// The directories above a part's and a commit's are not synced.
    NoAncestorSync,
    /// A file gets its name, and is synced then.
    RenameBeforeSync,
    /// A sync that failed is tried again on the same file, and believed.
    RetryFailedSync,
    /// A commit replaces one that has its number.
    CommitReplaces,
    /// The commit is published, and its parts are made durable then.
    CommitBeforeParts,
    /// The parts of a commit that may be there are removed.
    DeleteOnUnknown,
    /// Whoever has to try again does so at once.
    NoBackoff,
    /// A commit is put after one that is not durable yet.
    BuildsOnUnsynced,
    /// A checkpoint replaces one that is newer.
    CheckpointReplacesNewer,
    /// Commit files are removed, and what they did is written elsewhere then.
    PruneTooEarly,
    /// A number whose commit was pruned is taken again.
    BaseIgnored,
    /// A vacuum removes parts that no commit names, and nobody hears of it who is about to commit them.
    VacuumUnheard,
    /// Documents are read whatever their checksum.
    ChecksumIgnored,
}

impl Bug {
    /// Every bug there is.
    pub const ALL: [Self; 15] = [
        Self::NoFileSync,
        Self::NoDirSync,
        Self::NoAncestorSync,
        Self::RenameBeforeSync,
        Self::RetryFailedSync,
        Self::CommitReplaces,
        Self::CommitBeforeParts,
        Self::DeleteOnUnknown,
        Self::NoBackoff,
        Self::BuildsOnUnsynced,
        Self::CheckpointReplacesNewer,
        Self::PruneTooEarly,
        Self::BaseIgnored,
        Self::VacuumUnheard,
        Self::ChecksumIgnored,
    ];
}

impl fmt::Display for Bug {
    /// In words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFileSync => "no fsync of files",
            Self::NoDirSync => "no fsync of directories",
            Self::NoAncestorSync => "no fsync of the directories above",
            Self::RenameBeforeSync => "rename before fsync",
            Self::RetryFailedSync => "retry of a failed fsync on the same file",
            Self::CommitReplaces => "a commit replaces another",
            Self::CommitBeforeParts => "commit before parts",
            Self::DeleteOnUnknown => "delete on unknown outcome",
            Self::NoBackoff => "no backoff",
            Self::BuildsOnUnsynced => "build on a commit that is not durable",
            Self::CheckpointReplacesNewer => "checkpoint replaces a newer one",
            Self::PruneTooEarly => "prune too early",
            Self::BaseIgnored => "a pruned number is taken again",
            Self::VacuumUnheard => "a vacuum that nobody hears of",
            Self::ChecksumIgnored => "checksum ignored",
        })
    }
}

/// The store on `sim`, as a process of its own would have it, with this bug.
pub(crate) fn open_store(sim: &Sim, root: &str, bug: Option<Bug>) -> Arc<dyn Store> {
    let Some(bug) = bug else { return Arc::new(LocalStore::on(root, Arc::new(sim.clone()))) };
    let local = LocalStore::on(root, Arc::new(files::Planted::new(sim.clone(), bug)));
    Arc::new(store::Planted::new(local, bug))
}
