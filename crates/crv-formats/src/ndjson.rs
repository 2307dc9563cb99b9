//! NDJSON input: one JSON object on each line. A frame has the fields of its lines.

use std::io::{BufRead, Read as _};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use serde_json::Value;

use super::error::FormatError;
use super::read::{FrameSize, MAX_RECORD_BYTES};
use crv_schema::Frame;
use crv_schema::json_column::{Struct, kind};

/// The lines of an input, and the current position.
pub(super) struct Lines<R> {
    name: String,
    input: R,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(name: String, input: R) -> Self {
        Self { name, input, line: 0, buffer: Vec::new() }
    }

    /// Reads the next frame; `None` at the end.
    pub(super) fn next_frame(&mut self, size: FrameSize) -> Result<Option<Frame>, FormatError> {
        let mut rows = Struct::default();
        let mut bytes = 0;
        while rows.rows() < size.rows && bytes < size.bytes && self.next_line()? {
            bytes += self.buffer.len();
            if self.buffer.is_empty() {
                continue;
            }
            let object = match serde_json::from_slice(&self.buffer) {
                Ok(Value::Object(object)) => object,
                Ok(other) => return Err(self.not_an_object(&other)),
                // The beginning of a JSON list over several lines.
                Err(_) if self.buffer == b"[" => return Err(self.list()),
                Err(error) => return Err(self.failed(format_args!("not valid JSON: {}", reason(&error)))),
            };
            rows.push(&object).map_err(|misfit| self.failed(misfit))?;
        }
        if rows.rows() == 0 {
            return Ok(None);
        }
        let count = rows.rows();
        let (fields, columns) = rows.finish_fields();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|error| FormatError::input(&self.name, error))?;
        Ok(Some(Frame::from(batch)))
    }

    /// Reads the next line into the buffer, without surrounding blanks; `false` at the end.
    fn next_line(&mut self) -> Result<bool, FormatError> {
        self.buffer.clear();
        let limit = MAX_RECORD_BYTES as u64 + 1;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| FormatError::io(&self.name, &error))?;
        self.line += 1;
        if self.buffer.len() > MAX_RECORD_BYTES {
            return Err(self.failed(format_args!("longer than {MAX_RECORD_BYTES} bytes")));
        }
        if self.line == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        let end = self.buffer.trim_ascii_end().len();
        self.buffer.truncate(end);
        Ok(read > 0)
    }

    fn failed(&self, reason: impl std::fmt::Display) -> FormatError {
        FormatError::line(&self.name, self.line, reason)
    }

    fn not_an_object(&self, value: &Value) -> FormatError {
        match value {
            Value::Array(_) => self.list(),
            other => self.failed(format_args!("{} where a JSON object should be", kind(other))),
        }
    }

    fn list(&self) -> FormatError {
        self.failed("a list where a JSON object should be")
            .with_hint("NDJSON has one object on each line, without a list around them")
    }
}

/// The reason without the position, which is relative to the line and always line 1.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(reason) => format!("{reason} at column {}", error.column()),
        None => text,
    }
}
