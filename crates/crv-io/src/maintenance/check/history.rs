//! The log and the manifests of a run, read whole and past any damage: which state of each table they tell.
//!
//! Manifests are read first, then the names in the log, then its base: whatever is committed, checkpointed or
//! pruned meanwhile, the log that is found then goes at least as far as the manifests.

use std::collections::{BTreeMap, HashMap, HashSet};

use crv_core::grammar::TableName;

use crate::commit::{Base, Commit, Damage, Found, RunLog, join_base};
use crate::manifest::{Decoded, Part, TableState};
use crate::paths::{BucketId, CommitNumber, PartId};

/// What the log and the manifests tell.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) base: Found<Base>,
    /// Commit files that the base stands for.
    pub(crate) leftovers: Vec<CommitNumber>,
    /// Numbers that cannot be read, in order.
    pub(crate) breaks: Vec<Break>,
    /// Where the log ends.
    pub(crate) end: CommitNumber,
    /// The newest commit that the log or any manifest knows of.
    pub(crate) head: CommitNumber,
    pub(crate) tables: BTreeMap<TableName, TableHistory>,
    /// Why the names in the log cannot be listed.
    pub(crate) unlisted: Option<String>,
    /// Commit files that were read.
    pub(crate) commits: u64,
    /// Bytes of all documents.
    pub(crate) bytes: u64,
}

/// Commits in a row that cannot be read.
#[derive(Debug)]
pub(crate) struct Break {
    pub(crate) first: CommitNumber,
    pub(crate) last: CommitNumber,
    pub(crate) cause: Cause,
}

/// Why commits cannot be read.
#[derive(Debug)]
pub(crate) enum Cause {
    Missing,
    Damaged(Damage),
    Unreadable(String),
}

/// What a manifest is made anew from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Remedy<'a> {
    /// The log, which tells this state.
    Write(&'a TableState),
    /// The parts on disk: the log never named the table.
    Rebuild,
}

/// What is known of one table.
#[derive(Debug)]
pub(crate) struct TableHistory {
    pub(crate) manifest: Found<Decoded>,
    /// Has its directory one for a bucket? Only looked at where there is no manifest that can be read.
    pub(crate) has_buckets: bool,
    /// The newest state that can be told.
    pub(crate) state: Option<TableState>,
    /// Is that the table's state as of the head? Else commits are missing from it.
    pub(crate) certain: bool,
    /// Does the log tell it from its base or its beginning on? Else it begins with the manifest.
    pub(crate) from_log: bool,
    /// In what the manifest differs from the log.
    pub(crate) disagreement: Option<String>,
    /// Parts of the state that a manifest of another implementation names, and the log does not.
    unlogged: HashSet<(BucketId, PartId)>,
}

impl TableHistory {
    /// The commit that a whole manifest of ours includes.
    pub(crate) fn checkpoint(&self) -> Option<CommitNumber> {
        let manifest = self.manifest.whole().filter(|manifest| manifest.knows_log)?;
        Some(manifest.state.commit)
    }

    /// Was anything ever written to it, as far as that can be told?
    pub(crate) fn is_written(&self) -> bool {
        self.has_buckets
            || self.state.as_ref().is_some_and(|state| !state.is_unwritten())
            || matches!(self.manifest, Found::Damaged(_) | Found::Unreadable(_))
    }

    /// Is there any trace of it?
    fn is_there(&self) -> bool {
        self.is_written() || !self.manifest.is_absent()
    }
}

