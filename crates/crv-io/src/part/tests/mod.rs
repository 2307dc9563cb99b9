//! Tests of the whole way: frame, prepared rows, Parquet, the table's schema.

mod earlier;
mod generated;
mod kinds;
mod payloads;
mod roundtrip;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use crv_core::tables::EXCHANGE_DESC;
use crv_schema::testing::frames::all_rows;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use super::file::PartFile;
use super::{FooterSchema, integers};
use crate::schema::{Descriptor, TableSchema};
use crate::validate::{Prepared, conform};

/// Writes a part and reads it back in its Parquet schema.
fn through_parquet(
    schema: SchemaRef,
    batches: &[RecordBatch],
    embed: bool,
) -> (Vec<RecordBatch>, TableSchema) {
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(!embed);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    let file = PartFile::Whole(writer.into_inner().unwrap().into());
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
    let found = FooterSchema::of(metadata.metadata()).unwrap();
    let wide = integers::wide(&file, &metadata, found.undecided()).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).build().unwrap();
    let exchange = Descriptor::from(&EXCHANGE_DESC);
    (reader.collect::<Result<_, _>>().unwrap(), found.decided(&wide, &exchange))
}

/// Rows of one part in the schema of the table.
fn read_back(prepared: &Prepared, table: &TableSchema) -> RecordBatch {
    let rows = all_rows(prepared);
    let (batches, _) = through_parquet(prepared.physical_schema(), &[rows], prepared.needs_arrow_metadata());
    let arrow = table.to_arrow();
    let batches: Vec<RecordBatch> =
        batches.iter().map(|batch| conform(batch, table, &arrow).unwrap()).collect();
    concat_batches(&arrow, &batches).unwrap()
}
