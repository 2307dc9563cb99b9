//! Parquet and Arrow IPC: formats with their own types.

use std::io::{BufRead, Cursor};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::error::FormatError;
use super::layout::Way;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1 << 16;

/// The first bytes of an Arrow IPC file; a stream begins with the length of its schema.
const FILE_MAGIC: &[u8] = b"ARROW1";

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, FormatError>> + Send>;

pub(super) fn parquet(
    name: &str,
    input: impl ChunkReader + 'static,
) -> Result<(SchemaRef, Batches), FormatError> {
    let not_parquet = |error: &dyn std::fmt::Display| {
        FormatError::input(name, format_args!("not a readable Parquet file: {error}"))
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(input).map_err(|error| not_parquet(&error))?;
    let schema = Way::FromParquet.schema(builder.schema());
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| not_parquet(&error))?;
    let target = Arc::clone(&schema);
    let batches = reader.map(move |batch| Way::FromParquet.batch(&batch?, &target));
    Ok((schema, named(name, "Parquet", batches)))
}

pub(super) fn arrow(
    name: &str,
    mut input: Box<dyn BufRead + Send>,
) -> Result<(SchemaRef, Batches), FormatError> {
    let not_arrow = |error: &dyn std::fmt::Display| {
        FormatError::input(name, format_args!("not a readable Arrow IPC file or stream: {error}"))
    };
    let start = input.fill_buf().map_err(|error| FormatError::io(name, &error))?;
    if start.is_empty() {
        return Err(not_arrow(&"it is empty"));
    }
    if start.starts_with(FILE_MAGIC) {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|error| FormatError::io(name, &error))?;
        let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(|error| not_arrow(&error))?;
        return Ok((reader.schema(), named(name, "Arrow IPC", reader)));
    }
    let reader = StreamReader::try_new(input, None).map_err(|error| not_arrow(&error))?;
    Ok((reader.schema(), named(name, "Arrow IPC", reader)))
}

fn named(
    name: &str,
    what: &'static str,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
) -> Batches {
    let name = name.to_owned();
    Box::new(batches.map(move |batch| {
        batch.map_err(|error| FormatError::input(&name, format_args!("damaged {what} data: {error}")))
    }))
}
