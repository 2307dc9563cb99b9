//! The base of a pruned log: the state of its tables as of the last pruned commit.
//!
//! State = base + the commits after it, as state = checkpoint + the commits after it. The base is durable before
//! the first commit file that it replaces is removed, so it covers every number whose file was removed. A writer
//! whose cached state is old may find such a number free; the base shows that it is taken (invariant 2).

use std::collections::BTreeMap;

use crv_core::tables::TableId;

use super::backoff::{self, TRIES};
use super::base_file::{self, decode};
use super::cache::Cache;
use super::change::Commit;
use super::errors::damaged;
use super::reader::LogReader;
use crate::error::Result;
use crate::manifest::TableState;
use crate::paths::CommitNumber;
use crate::stamp;
use crate::store::{StoreError, Tag};
use crv_schema::schema::SchemaConflict;

/// The state of every table of a run as of a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// The last commit that is included.
    pub through: CommitNumber,
    /// Every table that was written by then.
    pub tables: BTreeMap<TableId, TableState>,
    /// The ids of the last commits that are included, that of `through` last: a writer whose commit was pruned finds
    /// its id here.
    pub ids: Vec<String>,
}

/// How many ids of commits a base keeps.
const IDS: usize = 1_024;

impl Base {
    /// The base before any commit.
    pub fn beginning() -> Self {
        Self { through: CommitNumber::ZERO, tables: BTreeMap::new(), ids: Vec::new() }
    }

    /// Returns the state of `table`; one without rows if nothing was written to it by then.
    pub fn state(&self, table: TableId) -> TableState {
        let state = self.tables.get(&table).cloned();
        state.unwrap_or_else(|| TableState::new(table, None, self.through, stamp::now()))
    }
}

impl Base {
    /// Applies the next commit.
    pub(super) fn apply(&mut self, commit: &Commit) -> Result<(), SchemaConflict> {
        for table in commit.change.tables.keys() {
            if !self.tables.contains_key(table) {
                self.tables.insert(*table, self.state(*table));
            }
        }
        for state in self.tables.values_mut() {
            commit.apply(state)?;
        }
        self.through = commit.number;
        self.ids.push(commit.id.clone());
        let gone = self.ids.len().saturating_sub(IDS);
        self.ids.drain(..gone);
        Ok(())
    }
}

/// A base without the states of its tables: enough for most readers.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct BaseHead {
    /// The last commit that is included.
    pub through: CommitNumber,
    /// As in [`Base`].
    pub(super) ids: Vec<String>,
}

impl BaseHead {
    /// Returns the id of a commit that the base includes; `None` if the base does not keep it.
    pub(super) fn id_of(&self, number: CommitNumber) -> Option<&str> {
        let from_the_end = usize::try_from(self.through.get().checked_sub(number.get())?).ok()?;
        let index = self.ids.len().checked_sub(from_the_end.checked_add(1)?)?;
        self.ids.get(index).map(String::as_str)
    }
}

impl From<Base> for BaseHead {
    fn from(base: Base) -> Self {
        Self { through: base.through, ids: base.ids }
    }
}

/// What the cached state has of the base.
#[derive(Debug, Default)]
pub(super) struct BaseSeen {
    tag: Option<Tag>,
    /// No commit file up to this number counts.
    pub(super) through: CommitNumber,
}

impl LogReader {
    /// Reads the base of the log and its tag; an empty base if nothing was pruned.
    pub fn read_base(&self) -> Result<(Base, Option<Tag>)> {
        let path = self.paths.base();
        let read = self.store.read(&path).map_err(|error| self.read_failed(error))?;
        let Some((bytes, tag)) = read else { return Ok((Base::beginning(), None)) };
        let base = decode(&bytes)
            .map_err(|why| damaged("base", &self.store.locate(&path), &why).with_hint(self.log_hint()))?;
        Ok((base, Some(tag)))
    }

    /// Reads the head of the base alone: the cost of opening a run must not depend on what its tables hold.
    pub fn read_base_head(&self) -> Result<BaseHead> {
        let path = self.paths.base();
        let failed = |error| self.read_failed(StoreError::new("read", self.store.locate(&path), error));
        let opened = self.store.open(&path).map_err(|error| self.read_failed(error))?;
        let Some(blob) = opened else { return Ok(BaseHead::default()) };
        let length = usize::try_from(blob.size()).unwrap_or(usize::MAX).min(base_file::HEAD_BYTES);
        let beginning = blob.read_at(0, length).map_err(failed)?;
        match base_file::decode_head(&beginning) {
            Some(head) => Ok(head),
            // Written by an earlier version, or damaged: decoding the whole document tells.
            None => Ok(self.read_base()?.0.into()),
        }
    }

