//! The run's commit log: the sequence of its commits, one immutable file each.
//!
//! [`Change`] is what a commit does (pure). [`file`] is its form on disk. [`RunLog`] publishes changes and
//! caches the state of the run: the checkpoint of each table and the commits after it. [`checkpoint`] decides
//! when a `manifest.json` is rewritten. [`prune`] replaces the oldest commits by a [`base`].
//! [`inspect`] reads every document for a check and does not stop at damage; [`restore`] writes manifests and
//! the base for a repair.
//!
//! The protocol, and each invariant by its number: `docs/commit-protocol.md`. A comment with `Guard:` marks a step that
//! must come before or after another; that page lists these guards with their tests. A commit is *void* if its file
//! was put under a number that had been pruned: no reader counts it.

mod absent;
pub mod backoff;
mod base;
mod base_file;
mod cache;
mod change;
mod checkpoint;
mod file;
mod foreign;
mod index;
mod inspect;
mod lineage;
mod load;
mod merge;
mod outcome;
mod prefetch;
mod prune;
mod publish;
mod replan;
mod restore;
mod vacuum;

pub use base::Base;
pub use change::Commit;
pub use foreign::join_base;
pub use lineage::{FooterReader, PartSchema};

/// The files of the log, to bytes and back.
pub mod decoders {
    pub use super::base_file::{decode as decode_base, encode as encode_base};
    pub use super::file::{decode as decode_commit, encode as encode_commit};
}

pub use change::{Change, Operation, TableChange};
pub use inspect::{Damage, Found};
pub use merge::Merge;
pub use prune::PruneReport;
pub use publish::{LogOptions, RunLog};
pub use replan::{Known, Plan};
pub use vacuum::Parts;
