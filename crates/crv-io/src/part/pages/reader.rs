//! [`Chunks`]: the row groups of one or several parts as input of one Parquet reader.
//!
//! Setting up a reader for each part takes longer than decoding the rows of a small one. So parts of one schema share
//! a reader, and its pages share a decompressor. Each page is checked once, when it is decoded.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use zstd::bulk::Decompressor;

use super::header::{DATA_PAGE, DICTIONARY_PAGE, PageHeader, parse_header};
use super::{check_page, place};
use crate::buffers;
use crate::part::file::PartFile;

/// How levels are encoded in every page that is read here, by the format's number.
const RUN_LENGTHS: i64 = 3;

/// An open part, and which of its row groups to read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: PartFile,
    pub(crate) metadata: Arc<ParquetMetaData>,
    pub(crate) groups: Vec<usize>,
}

/// Row groups of parts that have the same schema, one after the other.
#[derive(Debug)]
pub(crate) struct Chunks {
    first: Arc<ParquetMetaData>,
    sources: Arc<Vec<Source>>,
}

impl Chunks {
    /// `None` without parts.
    pub(crate) fn new(sources: Vec<Source>) -> Option<Self> {
        Some(Self { first: Arc::clone(&sources.first()?.metadata), sources: Arc::new(sources) })
    }

    fn groups(&self) -> impl Iterator<Item = (&Source, usize)> {
        self.sources.iter().flat_map(|source| source.groups.iter().map(move |group| (source, *group)))
    }
}

/// Returns whether [`Chunks`] can decompress every column.
pub(crate) fn is_supported(metadata: &ParquetMetaData) -> bool {
    let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    chunks.map(ColumnChunkMetaData::compression).all(|codec| {
        use Compression::{LZ4_RAW, SNAPPY, UNCOMPRESSED, ZSTD};
        matches!(codec, UNCOMPRESSED | SNAPPY | LZ4_RAW | ZSTD(_))
    })
}

