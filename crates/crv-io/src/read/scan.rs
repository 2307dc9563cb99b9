//! [`Scan`]: what to read. Nothing is opened before [`Scan::batches`].

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use crv_core::tables::TableId;
use crv_schema::filter::{Bounds, Filter, Literal};
use serde::Serialize;

use super::batches::ScanBatches;
use super::part::PartReader;
use super::pinned;
use super::target::{self, Bound, TICK, Target, Texts, check_names};
use super::verify::{Pinned, Verifier};
use crate::commit::LogReader;
use crate::error::{Error, Result};
use crate::manifest::{Part, TableState};
use crate::packed;
use crate::parallel;
use crate::part::file::WHOLE_BELOW;
use crate::paths::BucketId;
use crate::schema::TableSchema;
use crate::ticks::{TickRange, TickSpan};

/// The column with a row's bucket.
const BUCKET: &str = "bucket";

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
    /// The names that were asked for, and what they stand for.
    projected: Option<(Vec<String>, TableSchema)>,
    filter: Option<Bound>,
    part_range: Option<Range<usize>>,
    texts: Texts,
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
            filter: None,
            part_range: None,
            texts: Texts::Plain,
        }
    }

    /// Restricts the scan to rows of these ticks. Parts outside the range are never opened.
    #[must_use]
    pub fn ticks(mut self, range: impl Into<TickRange>) -> Self {
        self.range = range.into();
        self
    }

    /// Restricts the scan to these columns, in this order. A field within a column is named as in error messages:
    /// `additional_payload.legs[].price`. Then the column has only those of its fields that are named.
    pub fn columns<C: AsRef<str>>(mut self, names: &[C]) -> Result<Self> {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        check_names(&names)?;
        let projected = self.schema.select(&names).map_err(|name| {
            let known: Vec<&str> = self.schema.fields.iter().map(|field| field.name.as_str()).collect();
            let text = format!("{} has no column `{name}`", self.log.name(self.state.table));
            Error::argument(text).with_hint(format!("its columns are {}", known.join(", ")))
        })?;
        self.projected = Some((names.iter().map(|name| (*name).to_owned()).collect(), projected));
        Ok(self)
    }

    /// Restricts the scan to rows for which the filter is true, after all earlier filters. Parts outside its ticks are
    /// never opened, and row groups that have no such row by their statistics are not read.
    ///
    /// ```
    /// # use crv_io::{Dataset, Scan, TableName};
    /// fn large_holdings(dataset: &Dataset) -> Result<Scan, Box<dyn std::error::Error>> {
    ///     let scan = dataset.scan(TableName::Holdings)?;
    ///     Ok(scan.filter("tick >= 10 and quantity > 0.5".parse()?)?)
    /// }
    /// ```
    pub fn filter(mut self, filter: Filter) -> Result<Self> {
        let bound = target::bound(self.filter.take(), filter, &self.schema);
        self.filter = Some(bound.map_err(|error| error.in_context(self.log.name(self.state.table)))?);
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
        self.texts = Texts::Views;
        self
    }

    /// Returns texts as dictionaries of 32-bit keys in place of `Utf8`, also within lists and structs. That is fastest
    /// where a few texts repeat, as for grouping. Each batch has a dictionary of its own.
    #[must_use]
    pub fn string_dictionaries(mut self) -> Self {
        self.texts = Texts::Dictionaries;
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
        let may_hold = |(bucket, part): &(BucketId, &Part)| {
            let between = |min: i128, max: i128| Bounds::Between(Literal::Int(min), Literal::Int(max));
            self.filter.as_ref().is_none_or(|(_, filter)| {
                filter.may_hold(|column| match column.first().map(String::as_str) {
                    Some(TICK) => between(part.ticks.min.into(), part.ticks.max.into()),
                    Some(BUCKET) => between(bucket.get().into(), bucket.get().into()),
                    _ => Bounds::Unknown,
                })
            })
        };
        self.state.parts_in(self.range).filter(may_hold).skip(places.start).take(places.len())
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
        if self.texts == Texts::Plain {
            schema
        } else {
            Arc::new(Schema::new(self.texts.of(schema.fields())))
        }
    }

    fn target(&self) -> &TableSchema {
        self.projected.as_ref().map_or(&*self.schema, |(_, projected)| projected)
    }

    /// Whether the parts are files of their own on this machine, which other programs can read. Those of a pack, and those in
    /// memory, are not.
    pub fn has_files(&self) -> bool {
        self.log.store.has_files()
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

    /// The same, for programs that read the files. An error if the parts lie in a pack.
    pub fn files(&self) -> Result<Vec<ScanPart>> {
        if self.log.store.is_read_only() {
            let table = self.state.table;
            let text =
                format!("{}: its parts lie in a pack, and are no files of their own", self.log.name(table));
            let hint = format!(
                "read `{}` in the pack: it has the rows of all runs, with the column `run_id`",
                packed::table_file(table)
            );
            return Err(Error::argument(text).with_hint(hint));
        }
        Ok(self.parts())
    }

    /// The requested ticks.
    pub fn range(&self) -> TickRange {
        self.range
    }

    /// The row limit.
    pub fn row_limit(&self) -> Option<u64> {
        self.limit
    }

    /// The requested columns and fields; `None` for all.
    pub fn projection(&self) -> Option<Vec<&str>> {
        self.projected.as_ref().map(|(names, _)| names.iter().map(String::as_str).collect())
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
            // A part that is only partly in the range, or filtered, may have none of the rows.
            if self.range.covers(part.ticks) && self.filter.is_none() {
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
        let mut into = Target::new(self.target().clone(), self.has_other_ticks(), self.texts);
        if let Some(filter) = &self.filter {
            into = into.filtered(filter, &self.schema);
        }
        self.readers_into(Arc::new(into), 0)
    }

    /// Whether rows of some parts are left out by their ticks.
    pub(crate) fn has_other_ticks(&self) -> bool {
        self.wanted().any(|(_, part)| !self.range.covers(part.ticks))
    }

    /// The table's schema in this run.
    pub(crate) fn table_schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// The first and the last tick of the table.
    pub(crate) fn table_ticks(&self) -> Option<TickSpan> {
        self.state.ticks()
    }

    /// The same scan, of parts that may have rows for which the filter is true.
    pub(crate) fn with_filter(mut self, filter: Bound) -> Self {
        self.filter = Some(filter);
        self
    }

    /// The state that it is pinned to.
    pub(crate) fn state(&self) -> &Arc<TableState> {
        &self.state
    }

    /// Readers of the parts of a bucket, which compare every byte of them, whatever the settings say.
    pub(crate) fn readers_of(&self, bucket: BucketId, into: Arc<Target>) -> impl Iterator<Item = PartReader> {
        let wanted = |place: &(BucketId, &Part)| place.0 == bucket;
        let skipped = self.wanted().take_while(|place| !wanted(place)).count();
        let count = self.wanted().skip(skipped).take_while(wanted).count();
        let scan = self.clone().part_range(skipped..skipped + count);
        let readers = scan.readers_into(into, 0).map(|reader| PartReader { pinned: None, ..reader });
        readers.collect::<Vec<_>>().into_iter()
    }

    /// Readers of the parts, as run `origin` of a scan.
    pub(crate) fn readers_into(&self, into: Arc<Target>, origin: u32) -> impl Iterator<Item = PartReader> {
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
            share: None,
            origin,
        })
    }

    /// Starts the read. A few parts ahead of the consumer are read in parallel, which bounds memory.
    pub fn batches(self) -> ScanBatches {
        ScanBatches::new(self.schema(), self.readers().collect(), self.limit)
    }
}
