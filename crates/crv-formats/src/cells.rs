//! Formats values as text, cell by cell: payloads as JSON, nulls as empty text.

use std::io::Write as _;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::{ArrowError, Schema};

use super::error::FormatError;

/// Formats the rows of a batch as text, as in CSV. For a few rows, to show them.
pub fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, FormatError> {
    let failed = |error: ArrowError| FormatError::input("these rows cannot be shown", error);
    let schema = batch.schema();
    let mut columns = cells(&schema, batch).map_err(failed)?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let mut texts = Vec::with_capacity(columns.len());
        for column in &mut columns {
            let mut cell = Vec::new();
            column.write(row, &mut cell).map_err(failed)?;
            texts.push(String::from_utf8_lossy(&cell).into_owned());
        }
        rows.push(texts);
    }
    Ok(rows)
}

/// The cells of one column.
pub(super) enum Cells<'a> {
    Text(&'a dyn Array, ArrayFormatter<'a>),
    Json(NullableEncoder<'a>),
}

/// The columns of a batch; `schema` is the batch's own, whose fields are borrowed.
pub(super) fn cells<'a>(schema: &'a Schema, batch: &'a RecordBatch) -> Result<Vec<Cells<'a>>, ArrowError> {
    static JSON: std::sync::LazyLock<EncoderOptions> = std::sync::LazyLock::new(EncoderOptions::default);
    let columns = schema.fields().iter().zip(batch.columns());
    columns
        .map(|(field, array)| {
            Ok(if array.data_type().is_nested() {
                Cells::Json(make_encoder(field, array, &JSON)?)
            } else {
                Cells::Text(array, ArrayFormatter::try_new(array, &FormatOptions::new())?)
            })
        })
        .collect()
}

impl Cells<'_> {
    /// Appends the text of one cell.
    pub(super) fn write(&mut self, row: usize, to: &mut Vec<u8>) -> Result<(), ArrowError> {
        match self {
            Self::Text(array, _) if array.is_null(row) => {}
            Self::Text(_, formatter) => write!(to, "{}", formatter.value(row).try_to_string()?)?,
            Self::Json(encoder) if encoder.is_null(row) => {}
            Self::Json(encoder) => encoder.encode(row, to),
        }
        Ok(())
    }
}
