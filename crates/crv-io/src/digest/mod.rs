//! The digest of a run's rows, and where two runs part.
//!
//! A digest depends on the rows alone: neither on buckets, parts, merges and compression, nor on whether a column is
//! absent or null, or a number an integer or a float of the same value. Rows are hashed tick by tick, and within a tick in
//! the order in which they were appended. [`encode`] says what is hashed of each value, [`ticks`] of each tick, and
//! `docs/format.md` says all of it.

mod diff;
mod encode;
mod ticks;

use std::fmt;

use crv_core::tables::TableId;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

pub use diff::{ColumnDifference, Difference, RunDiff, TableDiff, diff};

use crate::dataset::Dataset;
use crate::error::Result;
use crate::read::Scan;
use ticks::Ticks;

/// Ticks of a bucket of a digest.
pub const DIGEST_BUCKET: i64 = 1_024;

/// The state of a model is not among its results: pickled twice, it may have other bytes.
const LEFT_OUT: [&str; 1] = ["model_state"];

/// A SHA-256, shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The digest of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunDigest {
    /// That of all tables.
    pub digest: ContentHash,
    /// Rows of all tables.
    pub rows: u64,
    /// The tables that have rows, sorted by name.
    pub tables: Vec<TableDigest>,
}

/// The digest of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDigest {
    /// The table.
    pub table: TableId,
    /// That of all buckets.
    pub digest: ContentHash,
    /// Rows.
    pub rows: u64,
    /// The buckets of [`DIGEST_BUCKET`] ticks that have rows, in order.
    pub buckets: Vec<BucketDigest>,
}

/// The digest of the rows of [`DIGEST_BUCKET`] ticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BucketDigest {
    /// The first of its ticks, a multiple of [`DIGEST_BUCKET`].
    pub first_tick: i64,
    /// That of the ticks that have rows.
    pub digest: ContentHash,
    /// Rows.
    pub rows: u64,
}

impl Dataset {
    /// The digest of the rows of every table as of one commit, the newest. Reads all of them, once, in bounded memory.
    ///
    /// Two runs with the same rows have the same digest, whatever their layout. Facts, status, artifacts and the stored
    /// states of the model (the table `model_state`) are no part of it.
    pub fn digest(&self) -> Result<RunDigest> {
        let mut tables = self.digested_tables()?;
        tables.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        let scans = self.scans_at_once(&tables)?.into_iter();
        let mut tables: Vec<TableDigest> = scans.map(table_digest).collect::<Result<_>>()?;
        tables.retain(|table| table.rows > 0);
        let mut hash = Sha256::new();
        for table in &tables {
            encode::name(table.table.as_str(), |bytes| hash.update(bytes));
            hash.update(table.digest.0);
        }
        let rows = tables.iter().map(|table| table.rows).sum();
        Ok(RunDigest { digest: ContentHash(hash.finalize().into()), rows, tables })
    }

    /// The digest of the rows of a table as of now.
    pub fn digest_table(&self, table: impl Into<TableId>) -> Result<TableDigest> {
        table_digest(self.scan_in_any_size(table.into())?)
    }

    /// The tables whose rows are part of the digest.
    fn digested_tables(&self) -> Result<Vec<TableId>> {
        let tables = self.info()?.tables.into_iter().map(|info| info.table);
        Ok(tables.filter(|table| !LEFT_OUT.contains(&table.as_str())).collect())
    }
}

fn table_digest(scan: Scan) -> Result<TableDigest> {
    let table = scan.table();
    let mut ticks = Ticks::new(scan);
    let (mut buckets, mut hash, mut rows) = (Vec::new(), Sha256::new(), 0);
    let mut open: Option<(i64, Sha256, u64)> = None;
    let mut close = |(bucket, ticks, count): (i64, Sha256, u64)| {
        let digest = ContentHash(ticks.finalize().into());
        hash.update(bucket.to_le_bytes());
        hash.update(digest.0);
        rows += count;
        buckets.push(BucketDigest { first_tick: bucket * DIGEST_BUCKET, digest, rows: count });
    };
    while let Some(tick) = ticks.next()? {
        let bucket = tick.tick.div_euclid(DIGEST_BUCKET);
        if open.as_ref().is_some_and(|(known, ..)| *known != bucket) {
            open.take().into_iter().for_each(&mut close);
        }
        let (_, hash, count) = open.get_or_insert_with(|| (bucket, Sha256::new(), 0));
        hash.update(tick.digest.0);
        *count += tick.rows;
    }
    open.into_iter().for_each(close);
    Ok(TableDigest { table, digest: ContentHash(hash.finalize().into()), rows, buckets })
}
