//! Pruning the log: the oldest commit files are removed, and a base replaces them.

use std::time::Duration;

use crv_core::tables::TableId;
use jiff::Timestamp;
use serde::Serialize;

use super::backoff;
use super::base::Base;
use super::errors::gave_up;
use super::publish::Publisher;
use super::queue::Turn;
use crate::error::Result;
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

impl Publisher {
    /// Removes the commit files that are older than `retention`, once a base and every table's checkpoint
    /// include them. Other readers and writers of the run may go on meanwhile.
    pub fn prune(&self, retention: Duration) -> Result<PruneReport> {
        let turn = self.turn();
        let cutoff = stamp::now().saturating_sub(retention).unwrap_or(Timestamp::MIN);
        for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            if let Some(through) = self.move_base(&turn, cutoff)? {
                return self.remove_commits(through);
            }
        }
        Err(gave_up(&format!("run `{}`", self.log.paths.run()), TRIES))
    }

    /// Moves the base to the last commit before `cutoff`, and returns its number. `None` if another writer moved the
    /// base, or kept a manifest from being rewritten.
    fn move_base(&self, turn: &Turn<'_>, cutoff: Timestamp) -> Result<Option<CommitNumber>> {
        let log = &*self.log;
        let tables = log.table_dirs()?;
        for table in &tables {
            let cache = &mut log.cache();
            // Loaded again: a first append may have created the manifest meanwhile, before any part has its name.
            if !log.load(cache, *table)? && log.has_parts(*table)? && !log.load(cache, *table)? {
                return Err(log.no_manifest(*table));
            }
        }
        self.adopt_unlogged(turn, &tables)?;
        let (old, tag) = log.read_base()?;
        let base = match self.replay_before(&old, cutoff) {
            Ok(base) => base,
            // A missing commit may have been pruned just now.
            Err(_) if log.read_base()?.1 != tag => return Ok(None),
            Err(error) => return Err(error),
        };
        if base.through == old.through {
            return Ok(Some(old.through));
        }
        // Guard: the commits are durable before the manifests and the base that include them.
        let head = log.cache().head();
        self.checkpointer.sync_log(head.max(base.through))?;
        // Guard: every manifest includes the commits before the base replaces them. A reader that begins with an older
        // manifest would not find the commits after it.
        let behind = |table: &TableId| {
            log.cache().tables.get(table).is_none_or(|loaded| loaded.checkpoint < base.through)
        };
        let mut late = Vec::new();
        for table in log.table_dirs()? {
            let cache = &mut log.cache();
            if cache.state(table).is_some() || log.load(cache, table)? {
                late.push(table);
            }
        }
        late.retain(behind);
        self.checkpoint(turn, &late)?;
        if late.iter().any(behind) {
            return Ok(None);
        }
        Ok(self.checkpointer.put_base(&base, tag.as_ref())?.then_some(base.through))
    }

    /// Returns the base with the commits before `cutoff` applied.
    fn replay_before(&self, base: &Base, cutoff: Timestamp) -> Result<Base> {
        let mut moved = base.clone();
        // Up to the newest that is listed. One before it may not be listed if it was published meanwhile.
        let last = self.log.list_commits()?.last().copied().unwrap_or_default();
        let mut commits = self.log.commits_from(moved.through.next(), Some(last));
        while moved.through < last {
            let number = moved.through.next();
            let commit = commits.next()?.ok_or_else(|| self.log.missing_commit(number))?;
            if commit.created_at > cutoff {
                break;
            }
            moved.apply(&commit).map_err(|conflict| self.log.conflicting(&commit, &conflict))?;
        }
        Ok(moved)
    }

    /// Removes the commit files that the base replaces.
    fn remove_commits(&self, through: CommitNumber) -> Result<PruneReport> {
        let log = &*self.log;
        log.see_base(&mut log.cache())?;
        let entries = log.store.list(&log.paths.commits(), None).map_err(|error| log.read_failed(error))?;
        if through > CommitNumber::ZERO {
            // Guard: the base is durable before a commit file is removed. Another process may have written it without
            // syncing its name yet.
            log.store.sync(&[log.paths.base()]).map_err(|error| log.write_failed(error))?;
        }
        let mut report = PruneReport { through: through.get(), removed: 0, bytes: 0, left: 0 };
        for entry in entries {
            let Some(number) = CommitNumber::parse_file_name(&entry.name) else { continue };
            if number > through {
                report.left += 1;
                continue;
            }
            log.store.remove(&log.paths.commit(number)).map_err(|error| log.write_failed(error))?;
            report.removed += 1;
            report.bytes += entry.kind.size();
        }
        Ok(report)
    }
}
