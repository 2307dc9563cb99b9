//! Reading: a snapshot, pruned to the parts that are needed, read in parallel, always in the table's schema.
//!
//! A part is verified before its rows are returned ([`verify`]). Small parts are decoded together ([`group`]). A part that was vacuumed after the snapshot is a
//! separate error, after which a read of the current state is retried ([`again`]).

mod again;
mod batches;
mod group;
mod part;
mod pinned;
mod scan;
mod target;
mod verify;

pub(crate) use part::PartReader;
pub(crate) use pinned::decode as decode_pinned;
pub(crate) use target::Target;
pub(crate) use verify::Verifier;

pub use again::Rereads;
pub use batches::ScanBatches;
pub use scan::{Scan, ScanPart};