    /// Refreshes what the cached state has of the base. Costs one `stat` if nothing was pruned since.
    pub(super) fn see_base(&self, cache: &mut Cache) -> Result<()> {
        let tag = self.store.tag(&self.paths.base()).map_err(|error| self.read_failed(error))?;
        if tag != cache.base.tag {
            // Guard: the head is read after the tag, so that the next call notices a base written in between.
            let head = self.read_base_head()?;
            cache.base = BaseSeen { tag, through: head.through };
        }
        Ok(())
    }

    /// Returns the last commit of the log, or that its base includes. Lists the whole directory of the log.
    pub(super) fn last_logged(&self) -> Result<CommitNumber> {
        // Guard: the base is read after the names, so that it covers what is pruned in between.
        let numbers = self.list_commits()?;
        let through = self.read_base_head()?.through;
        Ok(numbers.last().copied().unwrap_or_default().max(through))
    }

    /// Reads the base, and the numbers of the commits after it, sorted. Slow: lists the whole directory of the
    /// log.
    pub fn read_log(&self) -> Result<(Base, Vec<CommitNumber>)> {
        // Guard: names first, as in `last_logged`.
        let mut numbers = self.list_commits()?;
        let (base, _) = self.read_base()?;
        // Files that were not removed yet, or whose removal power loss has undone.
        numbers.retain(|number| *number > base.through);
        Ok((base, numbers))
    }

    /// Returns whether a commit names `table`. Slow, too.
    pub(super) fn is_logged(&self, table: TableId) -> Result<bool> {
        let names = |base: &Base| base.tables.contains_key(&table);
        let (_, is_named) = self.fold_log(names, |is_named, commit| {
            *is_named |= commit.change.tables.contains_key(&table);
        })?;
        Ok(is_named)
    }

    /// Reads the base, and every commit after it, in order and without a gap. Slow, too.
    pub(super) fn read_whole_log(&self) -> Result<(Base, Vec<Commit>)> {
        self.fold_log(|_| Vec::new(), Vec::push)
    }

    /// Reads the base, begins with what `begin` makes of it, and adds every commit after it, in order and without a gap.
    /// Begins again if commits were pruned meanwhile.
    fn fold_log<T>(
        &self,
        begin: impl Fn(&Base) -> T,
        mut add: impl FnMut(&mut T, Commit),
    ) -> Result<(Base, T)> {
        'again: for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            let (base, numbers) = self.read_log()?;
            let mut folded = begin(&base);
            let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
                return Ok((base, folded));
            };
            // Read by number: a listing may miss a commit that is published meanwhile, and have a later one.
            let mut number = *first;
            let mut read = self.commits_from(number, Some(*last));
            while number <= *last {
                match read.next()? {
                    Some(commit) => add(&mut folded, commit),
                    None if self.read_base_head()?.through >= number => continue 'again,
                    None => return Err(self.missing_commit(number)),
                }
                number = number.next();
            }
            // Guard: the base is read after the commits. One of them may be void, under a number that was pruned.
            if self.read_base_head()?.through < *first {
                return Ok((base, folded));
            }
        }
        Err(self.pruned_meanwhile())
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{Change, Operation};
    use super::*;

    fn commit(number: u64) -> Commit {
        Commit {
            number: CommitNumber::new(number),
            id: format!("commit {number}"),
            created_at: stamp::now(),
            change: Change { operation: Operation::Append, tables: BTreeMap::new() },
        }
    }

    /// A writer that was stopped while others made 1,023 commits can still determine the outcome of its own.
    #[test]
    fn the_last_1024_commits_are_known_by_their_ids() {
        let mut base = Base::beginning();
        (1..=2_000).for_each(|number| base.apply(&commit(number)).unwrap());
        let head = BaseHead::from(base);
        let known = [976, 977, 1_999, 2_000, 2_001].map(|number| head.id_of(CommitNumber::new(number)));
        assert_eq!(known, [None, Some("commit 977"), Some("commit 1999"), Some("commit 2000"), None]);
    }
}
