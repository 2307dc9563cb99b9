//! Looking after a run: one operation per file.

pub(crate) mod check;
pub(crate) mod rebuild;
pub(crate) mod repair;
pub(crate) mod replace;

pub use check::{CheckOptions, CheckProgress, CheckReport, Problem, ProblemKind};
pub use rebuild::RebuildReport;
pub use repair::{RepairAction, RepairKind, RepairReport};
