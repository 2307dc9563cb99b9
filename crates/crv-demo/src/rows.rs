//! The rows of one tick, and their conversion to frames.

use std::collections::BTreeMap;

use crv_core::grammar::TableName;
use crv_core::hashing::sha256_hex;
use crv_core::schema::{Cell, TableRow};
use crv_core::typing::JsonDict;
use crv_schema::Frame;
use crv_schema::rows::{RowsError, cells_to_frame};
use serde_json::Value;

/// The rows of one tick, as the values of their columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows(BTreeMap<TableName, Vec<Vec<Cell>>>);

impl Rows {
    pub(crate) fn push<R: TableRow>(&mut self, row: &R) {
        self.0.entry(R::TABLE).or_default().push(row.to_cells());
    }

    /// The frames of all tables, in registry order. Every row is checked.
    pub(crate) fn into_frames(mut self) -> Result<Vec<(TableName, Frame)>, RowsError> {
        let mut frame = |table| cells_to_frame(table, self.0.remove(&table).unwrap_or_default());
        TableName::ALL.iter().map(|table| Ok((*table, frame(*table)?))).collect()
    }
}

/// The fields of a JSON object, without nulls: a null field of a payload equals a missing one.
pub(crate) fn object(value: Value) -> JsonDict {
    let Value::Object(mut fields) = value else { return JsonDict::new() };
    fields.retain(|_, value| !value.is_null());
    fields
}

/// The hash of a value of texts and integers, as [`hash_row`](crv_core::hashing::hash_row): without floats, a value's
/// plain JSON is canonical, and hashing cannot fail.
pub(crate) fn hash(value: &Value) -> String {
    sha256_hex(value.to_string().as_bytes())
}
