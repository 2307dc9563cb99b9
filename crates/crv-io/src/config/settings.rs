//! The settings themselves: getters, setters, and building from pairs.

use std::collections::BTreeMap;

use crv_core::constants::{ROW_GROUP_SIZE, TICK_BUCKET_SIZE};
use serde::Serialize;

use super::error::{ConfigError, Origin};
use super::fields::{IO_FIELDS, assign, check_root};
use super::kinds::{Compression, FsProtocol, Partitioning, VerifyReads};
use super::valuation::ValuationSettings;
use super::value::SettingValue;
use crate::paths::{StorePath, join_root};

/// How runs are stored: where, in what buckets, and how parts are written.
///
/// Invariants: `tick_bucket_size`, `row_group_size`, an explicit `write_manifest_every_n` and
/// `valuation.vwap_window_ticks` are at least 1 and fit an `i64`; `root_dir` and `valuation.currency` are not empty; a
/// store for `fs_protocol` exists; and `root_dir` is not a URL if that is `file`. (The last is only checked when a run
/// is opened, if the protocol was changed by [`with_fs_protocol`](Self::with_fs_protocol).)
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct IoSettings(Inner);

/// The fields, in the order of documentation and serialization.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Inner {
    pub(super) root_dir: String,
    pub(super) partitioning: Partitioning,
    pub(super) tick_bucket_size: u64,
    pub(super) row_group_size: usize,
    pub(super) compression: Compression,
    pub(super) fs_protocol: FsProtocol,
    pub(super) fs_options: BTreeMap<String, String>,
    pub(super) strict_schema: bool,
    pub(super) write_manifest_every_n: Option<u64>,
    pub(super) compact_sealed_buckets: Option<bool>,
    pub(super) verify_reads: VerifyReads,
    pub(super) valuation: ValuationSettings,
}

impl Default for IoSettings {
    fn default() -> Self {
        Self(Inner {
            root_dir: Self::DEFAULT_ROOT_DIR.to_owned(),
            partitioning: Partitioning::TickBuckets,
            tick_bucket_size: TICK_BUCKET_SIZE,
            row_group_size: ROW_GROUP_SIZE,
            compression: Compression::Zstd,
            fs_protocol: FsProtocol::File,
            fs_options: BTreeMap::new(),
            strict_schema: true,
            write_manifest_every_n: None,
            compact_sealed_buckets: None,
            verify_reads: VerifyReads::Checksum,
            valuation: ValuationSettings::default(),
        })
    }
}

impl IoSettings {
    /// The default root of all runs.
    pub const DEFAULT_ROOT_DIR: &'static str = "out";

