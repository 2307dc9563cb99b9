//! A part's bytes: Parquet, small, and with only those features that all readers support.

use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use crv_core::versioning::SCHEMA_V;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::declaration;
use crate::config::{Compression, IoSettings};
use crate::schema::Descriptor;

/// Parts with more rows than this have statistics per page, so that readers can skip pages.
const PAGE_STATISTICS_ABOVE: u64 = 20_000;

/// How the parts of one append are encoded.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    schema: SchemaRef,
    codec: Codec,
    row_group_size: usize,
    metadata: Vec<KeyValue>,
    /// The properties of small and of large parts, made on first use.
    properties: [OnceLock<WriterProperties>; 2],
    embed_arrow_schema: bool,
}

impl Encoder {
    pub(crate) fn new(
        settings: &IoSettings,
        run: &str,
        table: &Descriptor,
        schema: SchemaRef,
        embed_arrow_schema: bool,
    ) -> Self {
        let mut metadata = vec![
            KeyValue::new("crv_schema_version".to_owned(), SCHEMA_V.to_string()),
            KeyValue::new("crv_table_name".to_owned(), table.id().as_str().to_owned()),
            KeyValue::new("crv_run_id".to_owned(), run.to_owned()),
        ];
        metadata.extend(declaration::write(table));
        Self {
            schema,
            codec: codec(settings.compression()),
            row_group_size: settings.row_group_size(),
            metadata,
            properties: Default::default(),
            embed_arrow_schema,
        }
    }

    fn properties(&self, statistics: EnabledStatistics) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            .set_compression(self.codec)
            .set_max_row_group_row_count(Some(self.row_group_size))
            .set_statistics_enabled(statistics)
            .set_offset_index_disabled(statistics == EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(self.metadata.clone()));
        // Floats and bytes rarely repeat: a dictionary would cost time and bytes without benefit.
        for field in self.schema.fields() {
            use DataType::{Binary, BinaryView, Float32, Float64, LargeBinary};
            if matches!(field.data_type(), Float32 | Float64 | Binary | LargeBinary | BinaryView) {
                builder =
                    builder.set_column_dictionary_enabled(ColumnPath::from(field.name().as_str()), false);
            }
        }
        builder.build()
    }

    /// Encodes a part of `rows` rows from `batches` in the encoder's schema.
    pub(crate) fn encode<E: From<ParquetError>>(
        &self,
        rows: u64,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<Vec<u8>, E> {
        let mut writer = self.begin(rows)?;
        for batch in batches {
            writer.write(&batch?)?;
        }
        Ok(writer.into_inner()?)
    }

    /// Returns a writer for a part of `rows` rows.
    pub(crate) fn begin(&self, rows: u64) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
        let [small, large] = &self.properties;
        let properties = if rows > PAGE_STATISTICS_ABOVE {
            large.get_or_init(|| self.properties(EnabledStatistics::Page))
        } else {
            small.get_or_init(|| self.properties(EnabledStatistics::Chunk))
        };
        let options = ArrowWriterOptions::new()
            .with_properties(properties.clone())
            .with_skip_arrow_metadata(!self.embed_arrow_schema);
        ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&self.schema), options)
    }
}

fn codec(compression: Compression) -> Codec {
    match compression {
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::Snappy => Codec::SNAPPY,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array};
    use bytes::Bytes;
    use crv_core::tables::HOLDINGS_DESC;
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

    use super::*;

    /// Statistics by page cost small parts more than they save.
    #[test]
    fn only_parts_above_twenty_thousand_rows_have_statistics_by_page() {
        for (rows, expected) in
            [(1, false), (PAGE_STATISTICS_ABOVE, false), (PAGE_STATISTICS_ABOVE + 1, true)]
        {
            let ticks: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
            let batch = RecordBatch::try_from_iter([("tick", ticks)]).unwrap();
            let settings = IoSettings::default();
            let encoder =
                Encoder::new(&settings, "r", &Descriptor::from(&HOLDINGS_DESC), batch.schema(), false);
            let bytes = encoder.encode(rows, std::iter::once(Ok::<_, ParquetError>(batch))).unwrap();
            let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
            reader.try_parse(&Bytes::from(bytes)).unwrap();
            let metadata = reader.finish().unwrap();
            assert_eq!(metadata.offset_index().is_some(), expected, "{rows} rows");
        }
    }
}