impl History {
    /// Reads all there is.
    pub(crate) fn read(log: &RunLog) -> Self {
        let mut bytes = 0;
        let manifests = TableName::ALL.iter().map(|table| (*table, log.look_at_manifest(*table, &mut bytes)));
        let manifests: Vec<(TableName, Found<Decoded>)> = manifests.collect();
        let (numbers, unlisted) = match log.list_commits() {
            Ok(numbers) => (numbers, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let base = log.look_at_base(&mut bytes);
        let mut replay =
            Replay::new(&base, unlisted.is_none(), numbers.first().copied(), manifests, |table| {
                log.has_buckets(table).unwrap_or(false)
            });
        let mut commits = 0;
        let mut leftovers = Vec::new();
        for number in numbers {
            if number <= replay.at {
                leftovers.push(number);
                continue;
            }
            if number > replay.at.next() {
                replay.break_off(number.previous(), Cause::Missing);
            }
            match log.look_at_commit(number, &mut bytes) {
                Found::Whole(commit) => {
                    commits += 1;
                    replay.apply(&commit);
                }
                Found::Absent => replay.break_off(number, Cause::Missing),
                Found::Damaged(damage) => replay.break_off(number, Cause::Damaged(damage)),
                Found::Unreadable(why) => replay.break_off(number, Cause::Unreadable(why)),
            }
        }
        let (end, breaks, mut tables) = (replay.at, replay.breaks, replay.tables);
        for table in tables.values_mut() {
            if let Some(state) = &mut table.state {
                table.unlogged.retain(|(bucket, id)| state.contains(*bucket, *id));
                // Error ignored: a part that cannot be read is reported where its parts are looked at.
                let _ = log.drop_merged(state, &table.unlogged);
            }
        }
        let checkpoints = tables.values().filter_map(TableHistory::checkpoint);
        let head = checkpoints.fold(end, CommitNumber::max);
        let mut history = Self { base, leftovers, breaks, end, head, tables, unlisted, commits, bytes };
        history.finish();
        history
    }

    /// Tables whose state the log does not tell have what their manifest says.
    fn finish(&mut self) {
        for table in self.tables.values_mut() {
            let checkpoint = table.checkpoint();
            if checkpoint.is_some_and(|checkpoint| checkpoint > self.end) || table.state.is_none() {
                table.state = table.manifest.whole().map(|manifest| manifest.state.clone());
                table.from_log = false;
                table.certain = checkpoint.is_some_and(|checkpoint| checkpoint == self.head);
            } else if self.head > self.end {
                // Commits that are lost may have changed it.
                table.certain = false;
            }
        }
    }

    /// Does every manifest include commit `number`, so that nothing is lost with its file?
    pub(crate) fn covers(&self, number: CommitNumber) -> bool {
        let mut there = self.tables.values().filter(|table| table.is_there()).peekable();
        there.peek().is_some()
            && there.all(|table| table.checkpoint().is_some_and(|checkpoint| checkpoint >= number))
    }

    /// Is the state of every table known as of the head, from manifests that are whole?
    pub(crate) fn is_certain(&self) -> bool {
        let mut there = self.tables.values().filter(|table| table.is_there()).peekable();
        self.unlisted.is_none()
            && there.peek().is_some()
            && there.all(|table| table.certain && table.checkpoint().is_some())
    }

    /// Is the newest commit damaged, and known to nobody? Then it was never acknowledged, on storage that keeps
    /// its word.
    pub(crate) fn torn(&self) -> Option<&Break> {
        let torn = self.breaks.last()?;
        let Cause::Damaged(damage) = &torn.cause else { return None };
        let newest = torn.last == self.end && self.end == self.head;
        // A manifest that cannot be read may have included it.
        let unknown = self.tables.values().any(|table| table.is_there() && table.manifest.whole().is_none());
        let included = self.tables.values().filter_map(TableHistory::checkpoint).any(|at| at >= torn.first);
        let only = self.breaks.len() == 1 && matches!(self.base, Found::Absent | Found::Whole(_));
        (newest && only && !unknown && !included && !damage.sealed).then_some(torn)
    }

    /// Can the base be written anew from what is known, and do without everything that cannot be read?
    pub(crate) fn can_move_base(&self) -> bool {
        let mends = |damage: &Damage| !damage.later;
        let base = match &self.base {
            Found::Absent | Found::Whole(_) => true,
            Found::Damaged(damage) => mends(damage),
            Found::Unreadable(_) => false,
        };
        let breaks = self.breaks.iter().all(|broken| match &broken.cause {
            Cause::Missing => true,
            Cause::Damaged(damage) => mends(damage),
            Cause::Unreadable(_) => false,
        });
        base && breaks && self.head > CommitNumber::ZERO && self.is_certain()
    }

    /// How the manifest of `table` can be made anew, if it can.
    pub(crate) fn remedy(&self, table: TableName) -> Option<Remedy<'_>> {
        let table = self.tables.get(&table)?;
        let state = table.state.as_ref().filter(|_| table.from_log && table.certain)?;
        match &table.manifest {
            _ if !state.is_unwritten() => Some(Remedy::Write(state)),
            // It names parts of a table that the log never heard of: this is not the log it belongs to.
            Found::Whole(_) => None,
            // What an earlier implementation wrote is in no log.
            _ if table.has_buckets => Some(Remedy::Rebuild),
            _ => Some(Remedy::Write(state)),
        }
    }

    /// Does the state of `table` name this part? Unknown states name every part.
    pub(crate) fn may_name(&self, table: TableName, bucket: BucketId, id: PartId) -> bool {
        self.tables.get(&table).is_none_or(|table| {
            !table.certain || table.state.as_ref().is_some_and(|state| state.contains(bucket, id))
        })
    }
}

/// The log as it is read on, commit by commit.
struct Replay {
    /// Every state that is known is as of this commit.
    at: CommitNumber,
    breaks: Vec<Break>,
    tables: BTreeMap<TableName, TableHistory>,
}

impl Replay {
    fn new(
        base: &Found<Base>,
        listed: bool,
        first: Option<CommitNumber>,
        manifests: Vec<(TableName, Found<Decoded>)>,
        has_buckets: impl Fn(TableName) -> bool,
    ) -> Self {
        let beginning = Base::beginning();
        let known = match base {
            Found::Absent if listed => Some(&beginning),
            other => other.whole(),
        };
        let tables = manifests.into_iter().map(|(table, manifest)| {
            let mut from_log = true;
            let mut state = known.map(|known| known.state(table));
            let mut unlogged = HashSet::new();
            if let (Some(state), Some(theirs)) =
                (&mut state, manifest.whole().filter(|found| !found.knows_log))
            {
                from_log = false;
                let commit = state.commit;
                let base = known.and_then(|known| known.tables.get(&table));
                (*state, unlogged) = join_base(theirs.state.clone(), base);
                state.commit = commit;
            }
            let has_buckets = manifest.whole().is_none() && has_buckets(table);
            let certain = state.is_some();
            let disagreement = None;
            (table, TableHistory { manifest, has_buckets, state, certain, from_log, disagreement, unlogged })
        });
        let at = match known {
            Some(base) => base.through,
            // Nobody knows what is before.
            None => first.map_or(CommitNumber::ZERO, CommitNumber::previous),
        };
        let mut replay = Self { at, breaks: Vec::new(), tables: tables.collect() };
        replay.arrive();
        replay
    }

