//! One part, read as batches in the scan's schema.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::verify::Pinned;
use crate::error::{Error, Result};
use crate::part::file::{PartFile, decoding, read_failed};
use crate::part::lineage;
use crate::part::pages;
use crate::paths::{PartId, StorePath};
use crate::schema::TableSchema;
use crate::store::Store;
use crate::ticks::{TickRange, TickSpan};
use crate::validate::conform;

/// Most rows in a batch.
pub(super) const BATCH_ROWS: usize = 32 * 1024;

const TICK: &str = "tick";

/// What to read from one part.
#[derive(Debug)]
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
    pub(crate) target: Arc<TableSchema>,
    pub(crate) arrow: SchemaRef,
}

impl PartReader {
    /// Verifies the part to the extent that the handle's settings require, then passes every batch to `sink` until it
    /// returns `false`. Returns the parts that this one was merged from.
    pub(crate) fn read(&self, mut sink: impl FnMut(RecordBatch) -> bool) -> Result<Vec<PartId>> {
        let mut read = || {
            let file = PartFile::open(&*self.store, &self.path, Some(self.bytes))?;
            if self.needs_checksum(&file) {
                self.compare_checksum(&file)?;
            }
            let metadata = self.footer(&file)?;
            self.remember();
            let merged_from = lineage::read(metadata.metadata());
            self.read_opened(&file, metadata, &mut sink)?;
            Ok(merged_from)
        };
        read().map_err(|error| self.told(error))
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
        let rows = pages::rows(metadata.metadata()).map_err(|why| failed(&why))?;
        if rows != self.rows {
            return Err(failed(&format!("it has {rows} rows where its entry says {}", self.rows)));
        }
        Ok(metadata)
    }

    fn read_opened(
        &self,
        file: &PartFile,
        metadata: ArrowReaderMetadata,
        sink: &mut impl FnMut(RecordBatch) -> bool,
    ) -> Result<()> {
        let failed = |why: &dyn std::fmt::Display| read_failed(&*self.store, &self.path, why);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
        let wanted = self.target.fields.iter().map(|field| field.name.as_str());
        let wanted: HashSet<&str> = wanted.chain(self.filter.map(|_| TICK)).collect();
        // A mask of names matches prefixes of column paths; whole top-level names are needed.
        let roots = builder.schema().fields().iter().enumerate();
        let roots: Vec<usize> = roots
            .filter(|(_, field)| wanted.contains(&field.name().as_str()))
            .map(|(index, _)| index)
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let groups = match self.filter {
            Some(range) => groups_in(builder.metadata(), range),
            None => (0..builder.metadata().num_row_groups()).collect(),
        };
        for group in &groups {
            pages::check(file, builder.metadata().row_group(*group), &mask).map_err(|why| failed(&why))?;
        }
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS).with_row_groups(groups);
        let built = decoding(|| builder.build()).map_err(|why| failed(&why))?;
        let mut batches = built.map_err(|error| failed(&error))?;
        let mut next = || batches.next().map(|batch| self.wanted(&batch.map_err(|error| error.to_string())?));
        while let Some(batch) = decoding(&mut next).map_err(|why| failed(&why))? {
            let batch = batch.map_err(|why| failed(&why))?;
            if batch.num_rows() > 0 && !sink(batch) {
                break;
            }
        }
        Ok(())
    }

    /// The rows of `batch` in the requested range, in the scan's schema.
    fn wanted(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let conformed = |batch| conform(batch, &self.target, &self.arrow).map_err(|error| error.to_string());
        let Some(range) = self.filter else { return conformed(batch) };
        let ticks = batch.column_by_name(TICK).and_then(|column| column.as_primitive_opt::<Int64Type>());
        let ticks = ticks.ok_or("it has no column `tick` of 64-bit integers")?;
        let keep = BooleanArray::from_unary(ticks, |tick| range.contains(tick));
        conformed(&filter_record_batch(batch, &keep).map_err(|error| error.to_string())?)
    }
}

/// The row groups that may hold ticks of `range`, including all without statistics.
fn groups_in(metadata: &ParquetMetaData, range: TickRange) -> Vec<usize> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let tick = columns.iter().position(|column| column.path().string() == TICK);
    let groups = metadata.row_groups().iter().enumerate();
    let wanted = groups.filter(|(_, group)| {
        let Some(Statistics::Int64(ticks)) = tick.and_then(|tick| group.column(tick).statistics()) else {
            return true;
        };
        match (ticks.min_opt(), ticks.max_opt()) {
            (Some(min), Some(max)) => range.overlaps(TickSpan { min: *min, max: *max }),
            _ => true,
        }
    });
    wanted.map(|(index, _)| index).collect()
}
