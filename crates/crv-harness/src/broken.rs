//! A broken promise, and how to reproduce it.

use std::fmt;

/// What broke, the part that found it, and the seed that reproduces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which part of the harness found it.
    pub found_by: &'static str,
    /// The seed of the workload.
    pub seed: u64,
    /// What was found.
    pub what: String,
}

impl Broken {
    /// Creates a finding.
    pub fn new(found_by: &'static str, seed: u64, what: impl Into<String>) -> Self {
        Self { found_by, seed, what: what.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with seed {}: {}", self.found_by, self.seed, self.what)
    }
}

impl std::error::Error for Broken {}
