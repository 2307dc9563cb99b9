//! Compresses the pages of a part that was encoded without compression.
//!
//! The Parquet writer creates a compressor, and a decompressor, for each column. On a virtual machine that takes some
//! 50 us: both ask for the features of the processor, which is a call to the hypervisor. For a tick of eight tables it
//! was half of the time of the append. Here one compressor is kept for each thread. The bytes are those that the writer
//! would have written.

use std::cell::RefCell;
use std::io::Write as _;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataWriter};
use parquet::file::writer::TrackedWrite;
use zstd::bulk::Compressor;

use super::header::{DICTIONARY_PAGE, parse_header, write_resized};
use super::place;

const MAGIC: &[u8] = b"PAR1";

thread_local! {
    static ZSTD: RefCell<Option<(ZstdLevel, Compressor<'static>)>> = const { RefCell::new(None) };
}

/// Returns the part with the bytes `part` and the footer `metadata`, which has no page index, with compressed pages.
pub(crate) fn compressed(part: &[u8], metadata: ParquetMetaData, level: ZstdLevel) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(part.len());
    bytes.extend_from_slice(MAGIC);
    let mut groups = Vec::with_capacity(metadata.num_row_groups());
    for group in metadata.row_groups() {
        let begin = bytes.len();
        let columns = group.columns().iter().map(|chunk| column(part, chunk, level, &mut bytes));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let size = columns.iter().map(ColumnChunkMetaData::uncompressed_size).sum();
        let builder = group.clone().into_builder().set_column_metadata(columns);
        groups.push(builder.set_total_byte_size(size).set_file_offset(offset(begin)?).build()?);
    }
    let metadata = metadata.into_builder().set_row_groups(groups).build();
    let mut footer = Vec::new();
    // The footer has no offsets of its own: it has no page index.
    ParquetMetaDataWriter::new_with_tracked(TrackedWrite::new(&mut footer), &metadata).finish()?;
    bytes.write_all(&footer)?;
    Ok(bytes)
}

/// Appends the pages of a column, compressed.
fn column(
    part: &[u8],
    chunk: &ColumnChunkMetaData,
    level: ZstdLevel,
    to: &mut Vec<u8>,
) -> Result<ColumnChunkMetaData> {
    let begin = to.len();
    let (start, end) = place(chunk, part.len() as u64).map_err(bad)?;
    let mut pages = part.get(start as usize..end as usize).unwrap_or_default();
    let (mut dictionary, mut data, mut uncompressed) = (None, None, 0);
    while !pages.is_empty() {
        let (header, length) = parse_header(pages).map_err(|_| bad("a page header is damaged"))?;
        let size = header.compressed.and_then(|size| usize::try_from(size).ok());
        let end = size.and_then(|size| length.checked_add(size)).filter(|end| *end <= pages.len());
        let end = end.ok_or_else(|| bad("a page ends beyond its column"))?;
        let (page, rest) = pages.split_at(end);
        let (head, body) = page.split_at(length);
        let place = if header.kind == DICTIONARY_PAGE { &mut dictionary } else { &mut data };
        place.get_or_insert(offset(to.len())?);
        let body = compress(body, level)?;
        let before = to.len();
        let size = i32::try_from(body.len()).map_err(|_| bad("a page is too large"))?;
        write_resized(head, &header, size, to);
        uncompressed += to.len() - before + (end - length);
        to.extend_from_slice(&body);
        pages = rest;
    }
    let builder = chunk.clone().into_builder().set_compression(Compression::ZSTD(level));
    builder
        .set_dictionary_page_offset(dictionary)
        .set_data_page_offset(data.unwrap_or(offset(begin)?))
        .set_total_compressed_size(offset(to.len() - begin)?)
        .set_total_uncompressed_size(offset(uncompressed)?)
        .build()
}

fn compress(page: &[u8], level: ZstdLevel) -> Result<Vec<u8>> {
    let compressed = ZSTD.with_borrow_mut(|known| {
        let compressor = match known {
            Some((of, compressor)) if *of == level => compressor,
            known => &mut known.insert((level, Compressor::new(level.compression_level())?)).1,
        };
        compressor.compress(page)
    });
    Ok(compressed?)
}

fn offset(at: usize) -> Result<i64> {
    i64::try_from(at).map_err(|_| bad("it is too large"))
}

fn bad(why: &str) -> ParquetError {
    ParquetError::General(format!("could not compress a part: {why}"))
}
