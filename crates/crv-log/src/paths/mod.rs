//! Every on-disk name, made and parsed here and nowhere else.
//!
//! ```text
//! <root>/runs/<run_id>/
//!   run.json
//!   status.json
//!   bundle.manifest.json
//!   _commits/00000000000000000017.json
//!   _commits/base.json
//!   tables/<table>/manifest.json
//!   tables/<table>/bucket=000123/part-<32 hex digits>.parquet
//!   artifacts/lab/{tidy,probes,policy,audit}/…
//! <root>/runs/<run_id>~removed-<16 hex digits>/…
//! ```
//!
//! A [`StorePath`] is relative to the root and cannot leave it: it is put together from names this module
//! makes, and each name that comes from outside (a run id, the name of a part or an artifact) is parsed first.

mod artifacts;
mod facts;
mod removed;
mod replaced;

use std::fmt;

use crv_core::grammar::TableName;
use crv_core::ids::RunId;
use crv_core::suggest::nearest;
use crv_core::tables::TableId;

use crate::error::{Error, ErrorKind, Result};

pub use artifacts::{ARTIFACTS_DIR, BUNDLE_FILE, LAB_DIR, LabDir};
pub use facts::{FACTS_FILE, STATUS_FILE};
pub use removed::RemovedRun;
pub use replaced::is_replaced_name;

/// The directory of all runs, under the root.
pub const RUNS_DIR: &str = "runs";
/// The directory of a run's tables, under the run.
pub const TABLES_DIR: &str = "tables";
/// The directory of a run's commit log, under the run.
pub const COMMITS_DIR: &str = "_commits";
/// The state after the pruned commits, in the directory of the commit log.
pub const BASE_FILE: &str = "base.json";
/// The checkpoint of a table's state, in the table's directory.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The suffix of a temporary file.
pub const TMP_SUFFIX: &str = ".tmp";

/// A path under the root, `/` between its names, never leaving it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorePath(String);

impl StorePath {
    /// The root itself.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The path of `name` in this directory. `name` comes from this module, or has been parsed by it.
    fn child(&self, name: &str) -> Self {
        debug_assert!(is_plain_name(name), "not a plain name: {name:?}");
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}/{name}", self.0)) }
    }

    /// The directory this path lies in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or_else(String::new, |(dir, _)| dir.to_owned())))
    }

    /// The last name of the path; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The path as text, relative to the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

/// The number of a bucket: `tick / tick_bucket_size`, rounded down.
///
/// ```
/// use crv_log::paths::BucketId;
/// assert_eq!(BucketId::new(123).dir_name(), "bucket=000123");
/// assert_eq!(BucketId::parse_dir_name("bucket=000123"), Some(BucketId::new(123)));
/// assert_eq!(BucketId::parse_dir_name("bucket=123"), None);
/// assert_eq!(BucketId::parse_dir_name("bucket=00000123"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(u64);

impl BucketId {
    /// The bucket with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The bucket of a tick. An error for a negative tick or a size below 1.
    pub fn of_tick(tick: i64, tick_bucket_size: u64) -> Result<Self> {
        let tick = u64::try_from(tick)
            .map_err(|_| Error::argument(format!("tick {tick} is negative; ticks start at 0")))?;
        tick.checked_div(tick_bucket_size)
            .map(Self)
            .ok_or_else(|| Error::argument("tick_bucket_size is 0; it must be at least 1"))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The first and last tick that can lie in this bucket; `None` if they are beyond the largest tick.
    pub fn ticks(self, tick_bucket_size: u64) -> Option<(i64, i64)> {
        let first = self.0.checked_mul(tick_bucket_size)?;
        let last = first.saturating_add(tick_bucket_size.checked_sub(1)?);
        Some((i64::try_from(first).ok()?, i64::try_from(last).unwrap_or(i64::MAX)))
    }

    /// The number with at least six digits, as manifests key it.
    pub fn key(self) -> String {
        format!("{:06}", self.0)
    }

    /// The inverse of [`key`](Self::key), and of nothing else.
    pub fn parse_key(key: &str) -> Option<Self> {
        let bucket = Self(key.parse().ok()?);
        (bucket.key() == key).then_some(bucket)
    }

    /// The name of the bucket's directory.
    pub fn dir_name(self) -> String {
        format!("bucket={:06}", self.0)
    }

    /// The inverse of [`dir_name`](Self::dir_name), and of nothing else.
    pub fn parse_dir_name(name: &str) -> Option<Self> {
        Self::parse_key(name.strip_prefix("bucket=")?)
    }
}

impl fmt::Display for BucketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a part: the 32 hex digits of its file name.
///
/// ```
/// use crv_log::paths::PartId;
/// let id = PartId::parse_file_name("part-000000000000000000000000000000ff.parquet").unwrap();
/// assert_eq!(id, PartId::new(255));
/// assert_eq!(id.file_name(), "part-000000000000000000000000000000ff.parquet");
/// assert_eq!(PartId::parse_file_name("part-../../../../../../../etc/passwd.parquet"), None);
/// assert_eq!(PartId::parse_file_name("part-000000000000000000000000000000FF.parquet"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId(u128);

impl PartId {
    /// The part with this id.
    pub const fn new(id: u128) -> Self {
        Self(id)
    }

