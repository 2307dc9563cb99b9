//! Pruning the log: the oldest commit files are removed, and a base says what they did.

use std::time::Duration;

use crv_core::grammar::TableName;
use jiff::Timestamp;
use serde::Serialize;

use super::backoff;
use super::base::Base;
use super::publish::RunLog;
use super::view::RunView;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::CommitNumber;
use crate::stamp;

/// How often pruning begins again because others prune or checkpoint meanwhile.
const TRIES: u32 = 16;

/// What came of pruning a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// The base stands for every commit up to this one; 0 when nothing was ever pruned.
    pub through: u64,
    /// How many commit files were removed, among them such that an earlier call had not come to.
    pub removed: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many commit files are left.
    pub left: u64,
}

impl RunLog {
    /// Removes the commit files that are older than `retention`, when a base and every table's checkpoint
    /// include them. Readers and writers of the run may go on meanwhile.
    pub(crate) fn prune(&self, retention: Duration) -> Result<PruneReport> {
        let mut view = self.view();
        let cutoff = stamp::now().saturating_sub(retention).unwrap_or(Timestamp::MIN);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            if let Some(through) = self.move_base(&mut view, cutoff)? {
                return self.remove_commits(&mut view, through);
            }
        }
        Err(Error::new(ErrorKind::Write, format!("run `{}`: others keep changing it", self.paths.run()))
            .with_hint("try again when the run is quieter"))
    }

    /// Moves the base on to the last commit before `cutoff`, and says which. `None` when somebody else moved it,
    /// or kept a manifest from moving on.
    fn move_base(&self, view: &mut RunView, cutoff: Timestamp) -> Result<Option<CommitNumber>> {
        let tables = self.table_dirs()?;
        for table in &tables {
            // Looked for again: its first append may be under way, which makes the manifest before any bucket.
            if !self.load(view, *table)? && self.has_buckets(*table)? && !self.load(view, *table)? {
                return Err(self.no_manifest(*table, &self.paths.manifest(*table)));
            }
        }
        self.adopt_unlogged(view, &tables)?;
        let (old, tag) = self.read_base()?;
        let base = match self.replay_before(&old, cutoff) {
            Ok(base) => base,
            // What is missing may have been pruned just now.
            Err(_) if self.read_base()?.1 != tag => return Ok(None),
            Err(error) => return Err(error),
        };
        if base.through == old.through {
            return Ok(Some(old.through));
        }
        // Every manifest first: a reader whose manifest is older than the log would have to be sent to the base.
        self.settle_log(view)?;
        let behind = |view: &RunView, table: &TableName| {
            view.tables.get(table).is_none_or(|loaded| loaded.checkpoint < base.through)
        };
        let mut late = Vec::new();
        for table in self.table_dirs()? {
            if view.state(table).is_some() || self.load(view, table)? {
                late.push(table);
            }
        }
        late.retain(|table| behind(view, table));
        self.checkpoint(view, &late)?;
        if late.iter().any(|table| behind(view, table)) {
            return Ok(None);
        }
        Ok(self.write_base(&base, tag.as_ref())?.then_some(base.through))
    }

    /// The base moved on by the commits that were made before `cutoff`.
    fn replay_before(&self, base: &Base, cutoff: Timestamp) -> Result<Base> {
        let mut moved = base.clone();
        // Up to the newest that is listed; what lies between need not be listed, if it was made meanwhile.
        let last = self.list_commits()?.last().copied().unwrap_or_default();
        let mut commits = self.commits_from(moved.through.next(), Some(last));
        while moved.through < last {
            let number = moved.through.next();
            let commit = commits.next()?.ok_or_else(|| self.missing_commit(number))?;
            if commit.created_at > cutoff {
                break;
            }
            moved.apply(&commit).map_err(|conflict| self.conflicting(&commit, &conflict))?;
        }
        Ok(moved)
    }

    /// Removes the commit files that the base stands for.
    fn remove_commits(&self, view: &mut RunView, through: CommitNumber) -> Result<PruneReport> {
        self.see_base(view)?;
        let entries =
            self.store.list(&self.paths.commits(), None).map_err(|error| self.read_failed(error))?;
        if through > CommitNumber::ZERO {
            // Somebody else may have put the base there a moment ago, and not have synced its name.
            self.store.settle(&[self.paths.base()]).map_err(|error| self.write_failed(error))?;
        }
        let mut report = PruneReport { through: through.get(), removed: 0, bytes: 0, left: 0 };
        for entry in entries {
            let Some(number) = CommitNumber::parse_file_name(&entry.name) else { continue };
            if number > through {
                report.left += 1;
                continue;
            }
            self.store.remove(&self.paths.commit(number)).map_err(|error| self.write_failed(error))?;
            report.removed += 1;
            report.bytes += entry.kind.size();
        }
        Ok(report)
    }
}
