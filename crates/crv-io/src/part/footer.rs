//! Reading a part's footer: rows, ticks, schema. For tables whose manifest is lost, or does not have them.

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::LogicalType;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;

use crv_core::tables::TableId;

use super::{FooterSchema, declaration, integers};
use crate::commit::{FooterReader, PartSchema};
use crate::error::Result;
use crate::part::file::{PartFile, decoding, read_failed};
use crate::part::lineage;
use crate::part::pages;
use crate::paths::{PartId, StorePath};
use crate::schema::Descriptor;
use crate::store::Store;
use crate::ticks::TickSpan;

/// What a part's footer says.
#[derive(Debug)]
pub(crate) struct PartFooter {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// `None` if there are no rows.
    pub(crate) ticks: Option<TickSpan>,
    pub(crate) columns: PartSchema,
}

/// How to treat integers if the footer does not tell whether a float can hold each of them exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// Assume that it can: enough to compare a part with a schema that has the answer.
    TakenForFloats,
    /// Read their values.
    Read,
}

/// Reads the columns of the part of `table` at `path` from its footer, and integers that the footer leaves undecided.
pub(crate) fn read_schema(store: &dyn Store, path: &StorePath, table: TableId) -> Result<PartSchema> {
    let read = decoding(|| {
        let file = PartFile::open(store, path, None)?;
        let metadata = load(store, path, &file)?;
        columns(store, path, table, &file, &metadata, Undecided::Read)
    });
    read.map_err(|why| read_failed(store, path, &why))?
}

/// Reads the footer of the part of `table` at `path`. Reads no data page, unless the footer has no statistics of the
/// ticks, or leaves integers undecided and `undecided` says to read them.
pub(crate) fn read(
    store: &dyn Store,
    path: &StorePath,
    table: TableId,
    undecided: Undecided,
) -> Result<PartFooter> {
    decoding(|| footer_of(store, path, table, undecided)).map_err(|why| read_failed(store, path, &why))?
}

fn footer_of(
    store: &dyn Store,
    path: &StorePath,
    table: TableId,
    undecided: Undecided,
) -> Result<PartFooter> {
    let file = PartFile::open(store, path, None)?;
    let metadata = load(store, path, &file)?;
    let columns = columns(store, path, table, &file, &metadata, undecided)?;
    let rows = pages::rows(metadata.metadata()).map_err(|why| read_failed(store, path, &why))?;
    let ticks = match tick_statistics(metadata.metadata()) {
        Some(ticks) => Some(ticks),
        None if rows == 0 => None,
        None => Some(read_ticks(store, path, &file, metadata)?),
    };
    Ok(PartFooter { rows, bytes: file.size(), ticks, columns })
}

/// Reads from the footer of the part at `path` which parts it was merged from.
pub(crate) fn read_lineage(store: &dyn Store, path: &StorePath) -> Result<Vec<PartId>> {
    let read = decoding(|| {
        let file = PartFile::open(store, path, None)?;
        Ok(lineage::read(load(store, path, &file)?.metadata()))
    });
    read.map_err(|why| read_failed(store, path, &why))?
}

/// Decodes the part at `path`, every column or the ticks alone. Returns how many rows there are, and their ticks.
pub(crate) fn decode(store: &dyn Store, path: &StorePath, all: bool) -> Result<(u64, Option<TickSpan>)> {
    let decoded = decoding(|| {
        let file = PartFile::open(store, path, None)?;
        let metadata = load(store, path, &file)?;
        decode_ticks(store, path, &file, metadata, all)
    });
    decoded.map_err(|why| read_failed(store, path, &why))?
}

fn load(store: &dyn Store, path: &StorePath, file: &PartFile) -> Result<ArrowReaderMetadata> {
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new())
        .map_err(|error| read_failed(store, path, &error))
}

fn columns(
    store: &dyn Store,
    path: &StorePath,
    table: TableId,
    file: &PartFile,
    metadata: &ArrowReaderMetadata,
    undecided: Undecided,
) -> Result<PartSchema> {
    let failed = |why: &dyn std::fmt::Display| read_failed(store, path, why);
    let found = FooterSchema::of(metadata.metadata()).map_err(|error| failed(&error))?;
    let wide = match undecided {
        Undecided::Read => integers::wide(file, metadata, found.undecided()).map_err(|why| failed(&why))?,
        Undecided::TakenForFloats => Vec::new(),
    };
    let declared = declaration::read(table, metadata.metadata());
    let schema = found.decided(&wide, &Descriptor::of(table, declared.as_ref()));
    let leaves = metadata.metadata().file_metadata().schema_descr().columns();
    let provisional = leaves.iter().any(|leaf| matches!(leaf.logical_type_ref(), Some(LogicalType::Unknown)));
    let merged_from = lineage::read(metadata.metadata());
    Ok(PartSchema { schema, declared, provisional, merged_from })
}

fn tick_statistics(metadata: &ParquetMetaData) -> Option<TickSpan> {
    let tick = metadata
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .position(|column| column.path().string() == "tick")?;
    let mut span: Option<TickSpan> = None;
    for group in metadata.row_groups() {
        let Statistics::Int64(statistics) = group.column(tick).statistics()? else { return None };
        if !statistics.min_is_exact() || !statistics.max_is_exact() {
            return None;
        }
        let group = TickSpan { min: *statistics.min_opt()?, max: *statistics.max_opt()? };
        span = Some(span.map_or(group, |span| span.union(group)));
    }
    span
}

fn read_ticks(
    store: &dyn Store,
    path: &StorePath,
    file: &PartFile,
    metadata: ArrowReaderMetadata,
) -> Result<TickSpan> {
    let (_, span) = decode_ticks(store, path, file, metadata, false)?;
    span.ok_or_else(|| read_failed(store, path, &"its ticks are all null"))
}

fn decode_ticks(
    store: &dyn Store,
    path: &StorePath,
    file: &PartFile,
    metadata: ArrowReaderMetadata,
    all: bool,
) -> Result<(u64, Option<TickSpan>)> {
    let failed = |why: &dyn std::fmt::Display| read_failed(store, path, why);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata);
    let mask =
        if all { ProjectionMask::all() } else { ProjectionMask::columns(builder.parquet_schema(), ["tick"]) };
    for group in builder.metadata().row_groups() {
        pages::check(file, group, &mask).map_err(|why| failed(&why))?;
    }
    let batches = builder.with_projection(mask).build().map_err(|error| failed(&error))?;
    let mut rows = 0;
    let mut span: Option<TickSpan> = None;
    for batch in batches {
        let batch = batch.map_err(|error| failed(&error))?;
        rows += batch.num_rows() as u64;
        let ticks = batch.column_by_name("tick").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let ticks = ticks.ok_or_else(|| failed(&"it has no column `tick` of integers"))?;
        for tick in ticks.iter().flatten() {
            let tick = TickSpan { min: tick, max: tick };
            span = Some(span.map_or(tick, |span| span.union(tick)));
        }
    }
    Ok((rows, span))
}

/// Reads the footers of parts for the log.
#[derive(Debug)]
pub(crate) struct ParquetFooters;

impl FooterReader for ParquetFooters {
    fn schema(&self, store: &dyn Store, path: &StorePath, table: TableId) -> Result<PartSchema> {
        read_schema(store, path, table)
    }

    fn lineage(&self, store: &dyn Store, path: &StorePath) -> Result<Vec<PartId>> {
        read_lineage(store, path)
    }
}