    fn apply(&mut self, commit: &Commit) {
        self.at = commit.number;
        let mut conflict = None;
        for table in self.tables.values_mut() {
            let applied = table.state.as_mut().map(|state| commit.apply(state));
            if let Some(Err(found)) = applied {
                table.state = None;
                table.certain = false;
                conflict = Some(found);
            }
        }
        for (table, change) in &commit.change.tables {
            let Some(table) = self.tables.get_mut(table) else { continue };
            change.add.iter().for_each(|(bucket, part)| _ = table.unlogged.remove(&(*bucket, part.id)));
        }
        if let Some(conflict) = conflict {
            let why = format!("its schema does not fit the table's: {conflict}");
            let cause = Cause::Damaged(Damage { why, sealed: true, later: false });
            self.breaks.push(Break { first: commit.number, last: commit.number, cause });
        }
        self.arrive();
    }

    /// The commits up to `last` cannot be read: what they did is known where a manifest includes them.
    fn break_off(&mut self, last: CommitNumber, cause: Cause) {
        self.breaks.push(Break { first: self.at.next(), last, cause });
        for table in self.tables.values_mut() {
            table.state = None;
            table.certain = false;
        }
        self.at = last;
        self.arrive();
    }

    /// Compares the manifests that are of this commit with the log, and goes on from them where it is broken.
    fn arrive(&mut self) {
        for table in self.tables.values_mut() {
            let Some(manifest) = table.manifest.whole() else { continue };
            if !manifest.knows_log || manifest.state.commit != self.at {
                continue;
            }
            match &table.state {
                Some(state) if table.from_log => {
                    table.disagreement = disagreement(state, &manifest.state);
                }
                Some(_) => {}
                None => {
                    table.state = Some(manifest.state.clone());
                    table.certain = true;
                    table.from_log = false;
                }
            }
        }
    }
}

/// In what a manifest differs from what the log says, as of one commit. Not in the order of parts: those that the
/// log took in late may stand elsewhere.
fn disagreement(log: &TableState, manifest: &TableState) -> Option<String> {
    let mut left: HashMap<(BucketId, PartId), &Part> =
        log.parts().map(|(bucket, part)| ((bucket, part.id), part)).collect();
    for (bucket, part) in manifest.parts() {
        match left.remove(&(bucket, part.id)) {
            None => {
                return Some(format!("it names part `{}` in bucket {bucket}, and the log does not", part.id));
            }
            Some(known) if facts(known) != facts(part) => {
                return Some(format!("its entry of part `{}` is not the log's", part.id));
            }
            Some(_) => {}
        }
    }
    if let Some(((bucket, id), _)) = left.into_iter().min_by_key(|(place, _)| *place) {
        return Some(format!("it does not name part `{id}` in bucket {bucket}, which the log does"));
    }
    let covered = match (&log.schema, &manifest.schema) {
        (None, _) => true,
        (Some(log), Some(manifest)) => manifest.covers(log),
        (Some(_), None) => false,
    };
    if !covered {
        return Some("its schema lacks what the log's has".to_owned());
    }
    match (log.tick_bucket_size, manifest.tick_bucket_size) {
        (Some(log), Some(manifest)) if log != manifest => {
            Some(format!("it has {manifest} ticks in a bucket, and the log {log}"))
        }
        _ => None,
    }
}

fn facts(part: &Part) -> impl PartialEq {
    (part.rows, part.bytes, part.ticks, part.crc32c)
}
