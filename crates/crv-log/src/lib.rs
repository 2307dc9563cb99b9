//! The commit log of a run: what makes an append atomic and durable, apart from what rows and part files are.
//!
//! # A map
//!
//! - [`store`]: the storage operations that the protocol needs, on local disks and in memory.
//! - [`paths`]: every on-disk name, created and parsed in one place.
//! - [`manifest`]: a table's state as of a commit, and its checkpoint `manifest.json`.
//! - [`commit`]: the log itself: loading, publishing, checkpoints, pruning.
//! - [`error`]: the one public error, with its kinds.
//! - [`stamp`]: the clock, the random ids. [`parallel`]: threads. [`buffers`]: memory that is used again. [`ticks`]: ranges of ticks.
//!
//! # What holds
//!
//! The nine invariants of `docs/commit-protocol.md`, which code and tests cite by number.
//!
//! # What this crate does not do
//!
//! It knows no Arrow arrays and no Parquet: schemas are values that it unites and keeps, and what it must know of a part
//! file it asks a [`FooterReader`](commit::FooterReader). It decides nothing about rows, merges or vacuums. Applications
//! use `crv-io`, whose API is the stable one.

pub mod buffers;
pub mod commit;
pub mod error;
mod json_map;
pub mod manifest;
pub mod parallel;
pub mod paths;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod stamp;
pub mod store;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a panic in a test is the report")]
pub mod testing;
pub mod ticks;