    /// The id.
    pub const fn get(self) -> u128 {
        self.0
    }

    /// The part's file name in its bucket's directory.
    pub fn file_name(self) -> String {
        format!("part-{}.parquet", self.digits())
    }

    /// The id alone: 32 lower-case hex digits.
    pub fn digits(self) -> String {
        format!("{:032x}", self.0)
    }

    /// The inverse of [`digits`](Self::digits), and of nothing else.
    pub fn parse_digits(hex: &str) -> Option<Self> {
        let plain = hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if plain { u128::from_str_radix(hex, 16).ok().map(Self) } else { None }
    }

    /// The inverse of [`file_name`](Self::file_name), and of nothing else.
    pub fn parse_file_name(name: &str) -> Option<Self> {
        Self::parse_digits(name.strip_prefix("part-")?.strip_suffix(".parquet")?)
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())
    }
}

/// The number of a commit in its run's log. The first is 1; 0 stands for "before any commit".
///
/// ```
/// use crv_log::paths::CommitNumber;
/// let commit = CommitNumber::new(17);
/// assert_eq!(commit.file_name(), "00000000000000000017.json");
/// assert_eq!(CommitNumber::parse_file_name(&commit.file_name()), Some(commit));
/// assert_eq!(CommitNumber::parse_file_name("17.json"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CommitNumber(u64);

impl CommitNumber {
    /// Before any commit.
    pub const ZERO: Self = Self(0);

    /// The commit with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number before this one; that before 0 is 0.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The file name: 20 digits, so that names sort as numbers do.
    pub fn file_name(self) -> String {
        format!("{:020}.json", self.0)
    }

    /// The inverse of [`file_name`](Self::file_name), and of nothing else.
    pub fn parse_file_name(name: &str) -> Option<Self> {
        let commit = Self(name.strip_suffix(".json")?.parse().ok()?);
        (commit.file_name() == name).then_some(commit)
    }
}

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The paths of one run.
#[derive(Debug, Clone)]
pub struct RunPaths {
    run: RunId,
    root: StorePath,
}

