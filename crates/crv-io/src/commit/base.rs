//! The base of a log whose beginning was pruned: what its tables were as of the last commit that is gone.
//!
//! State = base + the commits after it, as it is checkpoint + the commits after it. The base is durable before
//! the first commit file it stands for is removed, so a number whose file is gone is a number that the base
//! covers: whoever finds such a number free, because its view of the run is old, finds that out from the base
//! (invariant 2).

use std::collections::BTreeMap;

use crv_core::grammar::TableName;

use super::backoff::{self, TRIES};
use super::base_file::{self, decode, encode};
use super::change::Commit;
use super::load::damaged;
use super::publish::{RunLog, encoding_failed};
use super::view::RunView;
use crate::error::Result;
use crate::manifest::TableState;
use crate::paths::CommitNumber;
use crate::schema::SchemaConflict;
use crate::stamp;
use crate::store::{PutMode, PutOutcome, StoreError, Tag};

/// What the tables of a run were as of a commit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Base {
    /// The last commit that is included.
    pub(crate) through: CommitNumber,
    /// Every table that was written until then.
    pub(crate) tables: BTreeMap<TableName, TableState>,
    /// The ids of the last commits it stands for, `through` the last of them: whoever published one of them can tell
    /// that it was theirs.
    pub(crate) ids: Vec<String>,
}

/// So many ids of commits a base keeps.
const IDS: usize = 1_024;

impl Base {
    /// Before any commit.
    pub(crate) fn beginning() -> Self {
        Self { through: CommitNumber::ZERO, tables: BTreeMap::new(), ids: Vec::new() }
    }

    /// The state of `table`; one without rows if nothing was written to it until then.
    pub(crate) fn state(&self, table: TableName) -> TableState {
        let state = self.tables.get(&table).cloned();
        state.unwrap_or_else(|| TableState::new(table, None, self.through, stamp::now()))
    }
}

impl Base {
    /// Moves it on by one commit.
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

/// A base without the states of its tables, which is all that most readers of it need.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct BaseHead {
    /// The last commit that is included.
    pub(crate) through: CommitNumber,
    /// As in [`Base`].
    pub(super) ids: Vec<String>,
}

impl BaseHead {
    /// The id of a commit that the base stands for; `None` where that is not known any more.
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

/// What a view knows of the base.
#[derive(Debug, Default)]
pub(super) struct BaseSeen {
    tag: Option<Tag>,
    /// No commit file up to this number counts.
    pub(super) through: CommitNumber,
}

impl RunLog {
    /// The base of the log and the version it is; that of the beginning where nothing was pruned.
    pub(crate) fn read_base(&self) -> Result<(Base, Option<Tag>)> {
        let path = self.paths.base();
        let read = self.store.read(&path).map_err(|error| self.read_failed(error))?;
        let Some((bytes, tag)) = read else { return Ok((Base::beginning(), None)) };
        let base = decode(&bytes)
            .map_err(|why| damaged("base", &self.store.locate(&path), &why).with_hint(self.log_hint()))?;
        Ok((base, Some(tag)))
    }

    /// The head of the base, and nothing of its tables: opening a run must not cost what its tables hold.
    pub(crate) fn read_base_head(&self) -> Result<BaseHead> {
        let path = self.paths.base();
        let failed = |error| self.read_failed(StoreError::new("read", self.store.locate(&path), error));
        let opened = self.store.open(&path).map_err(|error| self.read_failed(error))?;
        let Some(blob) = opened else { return Ok(BaseHead::default()) };
        let length = usize::try_from(blob.size()).unwrap_or(usize::MAX).min(base_file::HEAD_BYTES);
        let beginning = blob.read_at(0, length).map_err(failed)?;
        match base_file::decode_head(&beginning) {
            Some(head) => Ok(head),
            // Written by an earlier version, or damaged: the whole document says which.
            None => Ok(self.read_base()?.0.into()),
        }
    }

    /// Replaces the version `expected` of the base; `false` when somebody else did.
    pub(super) fn write_base(&self, base: &Base, expected: Option<&Tag>) -> Result<bool> {
        let bytes = encode(base).map_err(|error| encoding_failed(&error))?;
        let mode = expected.map_or(PutMode::IfAbsent, PutMode::IfMatches);
        let put = self.store.put(&self.paths.base(), &bytes, mode);
        Ok(put.map_err(|error| self.write_failed(error))? != PutOutcome::Refused)
    }

    /// Brings what the view knows of the base up to date. One look at its tag where nothing was pruned since.
    pub(super) fn see_base(&self, view: &mut RunView) -> Result<()> {
        let tag = self.store.tag(&self.paths.base()).map_err(|error| self.read_failed(error))?;
        if tag != view.base.tag {
            // Read after its tag: what replaces it meanwhile is noticed by the next look.
            let head = self.read_base_head()?;
            view.base = BaseSeen { tag, through: head.through };
        }
        Ok(())
    }

    /// The last commit that counts in the log, or that its base stands for. Lists every name there is.
    pub(super) fn last_logged(&self) -> Result<CommitNumber> {
        // Listed first: what is pruned in between is then covered by the base.
        let numbers = self.list_commits()?;
        let through = self.read_base_head()?.through;
        Ok(numbers.last().copied().unwrap_or_default().max(through))
    }

    /// The base, and the numbers of the commits after it, sorted. Only for the rare cases: it looks at every
    /// name there is.
    pub(crate) fn read_log(&self) -> Result<(Base, Vec<CommitNumber>)> {
        // Listed first, as in `last_logged`.
        let mut numbers = self.list_commits()?;
        let (base, _) = self.read_base()?;
        // Files that were not removed yet, or came back.
        numbers.retain(|number| *number > base.through);
        Ok((base, numbers))
    }

    /// The base, and every commit after it, in order and without a gap. For the rare cases, too.
    pub(super) fn read_whole_log(&self) -> Result<(Base, Vec<Commit>)> {
        'again: for attempt in 0..TRIES {
            backoff::pause_before(attempt);
            let (base, numbers) = self.read_log()?;
            let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
                return Ok((base, Vec::new()));
            };
            let mut commits = Vec::with_capacity(numbers.len());
            // Not those that were listed: a listing may miss a name that is made meanwhile, and have a later one.
            let mut number = *first;
            let mut read = self.commits_from(number, Some(*last));
            while number <= *last {
                match read.next()? {
                    Some(commit) => commits.push(commit),
                    None if self.read_base_head()?.through >= number => continue 'again,
                    None => return Err(self.missing_commit(number)),
                }
                number = number.next();
            }
            // What was read may be a number that was pruned and taken again.
            if self.read_base_head()?.through < *first {
                return Ok((base, commits));
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

    /// A writer that was stopped for as long as 1,023 commits took still learns what came of its own.
    #[test]
    fn the_last_1024_commits_are_known_by_their_ids() {
        let mut base = Base::beginning();
        (1..=2_000).for_each(|number| base.apply(&commit(number)).unwrap());
        let head = BaseHead::from(base);
        let known = [976, 977, 1_999, 2_000, 2_001].map(|number| head.id_of(CommitNumber::new(number)));
        assert_eq!(known, [None, Some("commit 977"), Some("commit 1999"), Some("commit 2000"), None]);
    }
}
