//! [`BatchWriter`]: writes record batches in any format.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_json::LineDelimitedWriter;
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::csv_write::CsvWriter;
use super::error::FormatError;
use super::format::Format;
use super::layout::Way;

/// Writes batches of one schema to `W`. The output is incomplete before [`finish`](Self::finish).
pub struct BatchWriter<W: Write + Send> {
    format: Format,
    inner: Inner<W>,
}

enum Inner<W: Write + Send> {
    Parquet { writer: Box<ArrowWriter<W>>, schema: SchemaRef },
    Csv(Box<CsvWriter<W>>),
    Ndjson(LineDelimitedWriter<W>),
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> BatchWriter<W> {
    /// A writer for batches of this schema.
    pub fn new(to: W, format: Format, schema: &SchemaRef) -> Result<Self, FormatError> {
        let failed = |error: &dyn std::fmt::Display| FormatError::output(format, error);
        // Without the store's schema metadata.
        let schema = Schema::new(schema.fields().clone());
        let inner = match format {
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(zstd).build();
                let schema = Way::ToParquet.schema(&schema);
                let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties));
                Inner::Parquet { writer: Box::new(writer.map_err(|error| failed(&error))?), schema }
            }
            Format::Csv => Inner::Csv(Box::new(CsvWriter::new(to, &schema).map_err(|error| failed(&error))?)),
            Format::Ndjson => Inner::Ndjson(LineDelimitedWriter::new(to)),
            Format::Arrow => {
                Inner::Arrow(Box::new(FileWriter::try_new(to, &schema).map_err(|error| failed(&error))?))
            }
        };
        Ok(Self { format, inner })
    }

    /// Writes a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let format = self.format;
        let failed = |error: &dyn std::fmt::Display| FormatError::output(format, error);
        match &mut self.inner {
            Inner::Parquet { writer, schema } => {
                let batch = Way::ToParquet.batch(batch, schema).map_err(|error| failed(&error))?;
                writer.write(&batch).map_err(|error| failed(&error))
            }
            Inner::Csv(writer) => writer.write(batch).map_err(|error| failed(&error)),
            Inner::Ndjson(writer) => writer.write(batch).map_err(|error| failed(&error)),
            Inner::Arrow(writer) => writer.write(batch).map_err(|error| failed(&error)),
        }
    }

    /// Writes the rest, and returns the writer.
    pub fn finish(self) -> Result<W, FormatError> {
        let format = self.format;
        let failed = |error: &dyn std::fmt::Display| FormatError::output(format, error);
        match self.inner {
            Inner::Parquet { writer, .. } => writer.into_inner().map_err(|error| failed(&error)),
            Inner::Csv(writer) => writer.finish().map_err(|error| failed(&error)),
            Inner::Ndjson(mut writer) => {
                writer.finish().map_err(|error| failed(&error))?;
                let mut to = writer.into_inner();
                to.flush().map_err(|error| failed(&error))?;
                Ok(to)
            }
            // This also finishes the file.
            Inner::Arrow(writer) => writer.into_inner().map_err(|error| failed(&error)),
        }
    }
}
