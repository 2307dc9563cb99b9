//! The run store of CRV simulations: every tick one atomic, durable commit; reads that always have the
//! table's schema.
//!
//! # A map
//!
//! - [`Dataset`]: a handle on one run. [`Dataset::append`], [`Dataset::transaction`], [`Dataset::writer`],
//!   [`Dataset::scan`]; [`Dataset::declare`] for tables of your own, some of them ready-made ([`presets`]);
//!   [`Dataset::resume`] and [`Dataset::truncate`] to continue a run.
//! - [`IoSettings`]: where and how ([`config`]).
//! - [`rows`]: typed rows, to frames and back; rows of any serializable type.
//! - [`run`]: a run's facts, status and life cycle, its artifacts, and the bundle that summarizes it. [`catalog`]: the
//!   runs under a root. [`digest`]: a hash of a run's rows, and where two runs part. [`pack`]: many runs in few files.
//!
//! Rooms inside, from the lowest to the highest: `part` (part files: Parquet in and out, footers, page checks), `packed` (a pack as a root), `read`,
//! `maintenance` (compact, vacuum, truncate, check, repair, rebuild), `write` (transactions), `writer` (the buffered writer).
//!
//! From the crates below: [`filter`], [`schema`] and [`validate`] (`crv-schema`); [`manifest`], [`paths`] and [`store`] (`crv-log`),
//! and the commit log itself, which applications do not use directly.
//!
//! # What holds
//!
//! The nine invariants of the commit protocol are in `docs/commit-protocol.md`; code and tests cite them by
//! number. In short: a commit is visible whole or not at all, across buckets and tables; an acknowledged commit
//! survives power loss; a file that no commit names is invisible; nothing outside the root is touched.
//!
//! # What this crate does not do
//!
//! It does not know what a simulation is, runs no queries, and speaks no network protocol. It never deletes a live
//! part. A vacuum deletes parts that were merged or removed once no recent snapshot names them, and old parts that no
//! commit names. If a writer could still commit a part, a commit announces the deletion first (invariant 7). The
//! crate never panics on input, and reads the clock in one place only.

/// The README's Rust block is a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

pub mod catalog;
pub mod config;
mod dataset;
pub mod digest;
mod follow;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod import;
#[cfg(feature = "inner")]
pub mod inner;
mod maintenance;
pub mod pack;
mod packed;
mod part;
mod read;
pub mod rows;
pub mod run;
mod write;
mod writer;

#[cfg(feature = "simulation")]
pub use crv_log::simulation;
pub use crv_log::{manifest, paths, store};
pub use crv_schema::{filter, json_column, presets, schema, validate};

use crv_log::{buffers, commit, error, parallel, stamp, ticks};

pub use crv_core::grammar::TableName;
pub use crv_core::ids::RunId;
pub use crv_core::tables::TableId;

pub use commit::PruneReport;
pub use config::{IoSettings, ValuationSettings};
pub use crv_schema::Frame;
pub use crv_schema::schema::Descriptor;
pub use dataset::Dataset;
pub use error::{Error, ErrorKind, Result};
pub use follow::{Follow, FollowedCommit};
pub use maintenance::{
    CheckOptions, CheckProgress, CheckReport, CompactOptions, CompactProgress, CompactReport, Garbage,
    GarbageKind, Problem, ProblemKind, RebuildReport, RepairAction, RepairKind, RepairReport, TruncateReport,
    VacuumOptions, VacuumReport,
};
pub use manifest::{PartMeta, PartitionMeta, TableManifest};
pub use read::{Rereads, Scan, ScanBatches, ScanPart};
pub use ticks::{TickRange, TickSpan};
pub use write::{
    AppendOptions, AppendSummary, CheckpointOptions, ModelState, PartSummary, Transaction, TransactionSummary,
};
pub use writer::{CommitOutcome, Writer, WriterOptions};