impl RunPaths {
    /// The paths of the run `run`.
    pub fn new(run: RunId) -> Self {
        let root = runs_dir().child(run.as_ref());
        Self { run, root }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The run's directory.
    pub fn root(&self) -> &StorePath {
        &self.root
    }

    /// The directory of the run's tables.
    pub fn tables(&self) -> StorePath {
        self.root.child(TABLES_DIR)
    }

    /// A table's directory.
    pub fn table(&self, table: TableId) -> StorePath {
        self.tables().child(table.as_str())
    }

    /// A table's manifest.
    pub fn manifest(&self, table: TableId) -> StorePath {
        self.table(table).child(MANIFEST_FILE)
    }

    /// A bucket's directory.
    pub fn bucket(&self, table: TableId, bucket: BucketId) -> StorePath {
        self.table(table).child(&bucket.dir_name())
    }

    /// A part.
    pub fn part(&self, table: TableId, bucket: BucketId, part: PartId) -> StorePath {
        self.bucket(table, bucket).child(&part.file_name())
    }

    /// The directory of the commit log.
    pub fn commits(&self) -> StorePath {
        self.root.child(COMMITS_DIR)
    }

    /// The base of a log that was pruned.
    pub fn base(&self) -> StorePath {
        self.commits().child(BASE_FILE)
    }

    /// A commit file.
    pub fn commit(&self, number: CommitNumber) -> StorePath {
        self.commits().child(&number.file_name())
    }
}

/// The directory of all runs.
pub fn runs_dir() -> StorePath {
    StorePath::root().child(RUNS_DIR)
}

/// What is known of the runs, beside them: a cache.
pub fn runs_index() -> StorePath {
    StorePath::root().child("runs.index")
}

/// Parses a run id; the error says what a run id is.
pub fn validate_run_id(text: &str) -> Result<RunId> {
    RunId::new(text).map_err(|error| Error::argument(error.to_string()).with_source(error))
}

/// Trims `text`, turns blanks into `_`, then parses it as [`validate_run_id`] does.
pub fn normalize_run_id(text: &str) -> Result<RunId> {
    RunId::normalize(text).map_err(|error| Error::argument(error.to_string()).with_source(error))
}

/// Parses the name of a table; the error says what a name is.
pub fn parse_table(name: &str) -> Result<TableId> {
    TableId::new(name).map_err(|error| {
        let (text, hint) = split_hint(&error.to_string());
        let near = nearest(name, TableName::ALL.iter().map(|table| table.as_str()));
        let hint = near.map_or(hint, |near| Some(format!("did you mean `{near}`?")));
        Error::caused_by(ErrorKind::Argument, text, hint, error)
    })
}

/// The text of an error of `crv_core`, and its hint, which is the last line.
fn split_hint(text: &str) -> (String, Option<String>) {
    match text.split_once("\nhint: ") {
        Some((text, hint)) => (text.to_owned(), Some(hint.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// The full path of `path` under `root`, as people and other tools write it.
pub fn join_root(root: &str, path: &StorePath) -> String {
    if path.as_str().is_empty() {
        root.to_owned()
    } else if root.is_empty() || root.ends_with('/') {
        format!("{root}{path}")
    } else {
        format!("{root}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_is_the_floor_of_tick_over_size() {
        assert_eq!(BucketId::of_tick(99, 100).unwrap(), BucketId::new(0));
        assert_eq!(BucketId::of_tick(100, 100).unwrap(), BucketId::new(1));
        assert!(BucketId::of_tick(-1, 100).is_err());
        assert!(BucketId::of_tick(1, 0).is_err());
    }

    proptest! {
        #[test]
        fn names_parse_back_to_what_made_them(number: u64, id: u128) {
            let bucket = BucketId::new(number);
            prop_assert_eq!(BucketId::parse_dir_name(&bucket.dir_name()), Some(bucket));
            let commit = CommitNumber::new(number);
            prop_assert_eq!(CommitNumber::parse_file_name(&commit.file_name()), Some(commit));
            let part = PartId::new(id);
            prop_assert_eq!(PartId::parse_file_name(&part.file_name()), Some(part));
        }

        #[test]
        fn a_bucket_holds_just_its_ticks(
            tick in prop_oneof![Just(0), Just(i64::MAX), 0..=i64::MAX],
            size in prop_oneof![Just(1), Just(i64::MAX as u64), Just(u64::MAX), 1..=u64::MAX, 1_u64..200],
        ) {
            let bucket = BucketId::of_tick(tick, size).unwrap();
            let (first, last) = bucket.ticks(size).unwrap();
            prop_assert!(first <= tick && tick <= last);
            prop_assert_eq!(BucketId::of_tick(first, size).unwrap(), bucket);
            prop_assert_eq!(BucketId::of_tick(last, size).unwrap(), bucket);
            if let Some(after) = last.checked_add(1) {
                prop_assert_eq!(BucketId::of_tick(after, size).unwrap().get(), bucket.get() + 1);
            }
        }

        #[test]
        fn the_ticks_of_any_bucket_of_any_size_are_none_or_a_range(number: u64, size: u64) {
            if let Some((first, last)) = BucketId::new(number).ticks(size) {
                prop_assert!(0 <= first && first <= last);
            }
        }

        #[test]
        fn no_text_parses_to_a_name_that_leaves_its_directory(text in "\\PC{0,60}") {
            if let Some(part) = PartId::parse_file_name(&text) {
                prop_assert_eq!(part.file_name(), text.clone());
            }
            if let Some(bucket) = BucketId::parse_dir_name(&text) {
                prop_assert_eq!(bucket.dir_name(), text.clone());
            }
            if let Ok(run) = validate_run_id(&text) {
                prop_assert!(is_plain_name(run.as_ref()));
            }
        }
    }
}
