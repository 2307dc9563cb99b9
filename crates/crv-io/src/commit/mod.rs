//! The run's commit log: one immutable file per commit, the run's single history.
//!
//! [`Change`] is what a commit does (pure). [`file`] is its form on disk. [`RunLog`] publishes changes and
//! keeps a view of the run: the checkpoint of each table and the commits after it. [`checkpoint`] decides when
//! a `manifest.json` is rewritten. [`prune`] replaces the oldest commits by a [`base`].
//! [`survey`] looks at it all without stopping at damage, [`restore`] puts
//! back what a repair knows for sure.
//!
//! The protocol, and each invariant by its number: `docs/commit-protocol.md`.

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
