//! Checks what the pages of a part claim, before they are decoded.
//!
//! A Parquet decoder allocates what a header claims, and some encodings take counts from within the data, unchecked: a
//! few flipped bits could ask for more memory than there is, and a failed allocation ends the process. So each page
//! header is parsed here first. A page that passes is no larger than its codec can make of the bytes that are there,
//! its encoding has all counts in headers, and there are as many values as the footer says.
//!
//! Real contents are not bounded: a codec, and run lengths within lists, let a few bytes stand for very many equal
//! values, and a scan allocates the rows that it returns.

use parquet::arrow::ProjectionMask;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

mod compress;
mod header;
mod reader;

use header::{DICTIONARY_PAGE, PageHeader, parse_header, read_header};

use crate::part::file::PartFile;

pub(crate) use compress::compressed;
pub(crate) use reader::{Chunks, Source, is_supported};

/// Returns the rows of a part by its footer; an error if its row groups add up to another number.
pub(crate) fn rows(metadata: &ParquetMetaData) -> Result<u64, String> {
    let rows = u64::try_from(metadata.file_metadata().num_rows()).ok();
    let group = |group: &RowGroupMetaData| u64::try_from(group.num_rows()).ok();
    let groups = metadata.row_groups().iter().map(group).try_fold(0_u64, |sum, rows| sum.checked_add(rows?));
    match (rows, groups) {
        (Some(rows), Some(groups)) if rows == groups => Ok(rows),
        _ => Err("its footer and its row groups have different row counts".to_owned()),
    }
}

/// Whether the pages of every column lie within a part of `size` bytes.
pub(crate) fn lie_within(metadata: &ParquetMetaData, size: u64) -> bool {
    let mut chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    chunks.all(|chunk| {
        let data = u64::try_from(chunk.data_page_offset()).is_ok_and(|offset| offset <= size);
        data && place(chunk, size).is_ok()
    })
}

/// How many values the dictionary of a column holds; `None` if there is none.
pub(crate) fn dictionary_values(part: &[u8], chunk: &ColumnChunkMetaData) -> Option<u64> {
    let start = usize::try_from(chunk.dictionary_page_offset()?).ok()?;
    let (header, _) = parse_header(part.get(start..)?).ok()?;
    header.of_kind.values.filter(|_| header.kind == DICTIONARY_PAGE)
}

/// Checks the pages of the columns in `mask`.
pub(crate) fn check(file: &PartFile, group: &RowGroupMetaData, mask: &ProjectionMask) -> Result<(), String> {
    for (index, chunk) in group.columns().iter().enumerate() {
        if mask.leaf_included(index) {
            // Outside of lists there is a value, or a null, for each row.
            let flat = chunk.column_descr().max_rep_level() == 0;
            check_chunk(file, chunk)
                .and_then(|values| {
                    let rows = group.num_rows();
                    let fits = !flat || i128::from(rows) == i128::from(values);
                    if fits { Ok(()) } else { Err(format!("there are {values} values for {rows} rows")) }
                })
                .map_err(|why| format!("column `{}`: {why}", chunk.column_path().string()))?;
        }
    }
    Ok(())
}

/// Returns where the pages of a column begin and end in a part of `size` bytes.
fn place(chunk: &ColumnChunkMetaData, size: u64) -> Result<(u64, u64), &'static str> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let range = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
    let range = range.and_then(|(start, length)| Some((start, start.checked_add(length)?)));
    range.filter(|(_, end)| *end <= size).ok_or("the pages lie outside the file")
}

/// Checks the pages of a column, and returns how many values they claim.
fn check_chunk(file: &PartFile, chunk: &ColumnChunkMetaData) -> Result<u64, String> {
    let (mut at, end) = place(chunk, file.size())?;
    let mut counted: u64 = 0;
    while at < end {
        let (page, length) = read_header(file, at, end)?;
        let compressed = page.compressed.filter(|size| *size <= end - at - length);
        let Some(compressed) = compressed else { return Err("a page ends beyond its column".to_owned()) };
        let values = check_page(&page, compressed, chunk.compression())?;
        if page.kind != DICTIONARY_PAGE {
            counted = counted.saturating_add(values);
        }
        at += length + compressed;
    }
    if i128::from(chunk.num_values()) == i128::from(counted) {
        Ok(counted)
    } else {
        Err(format!("the pages have {counted} values, and the footer says {}", chunk.num_values()))
    }
}

