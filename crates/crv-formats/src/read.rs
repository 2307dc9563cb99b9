//! Reads a file or a stream as frames of bounded size.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::binary;
use super::csv_read::Rows;
use super::error::FormatError;
use super::format::Format;
use super::ndjson::Lines;
use crv_schema::Frame;
use crv_schema::schema::Descriptor;

/// The longest line, or CSV row, that is read, in bytes. With [`FrameSize::DEFAULT`] it keeps the text of a frame
/// within the 32-bit offsets of an Arrow column.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 30;

/// When a frame is full.
#[derive(Clone, Copy)]
pub(super) struct FrameSize {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl FrameSize {
    const DEFAULT: Self = Self { rows: 1 << 20, bytes: 1 << 29 };
}

/// A lazy iterator over the frames of an input. It ends after the first error.
///
/// An input without rows whose columns are known has one empty frame, so that its columns are checked.
pub struct Frames {
    name: String,
    source: Source,
    pub(super) size: FrameSize,
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, FormatError>> + Send>;

enum Source {
    Ndjson(Lines<Box<dyn BufRead + Send>>),
    Csv(Box<Rows<Box<dyn BufRead + Send>>>),
    Binary { schema: SchemaRef, batches: Batches, first: bool },
    Done,
}

/// Reads the frames of a file; `table` determines which CSV columns hold payloads.
pub fn read_file(path: &Path, format: Format, table: &Descriptor) -> Result<Frames, FormatError> {
    let name = path.display().to_string();
    let file = fs_err::File::open(path).map_err(|error| FormatError::io(&name, &error))?;
    match format {
        Format::Parquet => {
            let (schema, batches) = binary::parquet(&name, file.into_parts().0)?;
            Ok(Frames::new(name, Source::Binary { schema, batches, first: true }))
        }
        Format::Arrow | Format::Csv | Format::Ndjson => read_stream(&name, file, format, table),
    }
}

/// Reads the frames of a stream, called `name` in messages. Parquet and Arrow IPC files are read into memory first:
/// they cannot be read sequentially.
pub fn read_stream(
    name: &str,
    input: impl Read + Send + 'static,
    format: Format,
    table: &Descriptor,
) -> Result<Frames, FormatError> {
    let mut input: Box<dyn BufRead + Send> = Box::new(BufReader::with_capacity(1 << 16, input));
    let source = match format {
        Format::Ndjson => Source::Ndjson(Lines::new(name.to_owned(), input)),
        Format::Csv => Source::Csv(Box::new(Rows::new(name.to_owned(), input, table)?)),
        Format::Arrow => {
            let (schema, batches) = binary::arrow(name, input)?;
            Source::Binary { schema, batches, first: true }
        }
        Format::Parquet => {
            let mut bytes = Vec::new();
            input.read_to_end(&mut bytes).map_err(|error| FormatError::io(name, &error))?;
            let (schema, batches) = binary::parquet(name, bytes::Bytes::from(bytes))?;
            Source::Binary { schema, batches, first: true }
        }
    };
    Ok(Frames::new(name.to_owned(), source))
}

impl Frames {
    fn new(name: String, source: Source) -> Self {
        Self { name, source, size: FrameSize::DEFAULT }
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, FormatError> {
        match &mut self.source {
            Source::Ndjson(lines) => lines.next_frame(self.size),
            Source::Csv(rows) => rows.next_frame(self.size),
            Source::Binary { schema, batches, first } => {
                gather(&self.name, schema, batches, self.size, std::mem::take(first))
            }
            Source::Done => Ok(None),
        }
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.next_frame();
        if !matches!(frame, Ok(Some(_))) {
            self.source = Source::Done;
        }
        frame.transpose()
    }
}

fn gather(
    name: &str,
    schema: &SchemaRef,
    batches: &mut Batches,
    size: FrameSize,
    first: bool,
) -> Result<Option<Frame>, FormatError> {
    let mut gathered = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    while rows < size.rows && bytes < size.bytes {
        let Some(batch) = batches.next().transpose()? else { break };
        rows += batch.num_rows();
        bytes += batch.get_array_memory_size();
        gathered.push(batch);
    }
    if gathered.is_empty() && !first {
        return Ok(None);
    }
    Frame::new(schema.clone(), gathered).map(Some).map_err(|error| FormatError::input(name, error))
}
