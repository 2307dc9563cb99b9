//! The lineage of a merged part in its footer: the parts it was merged from, and those that these were merged from.

use parquet::file::metadata::{KeyValue, ParquetMetaData};

use crate::paths::PartId;

/// The key in the footer's metadata.
const KEY: &str = "crv_merged_from";

/// The footer's entry for a part merged from `parts`: their ids, with commas between.
pub(crate) fn entry(parts: &[PartId]) -> KeyValue {
    let ids: Vec<String> = parts.iter().map(|part| part.digits()).collect();
    KeyValue::new(KEY.to_owned(), ids.join(","))
}

/// The parts that the one with this footer was merged from; none for one that was appended. Text that is no id is
/// passed over.
pub(crate) fn read(metadata: &ParquetMetaData) -> Vec<PartId> {
    let entries = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let said = entries.filter(|entry| entry.key == KEY).filter_map(|entry| entry.value.as_deref());
    said.flat_map(|ids| ids.split(',')).filter_map(PartId::parse_digits).collect()
}
