//! Tests of the public API: every promise of the crate's docs, on both stores.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is its report")]

mod after;
mod append;
mod artifacts;
mod bundle;
mod calls;
mod catalog;
mod check;
mod compact;
mod damage;
mod declared;
mod decoded;
mod durable;
mod facts;
mod faults;
mod foreign;
mod growth;
mod handles;
mod hooked;
mod hostile;
mod interrupted;
mod life;
mod log;
mod manifest;
mod meanwhile;
mod narrowed;
mod processes;
mod prune;
mod rebuild;
mod records;
mod remove;
mod repair;
mod replies;
mod rows;
mod scan;
mod set_aside;
mod slips;
mod store;
mod support;
mod together;
mod transaction;
mod truncate;
mod vacuum;
mod wide;
mod writer;
