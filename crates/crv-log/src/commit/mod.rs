//! The run's commit log: the sequence of its commits, one immutable file each.
//!
//! - [`Change`] is what a commit does (pure), and [`file`] its form on disk.
//! - [`LogReader`] reads: [`load`] a table's checkpoint and the commits after it, [`prefetch`] many of them at a time,
//!   [`foreign`] manifests, the [`base`] of a pruned log; [`inspect`] reads every document for a check and does not stop
//!   at damage; [`follow`] reads commit by commit. It caches the state of the run, and publishes nothing.
//! - [`Publisher`] publishes, each thread in its turn ([`queue`]): [`append`]s, declarations ([`declare`]), [`merge`]s, [`truncate`]s, [`vacuum`]s, [`prune`]s, changes that are [`replan`]ned;
//!   [`outcome`] reads back what a put did; [`restore`] writes manifests and the base for a repair.
//! - `Checkpointer` ([`checkpoint`]) decides when a `manifest.json` is rewritten, and writes it.
//!
//! The protocol, and each invariant by its number: `docs/commit-protocol.md`. A comment with `Guard:` marks a step that
//! must come before or after another; that page lists these guards with their tests. A commit is *void* if its file
//! was put under a number that had been pruned: no reader counts it.

mod absent;
mod append;
pub mod backoff;
mod base;
mod base_file;
mod cache;
mod change;
mod checkpoint;
mod declare;
mod errors;
mod file;
mod follow;
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
mod queue;
mod reader;
mod replan;
mod restore;
mod tables;
mod truncate;
mod vacuum;

pub use append::{Append, Draft, NewTable};
pub use base::Base;
pub use change::{Change, Commit, Operation, TableChange};
pub use follow::LogCursor;
pub use foreign::join_base;
pub use inspect::{Damage, Found};
pub use lineage::{FooterReader, PartSchema};
pub use merge::Merge;
pub use prune::PruneReport;
pub use publish::{CommitWatcher, Publisher};
pub use queue::Active;
pub use reader::{Definition, LogReader};
pub use replan::{Known, Plan};
pub use vacuum::Parts;

/// The files of the log, to bytes and back.
pub mod decoders {
    pub use super::base_file::{decode as decode_base, encode as encode_base};
    pub use super::file::{decode as decode_commit, encode as encode_commit};
}
