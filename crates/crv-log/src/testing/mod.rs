//! Random states of tables, for the tests of several crates.

pub mod states;
