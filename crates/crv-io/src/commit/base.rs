//! The base of a log whose beginning was pruned: what its tables were as of the last commit that is gone.
//!
//! State = base + the commits after it, as it is checkpoint + the commits after it. The base is durable before
//! the first commit file it stands for is removed, so a number whose file is gone is a number that the base
//! covers: whoever finds such a number free, because its view of the run is old, finds that out from the base
//! (invariant 2).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crv_core::grammar::TableName;
use serde::{Deserialize, Serialize};

use super::change::Commit;
use super::load::damaged;
use super::publish::{RunLog, encoding_failed};
use super::view::RunView;
use crate::error::Result;
use crate::json_map::unique_keys;
use crate::manifest::{StateDocument, TableState, open_document, parse_time, seal};
use crate::paths::CommitNumber;
use crate::schema::SchemaConflict;
use crate::stamp;
use crate::store::{PutMode, PutOutcome, Tag};

/// The version of the document. A newer one is refused.
pub(super) const FORMAT: u32 = 1;

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
    /// The id of a commit that it stands for; `None` where that is not known any more.
    pub(super) fn id_of(&self, number: CommitNumber) -> Option<&str> {
        let from_the_end = usize::try_from(self.through.get().checked_sub(number.get())?).ok()?;
        let index = self.ids.len().checked_sub(from_the_end.checked_add(1)?)?;
        self.ids.get(index).map(String::as_str)
    }

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

/// What a view knows of the base.
#[derive(Debug, Default)]
pub(super) struct BaseSeen {
    tag: Option<Tag>,
    /// No commit file up to this number counts.
    pub(super) through: CommitNumber,
}

#[derive(Serialize, Deserialize)]
struct BaseFile<'a> {
    format: u32,
    through: u64,
    created_at: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
    #[serde(deserialize_with = "unique_keys")]
    tables: BTreeMap<TableName, StateDocument<'a>>,
}

pub(crate) fn encode(base: &Base) -> Result<Vec<u8>, serde_json::Error> {
    let tables = base.tables.iter().map(|(table, state)| (*table, StateDocument::of(state)));
    let file = BaseFile {
        format: FORMAT,
        through: base.through.get(),
        created_at: Cow::Owned(stamp::text(stamp::now())),
        ids: base.ids.clone(),
        tables: tables.collect(),
    };
    Ok(seal(serde_json::to_vec(&file)?, false))
}

/// The base in the document `bytes`, or what is wrong with it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Base, String> {
    open_document(bytes, FORMAT)?;
    let file: BaseFile<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    parse_time(&file.created_at)?;
    let through = CommitNumber::new(file.through);
    if through == CommitNumber::ZERO || through.next() == through {
        return Err("no commit has the number it goes up to".to_owned());
    }
    let mut tables = BTreeMap::new();
    for (table, document) in file.tables {
        let told = |error| format!("in table `{table}` {error}");
        let state = document.into_state(table).map_err(told)?.state;
        if state.commit != through {
            return Err(told(format!("it is of commit {}, and the base of {through}", state.commit)));
        }
        tables.insert(table, state);
    }
    Ok(Base { through, tables, ids: file.ids })
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
            let (base, tag) = self.read_base()?;
            view.base = BaseSeen { tag, through: base.through };
        }
        Ok(())
    }

    /// The base, and the numbers of the commits after it, sorted. Only for the rare cases: it looks at every
    /// name there is.
    pub(crate) fn read_log(&self) -> Result<(Base, Vec<CommitNumber>)> {
        // Listed first: what is pruned in between is then covered by the base.
        let mut numbers = self.list_commits()?;
        let (base, _) = self.read_base()?;
        // Files that were not removed yet, or came back.
        numbers.retain(|number| *number > base.through);
        Ok((base, numbers))
    }

    /// The base, and every commit after it, in order and without a gap. For the rare cases, too.
    pub(super) fn read_whole_log(&self) -> Result<(Base, Vec<Commit>)> {
        'again: loop {
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
                    None if self.read_base()?.0.through >= number => continue 'again,
                    None => return Err(self.missing_commit(number)),
                }
                number = number.next();
            }
            // What was read may be a number that was pruned and taken again.
            if self.read_base()?.0.through < *first {
                return Ok((base, commits));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::strategies::{commit, state_at};

    proptest! {
        #[test]
        fn any_base_survives_its_document(
            base in commit().prop_flat_map(|through| {
                let states = prop::collection::vec(state_at(Just(through)), 0..4);
                (states, any::<Vec<String>>()).prop_map(move |(states, ids)| Base {
                    through,
                    tables: states.into_iter().map(|state| (state.table, state)).collect(),
                    ids,
                })
            })
        ) {
            prop_assert_eq!(decode(&encode(&base).unwrap()).unwrap(), base);
        }
    }

    #[test]
    fn a_table_that_is_there_twice_is_refused() {
        let text = String::from_utf8(encode(&sample()).unwrap()).unwrap();
        let (before, table) = text.split_once("\"holdings\":").unwrap();
        let (table, _) = table.split_once("},\"crc32c\"").unwrap();
        let twice = format!("{before}\"holdings\":{table},\"holdings\":{table}}}}}");
        let error = decode(&seal(twice.into_bytes(), false)).unwrap_err();
        assert!(error.contains("the key `holdings` is there twice"), "{error}");
    }

    fn sample() -> Base {
        let through = CommitNumber::new(41);
        let now = "2025-09-25T08:00:00.123456Z".parse().unwrap();
        let state = TableState::new(TableName::Holdings, Some(100), through, now);
        let ids = vec!["a commit".to_owned(), "the one after it".to_owned()];
        Base { through, tables: BTreeMap::from([(TableName::Holdings, state)]), ids }
    }

    #[test]
    fn a_base_survives_its_document() {
        assert_eq!(decode(&encode(&sample()).unwrap()).unwrap(), sample());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode(&sample()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_last_commits_are_known_by_their_ids() {
        let base = sample();
        let known = [39, 40, 41, 42].map(|number| base.id_of(CommitNumber::new(number)));
        assert_eq!(known, [None, Some("a commit"), Some("the one after it"), None]);
    }

    #[test]
    fn a_table_of_another_commit_is_refused() {
        let mut base = sample();
        base.through = CommitNumber::new(40);
        assert!(decode(&encode(&base).unwrap()).unwrap_err().contains("of commit 41"));
    }
}
