//! The bundle's document: the keys of the format, in its order.

use std::collections::BTreeMap;

use crv_core::ids::RunId;
use crv_core::tables::TableId;
use crv_core::versioning::{SCHEMA_V, SchemaVersion};
use serde::Serialize;
use serde_json::Value;

use super::meta::BundleMeta;
use super::tables::TableIndex;
use crate::config::{Compression, IoSettings, Partitioning};
use crate::manifest::TableState;
use crate::run::artifacts::ArtifactsIndex;
use crate::run::origin::{GitState, Versions};

/// The contents of `bundle.manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunBundle {
    /// The version of this document; 1.
    pub schema_version: u32,
    /// The run and its origin.
    pub run: BundleRun,
    /// The programs that wrote the bundle.
    pub env: Versions,
    /// The settings of storage and layout.
    pub io: BundleIo,
    /// The totals of each table.
    pub tables: BTreeMap<TableId, BundleTable>,
    /// The artifacts.
    pub artifacts: ArtifactsIndex,
    /// What the run is, as `run.json` says; null if it was not begun by [`start_run`](crate::run::start_run).
    pub facts: Value,
    /// How it was doing when the bundle was written, as a reader judges it; null as well.
    pub status: Value,
    /// The caller's metadata.
    pub meta: BundleMeta,
}

impl RunBundle {
    /// The version of all bundles.
    pub const VERSION: u32 = 1;
}

/// The run of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BundleRun {
    /// The run.
    pub run_id: RunId,
    /// When it began, ISO-8601 in UTC.
    pub created_at: String,
    /// The version of the tables.
    pub core_schema_v: SchemaVersion,
    /// The code's version, if the current directory is in a Git repository.
    pub git: GitState,
}

impl BundleRun {
    pub(super) fn new(run_id: RunId, created_at: String) -> Self {
        Self { run_id, created_at, core_schema_v: SCHEMA_V, git: GitState::of_current_dir() }
    }
}

/// The settings in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleIo {
    /// The root, as it was given.
    pub root_dir: String,
    /// How rows are partitioned into directories.
    pub partitioning: Partitioning,
    /// Ticks in a bucket.
    pub tick_bucket_size: u64,
    /// Rows in a Parquet row group.
    pub row_group_size: usize,
    /// The compression of parts.
    pub compression: Compression,
}

impl From<&IoSettings> for BundleIo {
    fn from(settings: &IoSettings) -> Self {
        Self {
            root_dir: settings.root_dir().to_owned(),
            partitioning: settings.partitioning(),
            tick_bucket_size: settings.tick_bucket_size(),
            row_group_size: settings.row_group_size(),
            compression: settings.compression(),
        }
    }
}

/// The totals of a table in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleTable {
    /// Rows of all parts.
    pub rows: u64,
    /// Bytes of all parts.
    pub bytes: u64,
    /// The same as `rows`.
    pub total_rows: u64,
    /// The same as `bytes`.
    pub total_bytes: u64,
    /// The first tick; `None` without rows.
    pub tick_min: Option<i64>,
    /// The last tick; `None` without rows.
    pub tick_max: Option<i64>,
    /// The buckets with rows, sorted.
    pub buckets: Vec<u64>,
}

impl From<&TableState> for BundleTable {
    fn from(state: &TableState) -> Self {
        let TableIndex { rows, bytes, tick_min, tick_max, buckets } = TableIndex::from(state);
        Self { rows, bytes, total_rows: rows, total_bytes: bytes, tick_min, tick_max, buckets }
    }
}
