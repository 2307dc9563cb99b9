//! What `make test` runs of the harness: enough of everything to catch regressions. `make soak` runs more.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod processes;
mod simulated;
