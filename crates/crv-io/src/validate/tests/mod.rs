//! Tests of the whole way: frame, prepared rows, Parquet, the table's schema.

mod casts;
mod columns;
mod earlier;
mod generated;
mod kinds;
mod payloads;
mod roundtrip;
mod rows;
mod support;
