//! What lies beside the tables of a run: its artifacts, and the bundle that sums it up.

pub mod artifacts;
pub mod bundle;
