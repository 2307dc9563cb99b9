//! CSV input: a header line, then rows. Cells are text, which validation casts; payload cells are JSON.

use std::io::Read;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use csv::{ErrorKind, StringRecord};
use serde_json::Value;

use super::error::FormatError;
use super::read::{FrameSize, MAX_RECORD_BYTES};
use crv_schema::Frame;
use crv_schema::json_column::Column;
use crv_schema::schema::{Descriptor, FieldType};

/// The rows of an input, and the kinds of its columns.
pub(super) struct Rows<R> {
    name: String,
    reader: csv::Reader<R>,
    columns: Vec<(String, Cells)>,
    record: StringRecord,
    /// Whether no frame was returned yet.
    first: bool,
}

/// How the cells of a column are parsed.
#[derive(Clone, Copy)]
enum Cells {
    /// Text; an empty cell is a null.
    Text,
    /// Text; an empty cell is the empty text, because a null is not allowed.
    RequiredText,
    /// JSON.
    Payload,
}

enum Values {
    Text(StringBuilder),
    Payload(Column),
}

impl<R: Read> Rows<R> {
    pub(super) fn new(name: String, input: R, table: &Descriptor) -> Result<Self, FormatError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(input);
        let header = reader.headers().map_err(|error| failed(&name, &error))?;
        if header.is_empty() {
            return Err(FormatError::input(&name, "no header line")
                .with_hint("the first line of a CSV file names the columns"));
        }
        // Without this check, a file without a header would lose its first row, and later errors would name its cells.
        if !header.iter().any(|column| table.column(column).is_some()) {
            let reason = format_args!(
                "the header names no column of table `{}`: {}",
                table.id(),
                header.iter().map(|cell| format!("`{}`", start(cell))).collect::<Vec<_>>().join(", ")
            );
            let columns: Vec<&str> = table.columns().iter().map(|column| column.name.as_str()).collect();
            return Err(FormatError::line(&name, 1, reason).with_hint(format!(
                "the first line of a CSV file names the columns, some of {}",
                columns.join(", ")
            )));
        }
        let mut columns: Vec<(String, Cells)> = Vec::with_capacity(header.len());
        for column in header {
            if columns.iter().any(|(known, _)| known == column) {
                let reason = format_args!("the header names the column `{column}` twice");
                return Err(FormatError::input(&name, reason));
            }
            let cells = match table.column(column) {
                Some(known) if matches!(known.ty, FieldType::Struct(_) | FieldType::List(_)) => {
                    Cells::Payload
                }
                Some(known) if known.ty == FieldType::Str && known.required => Cells::RequiredText,
                _ => Cells::Text,
            };
            columns.push((column.to_owned(), cells));
        }
        Ok(Self { name, reader, columns, record: StringRecord::new(), first: true })
    }

    /// Reads the next frame; `None` at the end. The first one has the columns even if there are no rows.
    pub(super) fn next_frame(&mut self, size: FrameSize) -> Result<Option<Frame>, FormatError> {
        let mut values: Vec<Values> = self.columns.iter().map(|(_, cells)| cells.values()).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < size.rows && bytes < size.bytes {
            let more = self.reader.read_record(&mut self.record);
            if !more.map_err(|error| failed(&self.name, &error))? {
                break;
            }
            let length = self.record.as_slice().len();
            if length > MAX_RECORD_BYTES {
                return Err(self.failed(format_args!("longer than {MAX_RECORD_BYTES} bytes")));
            }
            for ((cell, values), (column, cells)) in self.record.iter().zip(&mut values).zip(&self.columns) {
                values.push(cell, *cells, column).map_err(|reason| {
                    let line = self.record.position().map_or(0, csv::Position::line);
                    FormatError::line(&self.name, line, reason)
                })?;
            }
            rows += 1;
            bytes += length;
        }
        if rows == 0 && !std::mem::take(&mut self.first) {
            return Ok(None);
        }
        self.first = false;
        let arrays: Vec<ArrayRef> = values.into_iter().map(Values::finish).collect();
        let fields: Vec<Field> = self
            .columns
            .iter()
            .zip(&arrays)
            .map(|((name, _), array)| Field::new(name, array.data_type().clone(), true))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|error| FormatError::input(&self.name, error))?;
        Ok(Some(Frame::from(batch)))
    }

    fn failed(&self, reason: impl std::fmt::Display) -> FormatError {
        FormatError::line(&self.name, self.record.position().map_or(0, csv::Position::line), reason)
    }
}

impl Cells {
    fn values(self) -> Values {
        match self {
            Self::Text | Self::RequiredText => Values::Text(StringBuilder::new()),
            Self::Payload => Values::Payload(Column::Null(0)),
        }
    }
}

impl Values {
    fn push(&mut self, cell: &str, cells: Cells, column: &str) -> Result<(), String> {
        match self {
            Self::Text(values) if cell.is_empty() && matches!(cells, Cells::Text) => values.append_null(),
            Self::Text(values) => values.append_value(cell),
            Self::Payload(values) if cell.is_empty() => values.push_nulls(1),
            Self::Payload(values) => {
                let value: Value = serde_json::from_str(cell).map_err(|_| {
                    format!("`{column}` is not valid JSON, as a payload must be: {}", start(cell))
                })?;
                values.push(&value).map_err(|misfit| misfit.inside(column).to_string())?;
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::Payload(column) => column.finish(),
        }
    }
}

/// The beginning of a cell, for messages.
fn start(cell: &str) -> String {
    match cell.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell.to_owned(),
    }
}

/// Converts the CSV reader's error. Its own text would repeat the line.
pub(super) fn failed(name: &str, error: &csv::Error) -> FormatError {
    let line = error.position().map(csv::Position::line);
    let at = |reason: &dyn std::fmt::Display| match line {
        Some(line) => FormatError::line(name, line, reason),
        None => FormatError::input(name, reason),
    };
    match error.kind() {
        ErrorKind::Io(error) => FormatError::io(name, error),
        ErrorKind::Utf8 { err, .. } => at(&format_args!("cell {} is not valid UTF-8", err.field() + 1)),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            at(&format_args!("{len} cells where the header has {expected_len}"))
        }
        _ => at(error),
    }
}
