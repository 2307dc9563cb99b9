//! The file of a table in a pack: whole parts, the run ids of their rows, and a footer over all of them.

use fs_err::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use crv_core::tables::TableId;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::DEFAULT_CREATED_BY;
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::{SchemaDescPtr, Type};

use super::RUN_ID;
use super::part::PackedPart;
use crate::packed::PackedFile;
use crate::schema::TableSchema;
use crate::validate::MergedLayout;

const MAGIC: &[u8] = b"PAR1";

/// A file that is written from its beginning to its end, with its size and checksum.
#[derive(Debug)]
pub(super) struct Output {
    file: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
    sum: u32,
}

impl Output {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Self { file: BufWriter::with_capacity(1 << 20, file), path: path.to_owned(), bytes: 0, sum: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        Ok(())
    }

    /// How many bytes were written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the bytes durable.
    pub(super) fn finish(mut self, rows: Option<u64>) -> std::io::Result<PackedFile> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(PackedFile { bytes: self.bytes, crc32c: format!("{:08x}", self.sum), rows })
    }
}

/// The file of a table, to which parts are appended.
#[derive(Debug)]
pub(super) struct TableFile {
    output: Output,
    table: TableId,
    schema: SchemaDescPtr,
    /// The Arrow schema, where readers need it.
    embedded: Option<String>,
    groups: Vec<RowGroupMetaData>,
    rows: u64,
}

/// Why a part could not be appended.
#[derive(Debug)]
pub(super) enum Failed {
    Disk(std::io::Error),
    Parquet(ParquetError),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<ParquetError> for Failed {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl TableFile {
    /// Creates the file of a table with these columns over all runs.
    pub(super) fn create(path: &Path, table: TableId, columns: &TableSchema) -> Result<Self, Failed> {
        let layout = MergedLayout::of(columns);
        let run_id = Field::new(RUN_ID, DataType::Utf8, false);
        let of_part = layout.schema();
        let fields = std::iter::once(Arc::new(run_id)).chain(of_part.fields().iter().cloned());
        let arrow = Schema::new(fields.collect::<Vec<_>>());
        let schema = Arc::new(ArrowSchemaConverter::new().convert(&arrow)?);
        let embedded = layout.needs_arrow_metadata().then(|| encode_arrow_schema(&arrow));
        let mut output = Output::create(path)?;
        output.write(MAGIC)?;
        Ok(Self { output, table, schema, embedded, groups: Vec::new(), rows: 0 })
    }

    /// The columns of a part, which are all but that of the run ids.
    pub(super) fn part_columns(&self) -> Vec<Arc<Type>> {
        self.schema.root_schema().get_fields().iter().skip(1).cloned().collect()
    }

    /// Appends a part. Returns where it begins.
    pub(super) fn append(&mut self, packed: &PackedPart) -> Result<u64, Failed> {
        let start = self.output.bytes();
        self.output.write(&packed.bytes)?;
        let (ids, of_ids) = &packed.runs;
        for (group, of_ids) in packed.footer.row_groups().iter().zip(of_ids.row_groups()) {
            let mut columns = Vec::with_capacity(group.num_columns() + 1);
            columns.push(self.append_column(ids, of_ids.column(0))?);
            for column in group.columns() {
                columns.push(moved(column, start as i64)?);
            }
            let bytes = columns.iter().map(ColumnChunkMetaData::uncompressed_size).sum();
            let group = RowGroupMetaData::builder(Arc::clone(&self.schema))
                .set_num_rows(group.num_rows())
                .set_total_byte_size(bytes)
                .set_column_metadata(columns);
            self.groups.push(group.build()?);
        }
        self.rows += packed.part.rows;
        Ok(start)
    }

    /// Appends the pages of a column of another file.
    fn append_column(
        &mut self,
        from: &Bytes,
        column: &ColumnChunkMetaData,
    ) -> Result<ColumnChunkMetaData, Failed> {
        let (start, length) = column.byte_range();
        let by = self.output.bytes() as i64 - start as i64;
        let (start, end) = (start as usize, (start + length) as usize);
        self.output.write(from.get(start..end).unwrap_or_default())?;
        Ok(moved(column, by)?)
    }

    pub(super) fn table(&self) -> TableId {
        self.table
    }

    /// Row groups so far.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Rows of all parts.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the footer, and makes the file durable.
    pub(super) fn finish(mut self) -> Result<PackedFile, Failed> {
        let mut metadata = vec![KeyValue::new("crv_table_name".to_owned(), self.table.as_str().to_owned())];
        metadata.extend(self.embedded.map(|schema| KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), schema)));
        let rows = self.rows as i64;
        let created_by = Some(DEFAULT_CREATED_BY.to_owned());
        let file = FileMetaData::new(2, rows, created_by, Some(metadata), self.schema, None);
        let metadata = ParquetMetaData::new(file, self.groups);
        let mut footer = Vec::new();
        // The footer has no offsets of its own: it has no page index.
        ParquetMetaDataWriter::new_with_tracked(TrackedWrite::new(&mut footer), &metadata).finish()?;
        self.output.write(&footer)?;
        Ok(self.output.finish(Some(self.rows))?)
    }
}

/// The column where all offsets are greater by `by`, without a page index: that of a part is within the part.
fn moved(column: &ColumnChunkMetaData, by: i64) -> Result<ColumnChunkMetaData, ParquetError> {
    let dictionary = column.dictionary_page_offset().map(|offset| offset + by);
    let data = column.data_page_offset() + by;
    let builder = column.clone().into_builder();
    builder
        .set_dictionary_page_offset(dictionary)
        .set_data_page_offset(data)
        .set_offset_index_offset(None)
        .set_offset_index_length(None)
        .set_column_index_offset(None)
        .set_column_index_length(None)
        .build()
}