impl RowGroups for Chunks {
    fn num_rows(&self) -> usize {
        self.row_groups().map(|group| usize::try_from(group.num_rows()).unwrap_or_default()).sum()
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let places = self.sources.iter().enumerate();
        let places = places.flat_map(|(part, source)| source.groups.iter().map(move |group| (part, *group)));
        let places = places.collect::<Vec<_>>().into_iter();
        Ok(Box::new(Column { sources: Arc::clone(&self.sources), index: column, places }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.groups().map(|(source, group)| source.metadata.row_group(group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.first
    }
}

/// One column of all row groups.
struct Column {
    sources: Arc<Vec<Source>>,
    index: usize,
    places: std::vec::IntoIter<(usize, usize)>,
}

impl PageIterator for Column {}

impl Iterator for Column {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (part, group) = self.places.next()?;
        let source = self.sources.get(part)?;
        let group = source.metadata.row_group(group);
        let pages = Pages::new(&source.file, group, group.column(self.index));
        Some(pages.map(|pages| Box::new(pages) as Box<dyn PageReader>))
    }
}

/// The pages of a column of a row group.
struct Pages {
    /// Those that are left.
    bytes: Bytes,
    codec: Compression,
    /// Whether arrays may refer to the bytes of a page, as views of texts do.
    is_kept: bool,
    /// Values that the data pages must have.
    values: u64,
    counted: u64,
}

impl Pages {
    /// Reads the bytes of all pages.
    fn new(part: &PartFile, group: &RowGroupMetaData, chunk: &ColumnChunkMetaData) -> Result<Self> {
        let (start, end) = place(chunk, part.size()).map_err(bad)?;
        let length = usize::try_from(end - start).map_err(|_| bad("the pages are too large"))?;
        // Outside of lists there is a value, or a null, for each row.
        if chunk.column_descr().max_rep_level() == 0 && chunk.num_values() != group.num_rows() {
            return Err(bad("the number of values is not that of the rows"));
        }
        let values =
            u64::try_from(chunk.num_values()).map_err(|_| bad("the number of values is negative"))?;
        let bytes = part.read_at(start, length).map_err(|error| ParquetError::External(Box::new(error)))?;
        let is_kept = matches!(chunk.column_type(), Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
        Ok(Self { bytes, codec: chunk.compression(), is_kept, values, counted: 0 })
    }

    /// The next page's header and its length; `None` after the last page.
    fn header(&self) -> Result<Option<(PageHeader, usize)>> {
        if self.bytes.is_empty() {
            return if self.counted == self.values { Ok(None) } else { Err(bad("values are missing")) };
        }
        parse_header(&self.bytes).map(Some).map_err(|_| bad("a page header is damaged"))
    }

    fn page(&mut self, header: &PageHeader, length: usize) -> Result<Option<Page>> {
        let compressed = header.compressed.and_then(|size| usize::try_from(size).ok());
        let compressed = compressed.filter(|size| *size <= self.bytes.len() - length);
        let compressed = compressed.ok_or_else(|| bad("a page ends beyond its column"))?;
        let values = check_page(header, compressed as u64, self.codec).map_err(|why| bad(&why))?;
        let body = self.bytes.split_to(length + compressed).slice(length..);
        let size = usize::try_from(header.uncompressed.unwrap_or_default())
            .map_err(|_| bad("a page is too large"))?;
        let num_values = u32::try_from(values).map_err(|_| bad("a page has too many values"))?;
        let encoding = encoding(header.of_kind.encoding)?;
        match header.kind {
            DICTIONARY_PAGE => {
                let buf = self.decompress(&body, size)?;
                Ok(Some(Page::DictionaryPage { buf, num_values, encoding, is_sorted: false }))
            }
            DATA_PAGE if header.of_kind.levels == [Some(RUN_LENGTHS); 2] => {
                self.counted += values;
                if self.counted > self.values {
                    return Err(bad("there are more values than the footer says"));
                }
                Ok(Some(Page::DataPage {
                    buf: self.decompress(&body, size)?,
                    num_values,
                    encoding,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    statistics: None,
                }))
            }
            // The other kinds are for the reader of single parts.
            _ => Err(bad("a page is of another kind")),
        }
    }
}

impl Pages {
    /// Decompresses a page of `size` bytes.
    fn decompress(&self, body: &Bytes, size: usize) -> Result<Bytes> {
        let failed = |error: io::Error| bad(&format!("a page cannot be decompressed: {error}"));
        if self.codec == Compression::UNCOMPRESSED {
            // A copy, so that what is kept does not keep the bytes around it.
            return Ok(if self.is_kept { Bytes::copy_from_slice(body) } else { body.clone() });
        }
        // All values are null, or there is none.
        if size == 0 {
            return Ok(Bytes::new());
        }
        if self.is_kept {
            let mut bytes = vec![0; size];
            decompress(self.codec, body, &mut bytes).map_err(failed)?;
            return Ok(bytes.into());
        }
        buffers::filled(size, |bytes| decompress(self.codec, body, bytes)).map_err(failed)
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        match self.header()? {
            Some((header, length)) => self.page(&header, length),
            None => Ok(None),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(self.header()?.map(|(header, _)| PageMetadata {
            num_rows: None,
            num_levels: header.of_kind.values.and_then(|values| usize::try_from(values).ok()),
            is_dict: header.kind == DICTIONARY_PAGE,
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(drop)
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// The encoding with the format's number `number`: one of those that [`check_page`] lets pass.
fn encoding(number: Option<i64>) -> Result<Encoding> {
    Ok(match number {
        Some(0) => Encoding::PLAIN,
        Some(2) => Encoding::PLAIN_DICTIONARY,
        Some(RUN_LENGTHS) => Encoding::RLE,
        Some(5) => Encoding::DELTA_BINARY_PACKED,
        Some(8) => Encoding::RLE_DICTIONARY,
        Some(9) => Encoding::BYTE_STREAM_SPLIT,
        _ => return Err(bad("a page has an unsupported encoding")),
    })
}

thread_local! {
    /// Creating one takes longer than decompressing a small page.
    static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses into `bytes`, all of which it fills.
fn decompress(codec: Compression, body: &[u8], bytes: &mut [u8]) -> io::Result<()> {
    let found = match codec {
        Compression::ZSTD(_) => ZSTD.with_borrow_mut(|known| {
            let decompressor = match known {
                Some(decompressor) => decompressor,
                None => known.insert(Decompressor::new()?),
            };
            decompressor.decompress_to_buffer(body, bytes)
        })?,
        Compression::LZ4_RAW => lz4_flex::block::decompress_into(body, bytes).map_err(io::Error::other)?,
        Compression::SNAPPY => snap::raw::Decoder::new().decompress(body, bytes)?,
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    if found == bytes.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn bad(why: &str) -> ParquetError {
    ParquetError::General(why.to_owned())
}
