//! [`Dataset::check`]: the check of the tables, and of the facts and the status of the run.

use crate::dataset::Dataset;
use crate::error::Result;
use crate::maintenance::{CheckOptions, CheckProgress, CheckReport, Problem, ProblemKind};
use crate::paths::StorePath;
use crate::run::facts::{Unread, Unreadable};

impl Dataset {
    /// Checks the log, the manifests, the parts, the facts, the status and every name in the run's directory for damage.
    /// Writes nothing. Other writers may go on meanwhile: files that they need only for a moment are reported as harmless.
    ///
    /// Damage is not an error: the report lists each problem and what to do about it.
    pub fn check(&self, options: CheckOptions) -> Result<CheckReport> {
        self.check_watched(options, |_| {})
    }

    /// [`check`](Self::check) with a progress callback, called for every part that was checked, from several threads.
    pub fn check_watched(
        &self,
        options: CheckOptions,
        progress: impl Fn(CheckProgress) + Sync,
    ) -> Result<CheckReport> {
        let mut report = self.check_tables(options, &progress)?;
        let (_, run) = self.storage();
        if let Err(unread) = self.read_facts() {
            report.problems.push(self.problem(&unread, ProblemKind::DamagedFacts, &run.facts()));
        }
        if let Err(unread) = self.read_status() {
            report.problems.push(self.problem(&unread, ProblemKind::DamagedStatus, &run.status()));
        }
        report.problems.sort_by_key(|problem| problem.harmless);
        report.ok = report.problems.iter().all(|problem| problem.harmless);
        Ok(report)
    }

    fn problem(&self, unread: &Unread, damaged: ProblemKind, path: &StorePath) -> Problem {
        let kind = match unread.why {
            Unreadable::Refused => ProblemKind::Unreadable,
            Unreadable::Later => ProblemKind::LaterVersion,
            Unreadable::Damaged => damaged,
            Unreadable::OfAnotherRun => ProblemKind::ForeignFacts,
        };
        let action = unread.error.hint().unwrap_or("make it readable, then check again");
        Problem::new(kind, self.storage().0.locate(path), unread.detail.as_str(), action)
    }
}
