//! Reading: a snapshot, pruned to the parts that matter, read in parallel, always of the table's schema.

mod batches;
mod part;
mod scan;

pub(crate) use part::PartReader;

pub use batches::ScanBatches;
pub use scan::{Scan, ScanPart};
