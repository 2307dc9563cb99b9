//! A table's state: the parts it is made of, bucket by bucket, and its schema.
//!
//! [`TableState`] is the state as of a commit. `manifest.json` is its checkpoint ([`encode`], [`decode`]); the
//! commit log holds what came after. [`TableManifest`] is the state as users and Python see it.

mod invariants;
mod lines;
mod peek;
mod plain;
mod seal;
mod state;
mod view;
mod wire;

pub use state::{Part, Partition, TableState};
pub use view::{PartMeta, PartitionMeta, TableManifest};

pub use invariants::check_part;
pub use peek::says_written;
pub use seal::{is_later, is_sealed, open_document, seal};
pub use wire::{
    Decoded, StateDocument, decode, encode, excerpt, parse_declaration, parse_part_name, parse_sum,
    parse_time,
};
