//! The store from outside: every promise of the crate's pages, on both stores.

mod append;
mod faults;
mod log;
mod manifest;
mod processes;
mod rebuild;
mod scan;
mod store;
mod support;
mod transaction;
