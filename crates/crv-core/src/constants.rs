//! Defaults shared by the store and its readers.

/// Ticks per bucket: `bucket = tick / TICK_BUCKET_SIZE`.
pub const TICK_BUCKET_SIZE: u64 = 100;

/// Rows per Parquet row group.
pub const ROW_GROUP_SIZE: usize = 131_072;

/// The Parquet compression codec.
pub const COMPRESSION: &str = "zstd";
