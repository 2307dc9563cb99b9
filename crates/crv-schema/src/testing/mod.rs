//! Random schemas and small frames, for the tests of several crates.

pub mod frames;
pub mod schemas;