/// Checks a page, and returns how many values it claims.
fn check_page(page: &PageHeader, compressed: u64, codec: Compression) -> Result<u64, String> {
    let Some(size) = page.uncompressed else { return Err("a page has no size".to_owned()) };
    // A page of the second version has its levels, uncompressed, before the rest.
    if size > compressed.saturating_mul(expansion(codec)).saturating_add(64) {
        return Err(format!("a page of {compressed} bytes claims {size}, more than {codec} can make"));
    }
    let Some(values) = page.of_kind.values else { return Err("a page has no count of values".to_owned()) };
    // Every value of a dictionary takes a byte at least.
    if page.kind == DICTIONARY_PAGE && values > size {
        return Err(format!("a dictionary of {size} bytes claims to have {values} values"));
    }
    if !page.of_kind.encoding.is_some_and(|encoding| ENCODINGS.contains(&encoding)) {
        return Err("a page has an unsupported encoding".to_owned());
    }
    Ok(values)
}

/// How many bytes a codec makes of one, at most.
fn expansion(codec: Compression) -> u64 {
    match codec {
        Compression::UNCOMPRESSED => 1,
        // A copy of up to 64 bytes takes 3.
        Compression::SNAPPY => 22,
        // Each further byte of a length stands for 255.
        Compression::LZ4 | Compression::LZ4_RAW => 255,
        // A block of 128 KiB that repeats one byte takes 4. Codecs that are not built in are refused later.
        _ => 32 * 1024,
    }
}

/// The supported encodings, by the format's numbers: plain, plain dictionary, run lengths, differences of integers,
/// dictionary, and byte stream split. The others, differences of texts and of their lengths (6 and 7), have counts
/// within the data by which a decoder allocates.
const ENCODINGS: [i64; 6] = [0, 2, 3, 5, 8, 9];

#[cfg(test)]
mod tests {
    use super::header::{DATA_PAGE, DATA_PAGE_V2, OfKind};
    use super::*;

    #[test]
    fn a_page_claims_no_more_than_its_codec_can_make_of_its_bytes() {
        let page = |kind, uncompressed, values, encoding| PageHeader {
            kind,
            uncompressed: Some(uncompressed),
            compressed: Some(1000),
            place_of_compressed: (0, 0),
            of_kind: OfKind { values: Some(values), encoding: Some(encoding), ..OfKind::default() },
        };
        let check = |page: &PageHeader, codec| check_page(page, 1000, codec).is_ok();
        for (codec, most) in [
            (Compression::UNCOMPRESSED, 1_064),
            (Compression::SNAPPY, 22_064),
            (Compression::LZ4_RAW, 255_064),
            (Compression::ZSTD(parquet::basic::ZstdLevel::default()), 32_768_064),
        ] {
            assert!(check(&page(DATA_PAGE, most, 1, 0), codec), "{codec}");
            assert!(!check(&page(DATA_PAGE, most + 1, 1, 0), codec), "{codec}");
        }
        let codec = Compression::LZ4_RAW;
        assert!(check(&page(DICTIONARY_PAGE, 1000, 1000, 2), codec));
        assert!(!check(&page(DICTIONARY_PAGE, 1000, 1001, 2), codec));
        for encoding in 0..10 {
            let ours = matches!(encoding, 0 | 2 | 3 | 5 | 8 | 9);
            assert_eq!(check(&page(DATA_PAGE_V2, 1000, 10, encoding), codec), ours, "{encoding}");
        }
        assert!(!check(&PageHeader { of_kind: OfKind::default(), ..page(DATA_PAGE, 1, 1, 0) }, codec));
        assert!(!check(&PageHeader { uncompressed: None, ..page(DATA_PAGE, 1, 1, 0) }, codec));
        let unencoded = OfKind { encoding: None, ..page(DATA_PAGE, 1, 1, 0).of_kind };
        assert!(!check(&PageHeader { of_kind: unencoded, ..page(DATA_PAGE, 1, 1, 0) }, codec));
    }
}
