//! The declaration of a table in the footers of its parts: with it, a table whose log and manifest are both lost can be
//! rebuilt as it was declared.

use crv_core::tables::TableId;
use parquet::file::metadata::{KeyValue, ParquetMetaData};

use crate::schema::{Descriptor, TableSchema};

/// The key of the declaration in a part's metadata.
const KEY: &str = "crv_declared";

/// The entry of a part's metadata; none for a canonical table, which every reader knows.
pub(super) fn write(table: &Descriptor) -> Option<KeyValue> {
    if table.id().canonical().is_some() {
        return None;
    }
    // Always succeeds: a schema is a tree of texts and numbers.
    let document = serde_json::to_string(&**table.schema()).ok()?;
    Some(KeyValue::new(KEY.to_owned(), document))
}

/// Reads the declaration of `table` from the footer of one of its parts; `None` if there is none, or it is invalid.
pub(super) fn read(table: TableId, footer: &ParquetMetaData) -> Option<Descriptor> {
    if table.canonical().is_some() {
        return None;
    }
    let entries = footer.file_metadata().key_value_metadata()?;
    let document = entries.iter().find(|entry| entry.key == KEY)?.value.as_deref()?;
    let schema: TableSchema = serde_json::from_str(document).ok()?;
    Descriptor::from_document(table, schema).ok()
}
