//! One part, read as batches in the scan's schema.

use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};

use super::share::Share;
use super::target::{Layout, Origin, Target};
use super::verify::Pinned;
use crate::error::{Error, Result};
use crate::part::file::{PartFile, decoding, read_failed};
use crate::part::lineage;
use crate::part::pages::{self, Source};
use crate::paths::{PartId, StorePath};
use crate::store::Store;
use crate::ticks::TickRange;

/// Most rows in a batch.
pub(super) const BATCH_ROWS: usize = 32 * 1024;

/// What to read from one part.
#[derive(Debug, Clone)]
pub(crate) struct PartReader {
    pub(crate) store: Arc<dyn Store>,
    /// `run `r`, table `t``, for errors.
    pub(crate) name: String,
    pub(crate) path: StorePath,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// The checksum in its entry; `None` if the part's writer recorded none.
    pub(crate) crc32c: Option<u32>,
    /// The snapshot that it is read for, and the handle. `None` outside a snapshot: then every byte is verified.
    pub(crate) pinned: Option<Pinned>,
    /// The ticks to return; `None` for all rows.
    pub(crate) filter: Option<TickRange>,
    pub(crate) into: Arc<Target>,
    /// The share of its row groups that is read; `None` for all.
    pub(crate) share: Option<Share>,
    /// The number of its run in a scan of several runs.
    pub(crate) origin: u32,
}

/// A part that was opened and verified.
#[derive(Debug, Clone)]
pub(super) enum Opened {
    /// To be decoded from its pages.
    Pages(PartFile, Arc<ParquetMetaData>),
    /// To be verified and read by the general reader.
    Alone(PartFile),
}

/// A part that was opened.
pub(super) enum Begun {
    /// Verified, and to be decoded from its pages.
    Ready(Ready),
    /// To be read by the general reader.
    Alone(PartFile),
}

/// A part to decode.
pub(super) struct Ready {
    pub(super) source: Source,
    pub(super) layout: Arc<Layout>,
    /// Rows of its row groups that are read.
    pub(super) rows: u64,
    /// Whether it is in memory and at most one batch: then it can be decoded together with others.
    pub(super) is_small: bool,
}

impl PartReader {
    /// A reader of a share of the part.
    pub(super) fn with(&self, share: Share) -> Self {
        Self { share: Some(share), ..self.clone() }
    }

    /// Verifies the part to the extent that the handle's settings require, then passes every batch to `sink` until it
    /// returns `false`. Returns the parts that this one was merged from.
    pub(crate) fn read(&self, mut sink: impl FnMut(RecordBatch) -> bool) -> Result<Vec<PartId>> {
        let mut read = || {
            let file = PartFile::open(&*self.store, &self.path, Some(self.bytes))?;
            self.read_alone(&file, &mut sink)
        };
        read().map_err(|error| self.told(error))
    }

    /// Opens the part. Verifies it, and reads its footer, if it can be decoded from its pages.
    pub(super) fn begin(&self) -> Result<Begun> {
        let begin = || {
            let opened = match &self.share {
                Some(share) => share.opened(|| self.open())?,
                None => self.open()?,
            };
            let (file, metadata) = match opened {
                Opened::Pages(file, metadata) => (file, metadata),
                Opened::Alone(file) => return Ok(Begun::Alone(file)),
            };
            let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
            let layout = decoding(|| self.into.layout(&metadata)).map_err(|why| failed(&why))?;
            let layout = layout.map_err(|error| failed(&error))?;
            let groups = self.groups(&metadata);
            let rows = groups.iter().map(|group| metadata.row_group(*group).num_rows().unsigned_abs()).sum();
            let is_small = matches!(file, PartFile::Whole(_)) && rows <= BATCH_ROWS as u64;
            Ok(Begun::Ready(Ready { source: Source { file, metadata, groups }, layout, rows, is_small }))
        };
        begin().map_err(|error| self.told(error))
    }

