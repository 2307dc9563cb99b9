//! Import and export of files outside the store: Parquet, CSV, NDJSON and Arrow IPC.
//!
//! [`read_file`] and [`read_stream`] return [`Frames`]: a lazy iterator of [`Frame`](crv_schema::Frame)s of bounded size.
//! [`BatchWriter`] writes record batches in any [`Format`] to any writer.
//!
//! | format | types | payloads |
//! |---|---|---|
//! | Parquet, Arrow IPC | the file's own | the file's own |
//! | NDJSON | inferred per frame: an integer stays an integer, and becomes a float only if its field also has floats | objects and lists |
//! | CSV | text, which validation casts to the column's type | JSON text in a cell |
//!
//! No value is changed by inferring a type from the first rows: a value that cannot be represented exactly is an error
//! that names the file, the line and the column. An empty CSV cell is a null, except in a required text column, where
//! it is the empty text. JSON has no `NaN` and no infinity: NDJSON output writes them as null.
//!
//! What this module does not do: it does not check frames against a table (an append does), and it never writes to a
//! store.

mod binary;
mod cells;
mod csv_read;
mod csv_typed;
mod csv_write;
mod error;
mod format;
mod layout;
mod ndjson;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use cells::text_rows;
pub use csv_typed::read_typed_csv;
pub use error::FormatError;
pub use format::Format;
pub use read::{Frames, read_file, read_stream};
pub use write::BatchWriter;
