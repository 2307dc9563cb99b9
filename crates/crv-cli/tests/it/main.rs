//! The `crv` command from outside: what it prints, where, and with which exit code.
//!
//! Expected texts are snapshots beside this file; sizes, times and random names are masked.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is its report")]

mod append;
mod bundle;
mod declare;
mod demo;
mod errors;
mod help;
mod maintenance;
mod output;
mod runs;
mod sandbox;
mod scan;
mod settings;
