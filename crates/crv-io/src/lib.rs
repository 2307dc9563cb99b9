//! The run store of CRV simulations: every tick one atomic, durable commit; reads that always have the
//! table's schema.
//!
//! # A map
//!
//! - [`Dataset`]: a run, open. [`Dataset::append`], [`Dataset::transaction`], [`Dataset::writer`],
//!   [`Dataset::scan`].
//! - [`IoSettings`]: where and how ([`config`]). [`paths`]: every on-disk name.
//! - [`store`]: the storage operations the protocol needs, on local disks and in memory.
//! - [`commit`]: the run's commit log. [`manifest`]: a table's state and its checkpoint.
//! - [`schema`] and [`validate`]: the schema union, lossless casts, row rules.
//! - [`rows`]: rows as `crv_core::schema` types, to frames and back.
//! - [`catalog`]: the runs under a root. [`run_manifest`]: what a run is, in one document.
//! - [`artifacts`]: files beside the tables, written as durably.
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

pub mod artifacts;
pub mod catalog;
pub mod commit;
pub mod config;
mod dataset;
mod error;
mod footer;
#[cfg(feature = "formats")]
pub mod formats;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(feature = "inner")]
pub mod inner;
mod json_column;
mod json_map;
mod lineage;
mod maintenance;
pub mod manifest;
mod parallel;
mod part_file;
mod part_pages;
pub mod paths;
mod read;
pub mod rows;
pub mod run_manifest;
pub mod schema;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stamp;
pub mod store;
mod ticks;
pub mod validate;
mod write;

pub use crv_core::grammar::TableName;
pub use crv_core::ids::RunId;

pub use commit::PruneReport;
pub use config::{IoSettings, ValuationSettings};
pub use dataset::Dataset;
pub use error::{Error, ErrorKind, Result};
pub use frame::Frame;
pub use maintenance::{
    CheckOptions, CheckProgress, CheckReport, CompactOptions, CompactProgress, CompactReport, Garbage,
    GarbageKind, Problem, ProblemKind, RebuildReport, RepairAction, RepairKind, RepairReport, VacuumOptions,
    VacuumReport,
};
pub use manifest::{PartMeta, PartitionMeta, TableManifest};
pub use read::{Rereads, Scan, ScanBatches, ScanPart};
pub use ticks::{TickRange, TickSpan};
pub use write::{
    AppendOptions, AppendSummary, CommitOutcome, PartSummary, Transaction, TransactionSummary, Writer,
    WriterOptions,
};
