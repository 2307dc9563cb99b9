//! What lies beside the tables of a run: its facts and its status, its artifacts, and the bundle that sums it up; and the
//! run's life cycle, from its start to its removal.
//!
//! - [`start_run`] begins a [`Run`] and [`Run::finish`] ends it. [`remove_run`] removes one.
//! - [`Dataset::facts`](crate::Dataset::facts), [`Dataset::status`](crate::Dataset::status) and
//!   [`Dataset::info`](crate::Dataset::info) say what a run is and how it is doing.

pub mod artifacts;
mod bounds;
pub mod bundle;
mod check;
mod checkpoint;
mod facts;
pub(crate) mod info;
mod life;
mod origin;
mod process;
mod remove;

pub use facts::{MAX_STATUS_BYTES, ModelFacts, RunError, RunFacts, RunState, RunStatus, SILENCE, Seed};
pub use info::{RunInfo, TableInfo};
pub use life::{
    HEARTBEAT, IfExists, KEEP_MERGED, ModelOptions, Outcome, Run, RunOptions, start_run, start_run_in,
};
pub use remove::{RemoveOptions, RemoveReport, remove_run, remove_run_in};

#[cfg(feature = "fuzzing")]
pub(crate) use facts::{decode_facts, decode_status, encode_facts, encode_status};
