//! Maintenance of a run: one operation per module.

pub(crate) mod check;
pub(crate) mod compact;
pub(crate) mod rebuild;
pub(crate) mod repair;
pub(crate) mod replace;
pub(crate) mod truncate;
pub(crate) mod vacuum;

pub use check::{CheckOptions, CheckProgress, CheckReport, Problem, ProblemKind};
pub use compact::{CompactOptions, CompactProgress, CompactReport};
pub use rebuild::RebuildReport;
pub use repair::{RepairAction, RepairKind, RepairReport};
pub use truncate::TruncateReport;
pub use vacuum::{Garbage, GarbageKind, VacuumOptions, VacuumReport};