    fn open(&self) -> Result<Opened> {
        let file = PartFile::open(&*self.store, &self.path, Some(self.bytes))?;
        // A part without a checksum may have been written by another implementation, with other kinds of pages.
        if self.crc32c.is_none() || self.into.is_bare() {
            return Ok(Opened::Alone(file));
        }
        if self.needs_checksum(&file) {
            self.compare_checksum(&file)?;
        }
        let metadata = self.short_footer(&file)?;
        self.check_rows(&metadata)?;
        self.remember();
        let is_supported = pages::is_supported(&metadata);
        Ok(if is_supported { Opened::Pages(file, metadata) } else { Opened::Alone(file) })
    }

    /// Reads the part's footer, without statistics if no rows are left out.
    fn short_footer(&self, file: &PartFile) -> Result<Arc<ParquetMetaData>> {
        let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
        let policy = if self.filter.is_some() || self.into.has_condition() {
            ParquetStatisticsPolicy::KeepAll
        } else {
            ParquetStatisticsPolicy::SkipAll
        };
        let options = ParquetMetaDataOptions::new().with_column_stats_policy(policy);
        let read =
            || ParquetMetaDataReader::new().with_metadata_options(Some(options)).parse_and_finish(file);
        let metadata = decoding(read).map_err(|why| failed(&why))?;
        metadata.map(Arc::new).map_err(|error| failed(&error))
    }

    /// The rest of [`read`](Self::read), after the part was opened.
    pub(super) fn read_begun(
        &self,
        file: &PartFile,
        mut sink: impl FnMut(RecordBatch) -> bool,
    ) -> Result<()> {
        self.read_alone(file, &mut sink).map(drop).map_err(|error| self.told(error))
    }

    /// All bytes of the part, compared with the checksum in its entry.
    pub(crate) fn bytes(&self) -> Result<Bytes> {
        let read = || {
            let file = PartFile::open(&*self.store, &self.path, Some(self.bytes))?;
            self.compare_checksum(&file)?;
            let length = usize::try_from(self.bytes).unwrap_or(usize::MAX);
            file.read_at(0, length).map_err(|error| read_failed(&*self.store, &self.path, &error))
        };
        read().map_err(|error| self.told(error))
    }

    /// The run and the table, as in errors.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The error for this part, which could not be decoded.
    pub(crate) fn cannot_decode(&self, why: &str) -> Error {
        self.told(read_failed(&*self.store, &self.path, &why))
    }

    fn read_alone(&self, file: &PartFile, sink: &mut impl FnMut(RecordBatch) -> bool) -> Result<Vec<PartId>> {
        if self.needs_checksum(file) {
            self.compare_checksum(file)?;
        }
        let metadata = self.footer(file)?;
        self.remember();
        let merged_from = lineage::read(metadata.metadata());
        self.read_opened(file, metadata, sink)?;
        Ok(merged_from)
    }

    /// Verifies the part's size, and if `contents`, its contents, unless this handle has verified them before.
    pub(crate) fn verify(&self, contents: bool) -> Result<()> {
        let known = self.pinned.as_ref().is_some_and(|pinned| pinned.is_known(self.crc32c));
        if (known || !contents) && self.has_its_size() {
            return Ok(());
        }
        let verify = || {
            let file = PartFile::open(&*self.store, &self.path, Some(self.bytes))?;
            if self.crc32c.is_some() && self.needs_checksum(&file) {
                self.compare_checksum(&file)?;
            } else {
                self.footer(&file)?;
            }
            self.remember();
            Ok(())
        };
        verify().map_err(|error| self.told(error))
    }

