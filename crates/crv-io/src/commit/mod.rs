//! The run's commit log: the sequence of its commits, one immutable file each.
//!
//! [`Change`] is what a commit does (pure). [`file`] is its form on disk. [`RunLog`] publishes changes and
//! caches the state of the run: the checkpoint of each table and the commits after it. [`checkpoint`] decides
//! when a `manifest.json` is rewritten. [`prune`] replaces the oldest commits by a [`base`].
//! [`survey`] reads every document for a check and does not stop at damage; [`restore`] writes manifests and
//! the base for a repair.
//!
//! The protocol, and each invariant by its number: `docs/commit-protocol.md`. A comment with `Guard:` marks a step that
//! must come before or after another; that page lists these guards with their tests. A commit is *void* if its file
//! was put under a number that had been pruned: no reader counts it.

mod absent;
mod ahead;
pub(crate) mod backoff;
mod base;
mod base_file;
mod change;
mod checkpoint;
mod file;
mod foreign;
mod index;
mod load;
mod look;
mod mend;
mod merge;
mod prune;
mod publish;
mod restore;
mod survey;
mod vacuum;
mod view;

pub(crate) use base::Base;
pub(crate) use change::Commit;
pub(crate) use foreign::join_base;

#[cfg(any(feature = "fuzzing", feature = "inner"))]
pub(crate) mod decoders {
    #[cfg(feature = "fuzzing")]
    pub(crate) use super::base_file::{decode as decode_base, encode as encode_base};
    pub(crate) use super::file::{decode as decode_commit, encode as encode_commit};
}

pub use change::{Change, Operation, TableChange};
pub(crate) use merge::Merge;
pub use prune::PruneReport;
pub(crate) use publish::RunLog;
pub(crate) use survey::{Damage, Found};
pub(crate) use vacuum::Parts;
