//! The life of a run: [`start_run`] begins it, commits are its heartbeat, [`Run::finish`] ends it.

mod handle;
mod options;
mod reporter;
mod start;

pub use handle::{Outcome, Run};
pub use options::{IfExists, KEEP_MERGED, ModelOptions, RunOptions};
pub use reporter::HEARTBEAT;
pub use start::{start_run, start_run_in};