    /// Checks for damage: compares the checksum of all bytes, or decodes the rows if the entry has no checksum.
    pub(crate) fn examine(&self) -> Result<()> {
        let examine = || {
            let file = PartFile::open(&*self.store, &self.path, Some(self.bytes))?;
            if self.crc32c.is_some() {
                return self.compare_checksum(&file);
            }
            let metadata = self.footer(&file)?;
            self.read_opened(&file, metadata, &mut |_| true)
        };
        examine().map_err(|error| self.told(error))
    }

    fn has_its_size(&self) -> bool {
        matches!(self.store.open(&self.path), Ok(Some(blob)) if blob.size() == self.bytes)
    }

    /// Returns whether the checksum must be compared. For a file in memory it always is: that is cheap.
    fn needs_checksum(&self, file: &PartFile) -> bool {
        let Some(pinned) = &self.pinned else { return true };
        matches!(file, PartFile::Whole(_)) || pinned.by_checksum() && !pinned.is_known(self.crc32c)
    }

    fn compare_checksum(&self, file: &PartFile) -> Result<()> {
        let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
        let Some(known) = self.crc32c else { return Ok(()) };
        let sum = file.checksum().map_err(|error| failed(&error))?;
        if sum != known {
            return Err(failed(&format!("its checksum is {sum:08x} where its entry says {known:08x}")));
        }
        Ok(())
    }

    fn remember(&self) {
        if let Some(pinned) = &self.pinned {
            pinned.remember(self.crc32c);
        }
    }

    /// The error for the caller: a separate one if a vacuum removed the part.
    fn told(&self, error: Error) -> Error {
        let vacuumed = self.pinned.as_ref().and_then(|pinned| pinned.vacuumed(&self.path));
        vacuumed.unwrap_or(error).in_context(&self.name)
    }

    /// Reads the part's footer. Fails if its number of rows differs from the entry's.
    fn footer(&self, file: &PartFile) -> Result<ArrowReaderMetadata> {
        let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
        let metadata = decoding(|| ArrowReaderMetadata::load(file, ArrowReaderOptions::new()))
            .map_err(|why| failed(&why))?
            .map_err(|error| failed(&error))?;
        self.check_rows(metadata.metadata())?;
        Ok(metadata)
    }

    fn check_rows(&self, metadata: &ParquetMetaData) -> Result<()> {
        let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
        let rows = pages::rows(metadata).map_err(|why| failed(&why))?;
        if rows != self.rows {
            return Err(failed(&format!("it has {rows} rows where its entry says {}", self.rows)));
        }
        Ok(())
    }

    /// The row groups to read.
    fn groups(&self, metadata: &ParquetMetaData) -> Vec<usize> {
        let groups = metadata.row_groups().iter().enumerate();
        let wanted = groups.filter(|(_, group)| self.into.may_have(group, self.filter));
        let wanted: Vec<usize> = wanted.map(|(index, _)| index).collect();
        match &self.share {
            Some(share) => share.take(&wanted),
            None => wanted,
        }
    }

    fn read_opened(
        &self,
        file: &PartFile,
        metadata: ArrowReaderMetadata,
        sink: &mut impl FnMut(RecordBatch) -> bool,
    ) -> Result<()> {
        let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
        let mask = self.into.mask(builder.parquet_schema());
        let groups = self.groups(builder.metadata());
        for group in &groups {
            pages::check(file, builder.metadata().row_group(*group), &mask).map_err(|why| failed(&why))?;
        }
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS).with_row_groups(groups);
        let built = decoding(|| builder.build()).map_err(|why| failed(&why))?;
        let mut batches = built.map_err(|error| failed(&error))?;
        let mut next = || {
            let batch = batches.next()?.map_err(|error| error.to_string());
            Some(batch.and_then(|batch| self.into.rows(&batch, self.filter, Origin::One(self.origin))))
        };
        while let Some(batch) = decoding(&mut next).map_err(|why| failed(&why))? {
            let batch = batch.map_err(|why| failed(&why))?;
            if batch.num_rows() > 0 && !sink(batch) {
                break;
            }
        }
        Ok(())
    }
}
