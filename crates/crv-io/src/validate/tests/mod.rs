//! Tests from a frame to prepared rows, Parquet, and back to the table's schema.

mod casts;
mod columns;
mod earlier;
mod generated;
mod kinds;
mod payloads;
mod roundtrip;
mod rows;
mod support;
