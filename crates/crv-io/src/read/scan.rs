//! [`Scan`]: what to read. Nothing is opened before [`Scan::batches`].

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use crv_core::tables::TableId;
use serde::Serialize;

use super::batches::ScanBatches;
use super::part::PartReader;
use super::pinned;
use super::target::Target;
use super::verify::{Pinned, Verifier};
use crate::commit::LogReader;
use crate::error::{Error, Result};
use crate::manifest::{Part, TableState};
use crate::parallel;
use crate::part::file::WHOLE_BELOW;
use crate::paths::BucketId;
use crate::schema::{TableSchema, string_views};
use crate::ticks::TickRange;

/// A lazy read of one table at one commit. Later commits are not visible to it.
///
/// Rows come in bucket order, within a bucket in append order, always in the table's schema.
#[derive(Debug, Clone)]
pub struct Scan {
    log: Arc<LogReader>,
    state: Arc<TableState>,
    verifier: Arc<Verifier>,
    schema: Arc<TableSchema>,
    range: TickRange,
    limit: Option<u64>,
    projected: Option<TableSchema>,
    part_range: Option<Range<usize>>,
    views: bool,
}

/// A part that a scan reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanPart {
    /// Its path, relative to the root directory.
    pub path: String,
    /// Its bucket.
    pub bucket_id: u64,
    /// Rows in the part.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// The first tick.
    pub tick_min: i64,
    /// The last tick.
    pub tick_max: i64,
    /// Whether it holds lists whose item type was not known when it was written. Other Parquet readers may read
    /// such items as integers; this crate does not.
    pub provisional: bool,
}

impl ScanPart {
    /// Whether it is read with one call, and decoded together with the small parts beside it.
    pub fn is_small(&self) -> bool {
        self.bytes <= WHOLE_BELOW
    }
}

impl Scan {
    pub(crate) fn new(log: Arc<LogReader>, state: Arc<TableState>, verifier: Arc<Verifier>) -> Self {
        let schema = state.schema.clone();
        let schema = schema.unwrap_or_else(|| Arc::clone(state.descriptor().schema()));
        Self {
            log,
            state,
            verifier,
            schema,
            range: TickRange::ALL,
            limit: None,
            projected: None,
            part_range: None,
            views: false,
        }
    }

    /// Restricts the scan to rows of these ticks. Parts outside the range are never opened.
    #[must_use]
    pub fn ticks(mut self, range: impl Into<TickRange>) -> Self {
        self.range = range.into();
        self
    }

    /// Restricts the scan to these columns, in this order.
    pub fn columns<C: AsRef<str>>(mut self, names: &[C]) -> Result<Self> {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        for (index, name) in names.iter().enumerate() {
            if self.schema.field(name).is_none() {
                let known: Vec<&str> = self.schema.fields.iter().map(|field| field.name.as_str()).collect();
                return Err(Error::argument(format!(
                    "{} has no column `{name}`",
                    self.log.name(self.state.table)
                ))
                .with_hint(format!("its columns are {}", known.join(", "))));
            }
            if names.iter().take(index).any(|earlier| earlier == name) {
                return Err(Error::argument(format!("column `{name}` is given twice")));
            }
        }
        self.projected = Some(self.schema.project(&names));
        Ok(self)
    }

    /// Restricts the scan to the first `rows` rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Returns texts as views (`Utf8View`) in place of `Utf8`, also within lists and structs. That is faster where a text
    /// occurs often, and it is how Polars and DataFusion hold texts.
    #[must_use]
    pub fn string_views(mut self) -> Self {
        self.views = true;
        self
    }

    /// Restricts the scan to some of its [`parts`](Self::parts), by index.
    #[must_use]
    pub fn part_range(mut self, places: Range<usize>) -> Self {
        self.part_range = Some(places);
        self
    }

    fn wanted(&self) -> impl Iterator<Item = (BucketId, &Part)> {
        let places = self.part_range.clone().unwrap_or(0..usize::MAX);
        self.state.parts_in(self.range).skip(places.start).take(places.len())
    }

    /// The table.
    pub fn table(&self) -> TableId {
        self.state.table
    }

