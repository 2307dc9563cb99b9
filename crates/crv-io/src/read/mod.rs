//! Reading: a snapshot, pruned to the parts that are needed, read in parallel, always in the table's schema.
//!
//! A part is verified before its rows are returned ([`verify`]). Small parts are decoded together ([`group`]), the row
//! groups of a large one side by side ([`share`]). A filter leaves out row groups by their [`statistics`]. A part that was
//! vacuumed after the snapshot is a separate error, after which a read of the current state is retried ([`again`]).

mod again;
mod batches;
mod group;
mod mask;
mod part;
mod pinned;
mod scan;
mod share;
mod statistics;
mod target;
mod verify;

pub(crate) use part::PartReader;
pub(crate) use pinned::decode as decode_pinned;
pub(crate) use target::{Bound, OriginColumn, Origins, Target, Texts, bound, check_names};
pub(crate) use verify::Verifier;

pub use again::Rereads;
pub use batches::ScanBatches;
pub use scan::{Scan, ScanPart};
