//! Files that rows come from and go to, beside the store's own: Parquet, CSV, NDJSON and Arrow IPC.
//!
//! [`read_file`] and [`read_stream`] give [`Frames`]: an iterator of [`Frame`](crate::Frame)s of bounded size,
//! read as they are asked for. [`BatchWriter`] takes record batches and writes any [`Format`] to any writer.
//!
//! | format | types | payloads |
//! |---|---|---|
//! | Parquet, Arrow IPC | the file's own | the file's own |
//! | NDJSON | found per frame: an integer stays an integer, and becomes a float only where floats stand beside it | objects and lists |
//! | CSV | text, which validation reads as the table's column needs it | JSON text in a cell |
//!
//! No value is changed by guessing a type from the first rows: what cannot be carried over exactly is an error that
//! names the file, the line and the column. An empty CSV cell is a null, except in a required text column, where it
//! is the empty text. JSON has no `NaN` and no infinity: NDJSON output writes them as null.
//!
//! What this module does not do: it does not check frames against a table (appending does), and it never writes
//! into a store.

mod binary;
mod cells;
mod csv_read;
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
pub use error::FormatError;
pub use format::Format;
pub use read::{Frames, read_file, read_stream};
pub use write::BatchWriter;
