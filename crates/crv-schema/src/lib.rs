//! What the tables of a run hold: schemas, values and rows, apart from where they are stored.
//!
//! # A map
//!
//! - [`Frame`]: rows to be appended, as Arrow record batches of one schema.
//! - [`schema`]: a table's schema in logical types, its union with another, its JSON form.
//! - [`validate`]: from any frame to rows that the table can hold, without loss; from any part's rows to the table's
//!   schema.
//! - [`rows`]: rows as `crv_core::schema` types, to frames and back.
//! - [`presets`]: declarations of tables that many simulations need.
//! - [`records`]: rows of any serializable type, to frames.
//! - [`filter`]: conditions on rows, from text.
//! - [`json_column`]: a column built from JSON values, which finds its type on the way.
//!
//! # What holds
//!
//! - A cast never changes a value and never makes a null.
//! - A table's schema only grows: the union of two schemas reads what either wrote.
//! - No input makes this crate panic.
//!
//! # What this crate does not do
//!
//! It reads and writes no files, knows no storage, no Parquet and no commits, and starts no threads.

pub mod filter;
mod frame;
pub mod json_column;
pub mod presets;
pub mod records;
pub mod rows;
pub mod schema;
#[cfg(any(test, feature = "testing"))]
#[expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is the report"
)]
pub mod testing;
pub mod validate;

pub use frame::{Frame, MixedBatches};
