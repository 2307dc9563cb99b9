//! A part's bytes: Parquet, small, and with only those features that all readers support.

use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use crv_core::tables::TableId;
use crv_core::versioning::SCHEMA_V;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::declaration;
use super::dictionaries::Dictionaries;
use crate::config::{Compression, IoSettings};
use crate::part::pages::compressed;
use crate::schema::Descriptor;

/// Parts with more rows than this have statistics per page, so that readers can skip pages.
const PAGE_STATISTICS_ABOVE: u64 = 20_000;

/// Parts whose rows take up to so many bytes in memory are compressed after they are encoded.
const COMPRESSED_AFTER: usize = 8 << 20;

/// How the parts of one append are encoded.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    schema: SchemaRef,
    codec: Codec,
    row_group_size: usize,
    metadata: Vec<KeyValue>,
    /// The properties of small and of large parts, and of parts that are compressed when they are encoded; made on first
    /// use.
    properties: [OnceLock<WriterProperties>; 3],
    embed_arrow_schema: bool,
    /// The columns that get no dictionary, as earlier parts showed.
    without: Arc<[ColumnPath]>,
    /// What is to learn from the parts, and of which table.
    learning: Option<(Arc<Dictionaries>, TableId)>,
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
            without: Arc::default(),
            learning: None,
        }
    }

    /// The same encoder, for parts of up to so many rows: without dictionaries that did not pay in earlier parts.
    pub(crate) fn with_dictionaries(mut self, known: &Arc<Dictionaries>, table: TableId, rows: u64) -> Self {
        match known.without(table, rows) {
            Some(without) => self.without = without,
            None => self.learning = Some((Arc::clone(known), table)),
        }
        self
    }

    fn learn(&self, part: &[u8], footer: &ParquetMetaData) {
        if let Some((known, table)) = &self.learning {
            known.learn(*table, part, footer);
        }
    }

    fn properties(&self, statistics: EnabledStatistics, codec: Codec) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            .set_compression(codec)
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
        for column in &*self.without {
            builder = builder.set_column_dictionary_enabled(column.clone(), false);
        }
        builder.build()
    }

    /// Encodes a part of `rows` rows from `batches` in the encoder's schema.
    pub(crate) fn encode<E: From<ParquetError>>(
        &self,
        rows: u64,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<Vec<u8>, E> {
        let [.., bare] = &self.properties;
        let Codec::ZSTD(level) = self.codec else { return self.encode_at_once(rows, batches) };
        if rows > PAGE_STATISTICS_ABOVE {
            return self.encode_at_once(rows, batches);
        }
        let batches = batches.collect::<Result<Vec<_>, E>>()?;
        let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        if bytes > COMPRESSED_AFTER {
            return self.encode_at_once(rows, batches.into_iter().map(Ok));
        }
        let of_part = || self.properties(EnabledStatistics::Chunk, Codec::UNCOMPRESSED);
        let mut writer = self.writer(bare.get_or_init(of_part))?;
        write_all(&mut writer, batches.into_iter().map(Ok::<_, E>))?;
        let metadata = writer.finish()?;
        self.learn(writer.inner(), &metadata);
        Ok(compressed(writer.inner(), metadata, level)?)
    }

    /// Encodes a part with the writer's own compressors.
    fn encode_at_once<E: From<ParquetError>>(
        &self,
        rows: u64,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<Vec<u8>, E> {
        let mut writer = self.begin(rows)?;
        write_all(&mut writer, batches)?;
        let metadata = writer.finish()?;
        self.learn(writer.inner(), &metadata);
        Ok(std::mem::take(writer.inner_mut()))
    }

    /// Returns a writer for a part of `rows` rows.
    pub(crate) fn begin(&self, rows: u64) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
        let [small, large, _] = &self.properties;
        self.writer(if rows > PAGE_STATISTICS_ABOVE {
            large.get_or_init(|| self.properties(EnabledStatistics::Page, self.codec))
        } else {
            small.get_or_init(|| self.properties(EnabledStatistics::Chunk, self.codec))
        })
    }

    fn writer(&self, properties: &WriterProperties) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties.clone())
            .with_skip_arrow_metadata(!self.embed_arrow_schema);
        ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&self.schema), options)
    }
}

fn write_all<E: From<ParquetError>>(
    writer: &mut ArrowWriter<Vec<u8>>,
    batches: impl Iterator<Item = Result<RecordBatch, E>>,
) -> Result<(), E> {
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(())
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
    use arrow_array::types::Int64Type;
    use arrow_array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StructArray, new_null_array,
    };
    use bytes::Bytes;
    use crv_core::tables::HOLDINGS_DESC;
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

    use super::*;

    /// The compressor that is kept makes the bytes that the Parquet writer makes.
    #[test]
    fn a_part_that_is_compressed_afterwards_has_the_writers_bytes() {
        let many = |rows: i64| -> Vec<(&'static str, ArrayRef)> {
            let texts = |distinct: i64| -> ArrayRef {
                let text = |row: i64| (row % 11 != 3).then(|| format!("text {}", row * 7919 % distinct));
                Arc::new((0..rows).map(text).collect::<StringArray>())
            };
            let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
                (0..rows).map(|row| (row % 5 > 0).then(|| (0..row % 7).map(Some).collect::<Vec<_>>())),
            );
            let members = StructArray::try_from(vec![("few", texts(3)), ("many", texts(100_000))]).unwrap();
            vec![
                ("tick", Arc::new((0..rows).map(|row| Some(row / 100)).collect::<Int64Array>())),
                ("weight", Arc::new((0..rows).map(|row| Some((row as f64).sin())).collect::<Float64Array>())),
                ("flag", Arc::new((0..rows).map(|row| Some(row % 3 == 0)).collect::<BooleanArray>())),
                ("nothing", new_null_array(&DataType::Utf8, rows as usize)),
                ("members", Arc::new(members)),
                ("lists", Arc::new(lists)),
            ]
        };
        for (rows, group) in [(1, 1_000), (200, 1_000), (200, 64), (20_000, 100_000)] {
            let batch = RecordBatch::try_from_iter(many(rows)).unwrap();
            let settings = IoSettings::default().with_row_group_size(group).unwrap();
            for embed in [false, true] {
                let table = Descriptor::from(&HOLDINGS_DESC);
                let encoder = Encoder::new(&settings, "r", &table, batch.schema(), embed);
                let mut writer = encoder.begin(rows as u64).unwrap();
                writer.write(&batch).unwrap();
                let expected = writer.into_inner().unwrap();
                let batches = std::iter::once(Ok::<_, ParquetError>(batch.clone()));
                let found = encoder.encode(rows as u64, batches).unwrap();
                assert!(found == expected, "{rows} rows: {} bytes and {}", found.len(), expected.len());
            }
        }
    }

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
