//! Pruning the log: the oldest commit files are removed, and a base replaces them.

use std::time::Duration;

use crv_core::grammar::TableName;
use jiff::Timestamp;
use serde::Serialize;

use super::backoff;
use super::base::Base;
use super::cache::RunView;
use super::publish::RunLog;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::CommitNumber;
use crate::stamp;

/// How often a prune is attempted while other writers prune or checkpoint.
const TRIES: u32 = 16;

/// The result of a prune.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// The base replaces every commit up to this one; 0 if nothing was ever pruned.
    pub through: u64,
    /// How many commit files were removed, leftovers of an interrupted prune included.
    pub removed: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many commit files are left.
    pub left: u64,
}

impl RunLog {
    /// Removes the commit files that are older than `retention`, once a base and every table's checkpoint
    /// include them. Other readers and writers of the run may go on meanwhile.
    pub fn prune(&self, retention: Duration) -> Result<PruneReport> {
        let mut view = self.view();
        let cutoff = stamp::now().saturating_sub(retention).unwrap_or(Timestamp::MIN);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            if let Some(through) = self.move_base(&mut view, cutoff)? {
                return self.remove_commits(&mut view, through);
            }
        }
        Err(Error::new(
            ErrorKind::Write,
            format!(
                "run `{}`: other writers keep changing it; gave up after {TRIES} conflicts",
                self.paths.run()
            ),
        )
        .with_hint("try again when the run is quieter"))
    }

    /// Moves the base to the last commit before `cutoff`, and returns its number. `None` if another writer moved the
    /// base, or kept a manifest from being rewritten.
    fn move_base(&self, view: &mut RunView, cutoff: Timestamp) -> Result<Option<CommitNumber>> {
        let tables = self.table_dirs()?;
        for table in &tables {
            // Loaded again: a first append may have created the manifest meanwhile, before any bucket.
            if !self.load(view, *table)? && self.has_buckets(*table)? && !self.load(view, *table)? {
                return Err(self.no_manifest(*table, &self.paths.manifest(*table)));
            }
        }
        self.adopt_unlogged(view, &tables)?;
        let (old, tag) = self.read_base()?;
        let base = match self.replay_before(&old, cutoff) {
            Ok(base) => base,
            // A missing commit may have been pruned just now.
            Err(_) if self.read_base()?.1 != tag => return Ok(None),
            Err(error) => return Err(error),
        };
        if base.through == old.through {
            return Ok(Some(old.through));
        }
        // Guard: the commits are durable before the manifests and the base that include them.
        self.settle_log(view)?;
        // Guard: every manifest includes the commits before the base replaces them. A reader that begins with an older
        // manifest would not find the commits after it.
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

    /// Returns the base with the commits before `cutoff` applied.
    fn replay_before(&self, base: &Base, cutoff: Timestamp) -> Result<Base> {
        let mut moved = base.clone();
        // Up to the newest that is listed. One before it may not be listed if it was published meanwhile.
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

    /// Removes the commit files that the base replaces.
    fn remove_commits(&self, view: &mut RunView, through: CommitNumber) -> Result<PruneReport> {
        self.see_base(view)?;
        let entries =
            self.store.list(&self.paths.commits(), None).map_err(|error| self.read_failed(error))?;
        if through > CommitNumber::ZERO {
            // Guard: the base is durable before a commit file is removed. Another process may have written it without
            // syncing its name yet.
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
