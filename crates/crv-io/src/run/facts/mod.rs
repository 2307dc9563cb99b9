//! What a run is (`run.json`) and how it is doing (`status.json`): the two documents, and how they are read.
//!
//! [`RunFacts`] are written once, durably, before the first commit, and never changed. [`RunStatus`] is a report that is
//! replaced as a whole: losing it loses no row. Both are sealed as commit files are.

mod document;
mod read;
mod seed;
mod status;

pub use document::{ModelFacts, RunFacts};
pub use seed::Seed;
pub use status::{MAX_STATUS_BYTES, RunError, RunState, RunStatus, SILENCE};

#[cfg(feature = "fuzzing")]
pub(crate) use document::decode as decode_facts;
pub(crate) use document::encode as encode_facts;
pub(crate) use status::{decode as decode_status, encode as encode_status};

pub(crate) use read::{Unread, Unreadable};
pub(super) use status::{clip, is_gone};
