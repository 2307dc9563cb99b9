//! Reading: a snapshot, pruned to the parts that matter, read in parallel, always of the table's schema.
//!
//! A part is compared with its entry before its rows are handed out ([`verify`]). A part that is missing because it was
//! vacuumed after the snapshot is an error of its own, after which a read as of now begins again ([`again`]).

mod again;
mod batches;
mod part;
mod pinned;
mod scan;
mod verify;

pub(crate) use part::PartReader;
pub(crate) use pinned::decode as decode_pinned;
pub(crate) use verify::Verifier;

pub use again::Rereads;
pub use batches::ScanBatches;
pub use scan::{Scan, ScanPart};
