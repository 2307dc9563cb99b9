//! The store from outside: every promise of the crate's pages, on both stores.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is its report")]

mod append;
mod artifacts;
mod bundle;
mod calls;
mod check;
mod compact;
mod damage;
mod faults;
mod handles;
mod hostile;
mod interrupted;
mod log;
mod manifest;
mod meanwhile;
mod processes;
mod prune;
mod rebuild;
mod repair;
mod replies;
mod rows;
mod scan;
mod store;
mod support;
mod transaction;
mod vacuum;
mod writer;
