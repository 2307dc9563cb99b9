//! What `make test` tries of the harness: enough of everything to notice what breaks. `make soak` tries more.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod processes;
mod simulated;
