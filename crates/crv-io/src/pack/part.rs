//! The parts of a pack: for each bucket of a run one, sorted by tick, with the columns of all runs.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use bytes::Bytes;
use crv_core::ids::RunId;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::Type;

use super::RUN_ID;
use crate::config::IoSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Part;
use crate::part::Encoder;
use crate::part::file::decoding;
use crate::part::pages;
use crate::paths::BucketId;
use crate::read::{PartReader, Scan, Target, Texts};
use crate::schema::{Descriptor, TableSchema};
use crate::stamp;
use crate::ticks::TickSpan;
use crate::validate::MergedLayout;

/// The parts of one bucket of one table of a run, which become one part of the pack.
#[derive(Debug)]
pub(super) struct Bucket<'a> {
    pub(super) run: &'a RunId,
    pub(super) scan: &'a Scan,
    pub(super) id: BucketId,
    pub(super) descriptor: Descriptor,
    pub(super) parts: Vec<Part>,
}

/// A part, encoded.
#[derive(Debug)]
pub(super) struct PackedPart {
    pub(super) part: Part,
    pub(super) bytes: Bytes,
    pub(super) footer: ParquetMetaData,
    /// The ids of the runs of its rows: a Parquet file with one column, and the same row groups.
    pub(super) runs: (Bytes, ParquetMetaData),
}

/// How the parts of a table are encoded in a pack.
#[derive(Debug)]
pub(super) struct PartLayout {
    settings: IoSettings,
    schema: Arc<TableSchema>,
    layout: MergedLayout,
    /// The columns of the part files.
    columns: Vec<Arc<Type>>,
    target: Arc<Target>,
}

impl PartLayout {
    /// `columns` are those of a part file with the columns of `schema`.
    pub(super) fn new(settings: IoSettings, schema: Arc<TableSchema>, columns: Vec<Arc<Type>>) -> Self {
        let layout = MergedLayout::of(&schema);
        let target = Arc::new(Target::new((*schema).clone(), false, Texts::Plain));
        Self { settings, schema, layout, columns, target }
    }

    /// Makes the part of a bucket. One that is the only part of its bucket, sorted, and has the columns of all runs, is
    /// taken as it is.
    pub(super) fn pack(&self, bucket: &Bucket<'_>) -> Result<PackedPart> {
        let readers: Vec<PartReader> = bucket.scan.readers_of(bucket.id, Arc::clone(&self.target)).collect();
        if let ([part], [reader]) = (bucket.parts.as_slice(), readers.as_slice())
            && part.crc32c.is_some()
            && !part.provisional
            && let Some(packed) = self.as_it_is(bucket.run, part, reader)?
        {
            return Ok(packed);
        }
        self.merged(bucket, &readers)
    }

    /// The part as it is; `None` if it has other columns, its footer claims what cannot be, or its rows are not sorted by
    /// tick.
    fn as_it_is(&self, run: &RunId, part: &Part, reader: &PartReader) -> Result<Option<PackedPart>> {
        let bytes = reader.bytes()?;
        let parse = || ParquetMetaDataReader::new().parse_and_finish(&bytes);
        let parsed = decoding(parse).map_err(|why| reader.cannot_decode(why))?;
        let footer = parsed.map_err(|error| reader.cannot_decode(&error.to_string()))?;
        let fits = footer.file_metadata().schema().get_fields() == self.columns.as_slice()
            && pages::rows(&footer).is_ok_and(|rows| rows == part.rows)
            && pages::lie_within(&footer, bytes.len() as u64);
        if !fits {
            return Ok(None);
        }
        if part.ticks.min != part.ticks.max {
            let sorted = decoding(|| is_sorted(&bytes)).map_err(|why| reader.cannot_decode(why))?;
            if !sorted.map_err(|error| reader.cannot_decode(&error.to_string()))? {
                return Ok(None);
            }
        }
        let runs = run_ids(run, &footer).map_err(|error| cannot_encode(reader.name(), &error))?;
        Ok(Some(PackedPart { part: part.clone(), bytes, footer, runs }))
    }