    /// Returns the defaults with these settings changed, for callers with keyword arguments.
    pub fn from_pairs<K: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, SettingValue)>,
    ) -> Result<Self, ConfigError> {
        Self::default().with_pairs(&Origin::Argument, pairs)
    }

    /// Returns these settings with some changed. Errors name `origin` as their source.
    pub fn with_pairs<K: AsRef<str>>(
        mut self,
        origin: &Origin,
        pairs: impl IntoIterator<Item = (K, SettingValue)>,
    ) -> Result<Self, ConfigError> {
        for (key, value) in pairs {
            assign(&mut self.0, IO_FIELDS, key.as_ref(), &value)
                .map_err(|refusal| ConfigError::refused(origin, refusal))?;
        }
        check_root(&self.0).map_err(|refusal| ConfigError::refused(origin, refusal))?;
        Ok(self)
    }

    /// Checks that the root is valid for the kind of storage, which depends on two settings.
    pub(crate) fn check_root(&self) -> Result<(), ConfigError> {
        check_root(&self.0).map_err(|refusal| ConfigError::refused(&Origin::Argument, refusal))
    }

    /// Returns these settings with one changed, by name.
    pub fn with(self, key: &str, value: impl Into<SettingValue>) -> Result<Self, ConfigError> {
        self.with_pairs(&Origin::Argument, [(key, value.into())])
    }

    /// These settings with another root of all runs.
    pub fn with_root_dir(self, root_dir: impl Into<String>) -> Result<Self, ConfigError> {
        self.with("root_dir", root_dir.into())
    }

    /// These settings with another number of ticks in a bucket.
    pub fn with_tick_bucket_size(self, ticks: u64) -> Result<Self, ConfigError> {
        self.with("tick_bucket_size", ticks)
    }

    /// These settings with another number of rows in a Parquet row group.
    pub fn with_row_group_size(self, rows: usize) -> Result<Self, ConfigError> {
        self.with("row_group_size", rows)
    }

    /// These settings with another compression.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.0.compression = compression;
        self
    }

    /// These settings on another kind of storage.
    #[must_use]
    pub fn with_fs_protocol(mut self, protocol: FsProtocol) -> Self {
        self.0.fs_protocol = protocol;
        self
    }

    /// These settings, with columns that a table does not have refused or kept.
    #[must_use]
    pub fn with_strict_schema(mut self, strict: bool) -> Self {
        self.0.strict_schema = strict;
        self
    }

    /// These settings with another number of commits between two rewrites of `manifest.json`; `None` is adaptive.
    pub fn with_write_manifest_every_n(self, commits: Option<u64>) -> Result<Self, ConfigError> {
        self.with("write_manifest_every_n", commits.map_or(SettingValue::Null, SettingValue::from))
    }

    /// These settings, with the parts of a bucket merged, or not, when a later one has begun.
    #[must_use]
    pub fn with_compact_sealed_buckets(mut self, compact: bool) -> Self {
        self.0.compact_sealed_buckets = Some(compact);
        self
    }

    /// These settings, with parts verified by size or by checksum before their rows are returned.
    #[must_use]
    pub fn with_verify_reads(mut self, verify: VerifyReads) -> Self {
        self.0.verify_reads = verify;
        self
    }

    /// These settings with another valuation.
    #[must_use]
    pub fn with_valuation(mut self, valuation: ValuationSettings) -> Self {
        self.0.valuation = valuation;
        self
    }

    /// The root of all runs, as it was given.
    pub fn root_dir(&self) -> &str {
        &self.0.root_dir
    }

    /// The full path of `path` under the root, as people and other tools write it.
    pub fn locate(&self, path: &StorePath) -> String {
        join_root(self.root_dir(), path)
    }

    /// How rows are partitioned into directories.
    pub const fn partitioning(&self) -> Partitioning {
        self.0.partitioning
    }

    /// Ticks in a bucket; at least 1, and fits an `i64`.
    pub const fn tick_bucket_size(&self) -> u64 {
        self.0.tick_bucket_size
    }

    /// Rows in a Parquet row group; at least 1.
    pub const fn row_group_size(&self) -> usize {
        self.0.row_group_size
    }

    /// The compression of a part's columns.
    pub const fn compression(&self) -> Compression {
        self.0.compression
    }

    /// The kind of storage.
    pub const fn fs_protocol(&self) -> FsProtocol {
        self.0.fs_protocol
    }

    /// Options passed to the store.
    pub const fn fs_options(&self) -> &BTreeMap<String, String> {
        &self.0.fs_options
    }

    /// Whether columns that a table does not have are refused.
    pub const fn strict_schema(&self) -> bool {
        self.0.strict_schema
    }

    /// Commits between two rewrites of `manifest.json`; `None` is adaptive.
    pub const fn write_manifest_every_n(&self) -> Option<u64> {
        self.0.write_manifest_every_n
    }

    /// Whether the parts of a bucket are merged, in the background, when a later one has begun. If that was not set, they
    /// are merged in runs of [`start_run`](crate::run::start_run) alone.
    pub fn compact_sealed_buckets(&self) -> bool {
        self.0.compact_sealed_buckets.unwrap_or(false)
    }

    /// These settings as a run of `start_run` takes them.
    pub(crate) fn of_a_started_run(mut self) -> Self {
        self.0.compact_sealed_buckets.get_or_insert(true);
        self
    }

    /// How a part is verified before its rows are returned.
    pub const fn verify_reads(&self) -> VerifyReads {
        self.0.verify_reads
    }

    /// How holdings are valued.
    pub const fn valuation(&self) -> &ValuationSettings {
        &self.0.valuation
    }
}
