//! Looking after a run: one operation per file.

pub(crate) mod rebuild;
pub(crate) mod replace;

pub use rebuild::RebuildReport;
