//! [`Dictionaries`]: which columns get a dictionary, by what the last parts of their table showed.
//!
//! The Parquet writer tries a dictionary for each column, which hashes every value. Where most values of a part differ, as
//! ids and prices of one tick do, the dictionary holds them all, and takes time and bytes for nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crv_core::tables::TableId;
use parquet::basic::{Encoding, PageType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;

use super::pages::dictionary_values;

/// After so many parts, every column is tried again.
const AGAIN: u32 = 64;
/// A part tells nothing of one that has so many times its rows: more of its values may repeat.
const LARGER: u64 = 4;
/// Parts with fewer rows tell nothing.
const FEWEST: u64 = 16;

/// What was seen of each table, by the transactions of a handle.
#[derive(Debug, Default)]
pub(crate) struct Dictionaries {
    tables: Mutex<HashMap<TableId, Seen>>,
}

/// What the last part that was encoded with every dictionary showed.
#[derive(Debug)]
struct Seen {
    rows: u64,
    /// Parts since.
    parts: u32,
    without: Arc<[ColumnPath]>,
}

impl Dictionaries {
    fn tables(&self) -> MutexGuard<'_, HashMap<TableId, Seen>> {
        // Every change below is a single insert or a sum: a panic cannot leave it incomplete.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The columns that a part of so many rows is encoded without a dictionary for; `None` if every column is to be tried, and
    /// the part shown to [`learn`](Self::learn).
    pub(super) fn without(&self, table: TableId, rows: u64) -> Option<Arc<[ColumnPath]>> {
        let mut tables = self.tables();
        let seen = tables.get_mut(&table)?;
        if rows > seen.rows.saturating_mul(LARGER) || seen.parts >= AGAIN {
            return None;
        }
        seen.parts += 1;
        Some(Arc::clone(&seen.without))
    }

    /// Learns from a part that was encoded with every dictionary.
    pub(super) fn learn(&self, table: TableId, part: &[u8], footer: &ParquetMetaData) {
        let rows = u64::try_from(footer.file_metadata().num_rows()).unwrap_or(0);
        if rows < FEWEST {
            return;
        }
        // Of a part of several row groups, the first is like the others.
        let columns = footer.row_groups().first().map_or(&[][..], |group| group.columns());
        let unpaid = columns.iter().filter(|column| !has_paid(part, column));
        let without = unpaid.map(|column| column.column_path().clone()).collect();
        self.tables().insert(table, Seen { rows, parts: 0, without });
    }
}

/// Whether the dictionary of a column was worth it: the writer did not give it up, and at most two thirds of the values are in
/// it. A column without one has nothing to pay for.
fn has_paid(part: &[u8], column: &ColumnChunkMetaData) -> bool {
    if column.dictionary_page_offset().is_none() {
        return true;
    }
    let stats = column.page_encoding_stats();
    let given_up = stats.is_some_and(|pages| {
        pages
            .iter()
            .any(|page| page.page_type != PageType::DICTIONARY_PAGE && page.encoding == Encoding::PLAIN)
    });
    let nulls = column.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
    let values = u64::try_from(column.num_values()).unwrap_or(0).saturating_sub(nulls);
    let kept = dictionary_values(part, column).unwrap_or(0);
    !given_up && kept.saturating_mul(3) <= values.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
    use bytes::Bytes;
    use crv_core::tables::HOLDINGS_DESC;
    use parquet::errors::ParquetError;
    use parquet::file::metadata::ParquetMetaDataReader;

    use super::*;
    use crate::config::{Compression, IoSettings};
    use crate::part::Encoder;
    use crate::schema::Descriptor;

    fn texts(rows: i64, distinct: i64) -> ArrayRef {
        Arc::new((0..rows).map(|row| Some(format!("text {}", row % distinct))).collect::<StringArray>())
    }

    /// Encodes a part, and returns its columns that have a dictionary.
    fn encode(
        known: &Arc<Dictionaries>,
        settings: &IoSettings,
        columns: Vec<(&str, ArrayRef)>,
    ) -> Vec<String> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let rows = batch.num_rows() as u64;
        let table = Descriptor::from(&HOLDINGS_DESC);
        let encoder = Encoder::new(settings, "r", &table, batch.schema(), false).with_dictionaries(
            known,
            TableId::HOLDINGS,
            rows,
        );
        let bytes = Bytes::from(encoder.encode(rows, std::iter::once(Ok::<_, ParquetError>(batch))).unwrap());
        let footer = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
        let columns = footer.row_group(0).columns().iter();
        let with = columns.filter(|column| column.dictionary_page_offset().is_some());
        with.map(|column| column.column_path().string()).collect()
    }

    fn rows(count: i64) -> Vec<(&'static str, ArrayRef)> {
        let prices: ArrayRef = Arc::new((0..count).map(|row| Some(row as f64)).collect::<Float64Array>());
        let payload = StructArray::try_from(vec![("kind", texts(count, 2)), ("price", prices)]).unwrap();
        vec![
            ("tick", Arc::new(Int64Array::from(vec![7; count as usize]))),
            ("id", texts(count, count)),
            ("half", texts(count, (count / 2).max(1))),
            ("payload", Arc::new(payload)),
        ]
    }

    #[test]
    fn a_column_whose_values_differ_gets_no_dictionary_in_the_next_parts() {
        const ALL: [&str; 5] = ["tick", "id", "half", "payload.kind", "payload.price"];
        const PAID: [&str; 3] = ["tick", "half", "payload.kind"];
        for compression in [Compression::Zstd, Compression::Lz4] {
            let settings = IoSettings::default().with_compression(compression);
            let known = Arc::new(Dictionaries::default());
            // So few rows tell nothing.
            assert_eq!(encode(&known, &settings, rows(8)), ALL);
            assert_eq!(encode(&known, &settings, rows(200)), ALL);
            assert_eq!(encode(&known, &settings, rows(200)), PAID);
            assert_eq!(encode(&known, &settings, rows(800)), PAID);
            // A much larger part may repeat more values.
            assert_eq!(encode(&known, &settings, rows(801)), ALL);
            for _ in 0..AGAIN {
                assert_eq!(encode(&known, &settings, rows(200)), PAID);
            }
            assert_eq!(encode(&known, &settings, rows(200)), ALL, "it is tried again after some parts");
        }
    }

    /// A dictionary that grew too large is given up by the writer in the middle of a column.
    #[test]
    fn a_dictionary_that_was_given_up_has_not_paid() {
        let (known, settings) = (Arc::new(Dictionaries::default()), IoSettings::default());
        let long = |rows: i64| -> ArrayRef {
            let text = |row: i64| Some(format!("{:0>200}", row.min(rows / 3)));
            Arc::new((0..rows).map(text).collect::<StringArray>())
        };
        assert_eq!(encode(&known, &settings, vec![("text", long(30_000))]), ["text"]);
        assert_eq!(encode(&known, &settings, vec![("text", long(30_000))]), [""; 0]);
    }

    /// A column that is null in most rows is judged by those that it has.
    #[test]
    fn nulls_are_no_values() {
        let (known, settings) = (Arc::new(Dictionaries::default()), IoSettings::default());
        let sparse = || -> ArrayRef {
            let text = |row: i64| (row % 10 == 0).then(|| format!("text {row}"));
            Arc::new((0..200).map(text).collect::<StringArray>())
        };
        assert_eq!(encode(&known, &settings, vec![("text", sparse())]), ["text"]);
        assert_eq!(encode(&known, &settings, vec![("text", sparse())]), [""; 0]);
    }
}
