//! Bugs planted into the store, to show that the harness catches them.
//!
//! The store's own code stays as it is: a bug is a layer that disables one of its precautions, between the store and
//! the file system ([`files`]) or between the store and the protocol ([`store`]).

mod files;
mod store;

use std::cell::RefCell;
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
    /// A file gets its name before it is synced.
    RenameBeforeSync,
    /// A sync that failed is retried on the same file, and its success is trusted.
    RetryFailedSync,
    /// A commit replaces another with the same number.
    CommitReplaces,
    /// A commit is published before its parts are durable.
    CommitBeforeParts,
    /// The parts of a commit of unknown outcome are removed.
    DeleteOnUnknown,
    /// Retries do not wait.
    NoBackoff,
    /// A commit is published after one that is not durable yet.
    BuildsOnUnsynced,
    /// A checkpoint replaces a newer one.
    CheckpointReplacesNewer,
    /// Commit files are removed before the documents that replace them are written.
    PruneTooEarly,
    /// A number whose commit was pruned is taken again.
    BaseIgnored,
    /// A vacuum that removes orphans is not logged: a writer that is about to commit them does not notice.
    VacuumUnheard,
    /// Documents are read without a comparison of their checksums.
    ChecksumIgnored,
    /// Transactions that are one commit: all but the first are acknowledged before it is durable.
    AcknowledgedEarly,
}

impl Bug {
    /// Every bug.
    pub const ALL: [Self; 16] = [
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
        Self::AcknowledgedEarly,
    ];
}

impl fmt::Display for Bug {
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
            Self::VacuumUnheard => "a vacuum that is not logged",
            Self::ChecksumIgnored => "checksum ignored",
            Self::AcknowledgedEarly => "acknowledged before the commit is durable",
        })
    }
}

/// Opens the store on `sim` as a separate process does, with this bug.
pub(crate) fn open_store(sim: &Sim, root: &str, bug: Option<Bug>) -> Arc<dyn Store> {
    let Some(bug) = bug else { return Arc::new(LocalStore::on(root, Arc::new(sim.clone()))) };
    let local = LocalStore::on(root, Arc::new(files::Planted::new(sim.clone(), bug)));
    Arc::new(store::Planted::new(local, bug))
}

thread_local! {
    /// What [`Bug::AcknowledgedEarly`] does before the next sync of the log.
    static EARLY: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// With [`Bug::AcknowledgedEarly`], calls `early` after the next commit has its name, and before that is durable.
pub(crate) fn before_log_sync(bug: Option<Bug>, early: impl FnOnce() + 'static) {
    EARLY.set(if bug == Some(Bug::AcknowledgedEarly) { Some(Box::new(early)) } else { None });
}
