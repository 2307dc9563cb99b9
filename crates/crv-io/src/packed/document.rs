//! `pack.json`: which files a pack has, with their sizes and checksums.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use serde::{Deserialize, Serialize};

/// The document, in the directory of the pack.
pub(crate) const DOCUMENT: &str = "pack.json";
/// What each run consists of.
pub(crate) const FILES: &str = "files.parquet";
/// The runs as a table.
pub(crate) const RUNS: &str = "runs.parquet";
/// The index of the runs, as in a root: a cache.
pub(crate) const INDEX: &str = "runs.index";
/// The artifacts of all runs.
pub(crate) const ARTIFACTS: &str = "artifacts.bin";
/// What the name of a pack ends in.
const SUFFIX: &str = ".crvpack";

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackDocument {
    /// The version of the format. A later one is refused.
    pub(crate) format: u32,
    /// When it was made, ISO-8601 in UTC.
    pub(crate) created_at: String,
    /// How many runs it has.
    pub(crate) runs: u64,
    /// Its other files, by their paths in the pack.
    pub(crate) files: BTreeMap<String, PackedFile>,
}

/// A file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackedFile {
    /// Its size.
    pub(crate) bytes: u64,
    /// The CRC-32C of all its bytes, as eight hex digits.
    pub(crate) crc32c: String,
    /// Its rows, if it is a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
}

impl PackDocument {
    /// The version that this crate writes and reads.
    pub(crate) const FORMAT: u32 = 1;
}

/// Whether a directory of this name is a pack.
pub(crate) fn is_pack_name(name: &str) -> bool {
    name.trim_end_matches('/').ends_with(SUFFIX)
}

/// The file with the rows of a table.
pub(crate) fn table_file(table: TableId) -> String {
    format!("tables/{table}.parquet")
}

/// The file of this number, from 1, with rows of a table: most tables have one.
pub(crate) fn numbered_table_file(table: TableId, number: usize) -> String {
    if number == 1 { table_file(table) } else { format!("tables/{table}.{number}.parquet") }
}