    fn merged(&self, bucket: &Bucket<'_>, readers: &[PartReader]) -> Result<PackedPart> {
        let name = readers.first().map_or("", PartReader::name);
        let mut batches: Vec<RecordBatch> = Vec::new();
        for reader in readers {
            let mut refused = None;
            reader.read(|batch| {
                let laid_out = self.layout.lay_out(&batch);
                match laid_out.map_err(|error| cannot_encode(name, &error)) {
                    Ok(batch) => batches.push(batch),
                    Err(error) => refused = Some(error),
                }
                refused.is_none()
            })?;
            if let Some(error) = refused {
                return Err(error);
            }
        }
        let batches = sorted(batches).map_err(|error| cannot_encode(name, &error))?;
        let ticks = batches.iter().filter_map(ticks_of).filter_map(TickSpan::of);
        let Some(ticks) = ticks.reduce(TickSpan::union) else {
            return Err(cannot_encode(name, &"a bucket has no rows"));
        };
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let encoder = Encoder::new(
            &self.settings,
            bucket.run.as_str(),
            &bucket.descriptor,
            self.layout.schema(),
            self.layout.needs_arrow_metadata(),
        );
        let bytes = encoder.encode(rows, batches.into_iter().map(Ok::<_, ParquetError>));
        let bytes = Bytes::from(bytes.map_err(|error| cannot_encode(name, &error))?);
        let footer = ParquetMetaDataReader::new().parse_and_finish(&bytes);
        let footer = footer.map_err(|error| cannot_encode(name, &error))?;
        let runs = run_ids(bucket.run, &footer).map_err(|error| cannot_encode(name, &error))?;
        let part = Part {
            id: stamp::part_id(),
            rows,
            bytes: bytes.len() as u64,
            ticks,
            created_at: stamp::now(),
            crc32c: Some(crc32c::crc32c(&bytes)),
            provisional: self.layout.provisional(),
        };
        Ok(PackedPart { part, bytes, footer, runs })
    }

    /// The table's schema over all runs.
    pub(super) fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }
}

fn cannot_encode(name: &str, why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Write, format!("{name}: could not be packed: {why}"))
}

fn ticks_of(batch: &RecordBatch) -> Option<&[i64]> {
    let ticks = batch.column_by_name("tick")?.as_primitive_opt::<Int64Type>()?;
    Some(ticks.values())
}

/// Whether the rows of a part are sorted by tick.
fn is_sorted(part: &Bytes) -> Result<bool, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(part.clone())?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["tick"]);
    let mut last = i64::MIN;
    for batch in builder.with_projection(mask).build()? {
        let batch = batch?;
        let Some(ticks) = ticks_of(&batch) else { return Ok(false) };
        if ticks.first().is_some_and(|first| *first < last) || !ticks.is_sorted() {
            return Ok(false);
        }
        last = ticks.last().copied().unwrap_or(last);
    }
    Ok(true)
}

/// The same rows sorted by tick; those of a tick stay in their order.
fn sorted(batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, arrow_schema::ArrowError> {
    let Some(first) = batches.first() else { return Ok(batches) };
    let ticks: Vec<i64> = batches.iter().filter_map(ticks_of).flatten().copied().collect();
    if ticks.is_sorted() {
        return Ok(batches);
    }
    let rows = concat_batches(first.schema_ref(), &batches)?;
    // A batch has at most 2^32 rows: Arrow's take kernels have the same limit.
    let mut order: Vec<u32> = (0..ticks.len() as u32).collect();
    order.sort_by_key(|row| ticks.get(*row as usize));
    Ok(vec![take_record_batch(&rows, &UInt32Array::from(order))?])
}

/// The run's id once for each row of a part, in the same row groups.
fn run_ids(run: &RunId, footer: &ParquetMetaData) -> Result<(Bytes, ParquetMetaData), ParquetError> {
    const AT_ONCE: usize = 64 * 1024;
    let ids: ArrayRef = Arc::new(StringArray::from(vec![run.as_str()]));
    let data_type = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = Arc::new(Schema::new(vec![Field::new(RUN_ID, data_type, false)]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_max_row_group_row_count(None)
        .set_offset_index_disabled(true)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::Chunk);
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties.build()))?;
    for group in footer.row_groups() {
        let mut left = usize::try_from(group.num_rows()).unwrap_or(0);
        while left > 0 {
            let rows = left.min(AT_ONCE);
            let keys = Int32Array::from(vec![0; rows]);
            let column: ArrayRef = Arc::new(DictionaryArray::try_new(keys, Arc::clone(&ids))?);
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), vec![column])?)?;
            left -= rows;
        }
        writer.flush()?;
    }
    let metadata = writer.finish()?;
    Ok((std::mem::take(writer.inner_mut()).into(), metadata))
}