    /// The commit that this scan is pinned to.
    pub fn commit(&self) -> u64 {
        self.state.commit.get()
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        let schema = self.target().to_arrow();
        if self.views { Arc::new(Schema::new(string_views(schema.fields()))) } else { schema }
    }

    fn target(&self) -> &TableSchema {
        self.projected.as_ref().unwrap_or(&self.schema)
    }

    /// The parts this scan reads, in the order it reads them.
    pub fn parts(&self) -> Vec<ScanPart> {
        let parts = self.wanted();
        parts
            .map(|(bucket, part)| ScanPart {
                path: self.log.store.locate(&self.log.paths.part(self.state.table, bucket, part.id)),
                bucket_id: bucket.get(),
                rows: part.rows,
                bytes: part.bytes,
                tick_min: part.ticks.min,
                tick_max: part.ticks.max,
                provisional: part.provisional,
            })
            .collect()
    }

    /// The requested ticks.
    pub fn range(&self) -> TickRange {
        self.range
    }

    /// The row limit.
    pub fn row_limit(&self) -> Option<u64> {
        self.limit
    }

    /// The requested columns; `None` for all.
    pub fn projection(&self) -> Option<Vec<&str>> {
        let projected = self.projected.as_ref()?;
        Some(projected.fields.iter().map(|field| field.name.as_str()).collect())
    }

    /// Serializes the state that this scan is pinned to. [`Dataset::scan_pinned`](crate::Dataset::scan_pinned) makes a
    /// scan of the same parts from the bytes, also in another process. Ticks, columns and limit are not included.
    pub fn pinned(&self) -> Result<Vec<u8>> {
        pinned::encode(&self.state, self.wanted())
    }

    /// Verifies the parts, for callers that read the files with another Parquet reader. The sizes of all parts are
    /// compared. The contents of parts that have requested rows are compared as [`IoSettings::verify_reads`] says,
    /// unless this handle has done so before. For a part without a checksum the size and the number of rows are
    /// compared.
    ///
    /// [`IoSettings::verify_reads`]: crate::IoSettings::verify_reads
    pub fn verify(&self) -> Result<()> {
        let mut left = self.limit.unwrap_or(u64::MAX);
        let parts = self.wanted().zip(self.readers()).map(|((_, part), reader)| {
            let needed = left > 0;
            // A part that is only partly in the range may have none of the rows.
            if self.range.covers(part.ticks) {
                left = left.saturating_sub(part.rows);
            }
            (reader, needed)
        });
        let parts: Vec<(PartReader, bool)> = parts.collect();
        parallel::for_each(&parts, parallel::WAITING, |(reader, needed)| reader.verify(*needed))
    }

    /// Checks every byte of the parts for damage, including parts that were verified before: for use after another
    /// Parquet reader has failed. The error is that of the first part that is damaged, missing or vacuumed.
    pub fn examine(&self) -> Result<()> {
        let readers: Vec<PartReader> = self.readers().collect();
        parallel::for_each(&readers, parallel::WAITING, PartReader::examine)
    }

    fn readers(&self) -> impl Iterator<Item = PartReader> {
        let filters = self.wanted().any(|(_, part)| !self.range.covers(part.ticks));
        let into = Arc::new(Target::new(Arc::new(self.target().clone()), self.schema(), filters, self.views));
        let name = self.log.name(self.state.table);
        self.wanted().map(move |(bucket, part)| PartReader {
            store: Arc::clone(&self.log.store),
            name: name.clone(),
            path: self.log.paths.part(self.state.table, bucket, part.id),
            bytes: part.bytes,
            rows: part.rows,
            crc32c: part.crc32c,
            pinned: Some(Pinned {
                log: Arc::clone(&self.log),
                state: Arc::clone(&self.state),
                verifier: Arc::clone(&self.verifier),
                bucket,
                id: part.id,
            }),
            filter: (!self.range.covers(part.ticks)).then_some(self.range),
            into: Arc::clone(&into),
        })
    }

    /// Starts the read. A few parts ahead of the consumer are read in parallel, which bounds memory.
    pub fn batches(self) -> ScanBatches {
        ScanBatches::new(self.schema(), self.readers().collect(), self.limit)
    }
}
