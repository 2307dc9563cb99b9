//! Tests of preparing frames: columns, casts, rules on rows.

mod casts;
mod columns;
mod rows;
