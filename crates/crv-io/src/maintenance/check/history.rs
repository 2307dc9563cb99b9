//! [`History`]: the log and the manifests of a run, read whole, also past damage, and the resulting state of each
//! table.
//!
//! Manifests are read first, then the names in the log, then its base. So the log that is read goes at least as far as
//! the manifests, whatever other processes commit, checkpoint or prune meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crv_core::grammar::TableName;
use crv_core::tables::TableId;

use crate::commit::{Base, Commit, Damage, Found, LogReader, join_base};
use crate::manifest::{Decoded, Part, TableState};
use crate::paths::{BucketId, CommitNumber, PartId};
use crate::stamp;

/// The contents of the log and the manifests.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) base: Found<Base>,
    /// Commit files that the base replaces.
    pub(crate) leftovers: Vec<CommitNumber>,
    /// Ranges of commits that cannot be read, in order.
    pub(crate) breaks: Vec<Break>,
    /// The last commit of the log.
    pub(crate) end: CommitNumber,
    /// The newest commit that the log has or a manifest includes.
    pub(crate) head: CommitNumber,
    pub(crate) tables: BTreeMap<TableId, TableHistory>,
    /// The error if the names in the log cannot be listed.
    pub(crate) unlisted: Option<String>,
    /// Commit files that were read.
    pub(crate) commits: u64,
    /// Bytes of all documents.
    pub(crate) bytes: u64,
}

/// Consecutive commits that cannot be read.
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

/// The source of a new manifest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Remedy<'a> {
    /// The log: this is its state.
    Write(&'a TableState),
    /// The parts on disk: the log never named the table.
    Rebuild,
}

/// What is known of one table.
#[derive(Debug)]
pub(crate) struct TableHistory {
    pub(crate) manifest: Found<Decoded>,
    /// Whether it has parts. Only checked if there is no readable manifest.
    pub(crate) has_parts: bool,
    /// The newest known state.
    pub(crate) state: Option<TableState>,
    /// Whether that is the table's state as of the head. Otherwise it lacks commits.
    pub(crate) certain: bool,
    /// Whether it was replayed from the log, from its base or its first commit on. Otherwise the manifest is its start.
    pub(crate) from_log: bool,
    /// How the manifest differs from the log.
    pub(crate) disagreement: Option<String>,
    /// Unlogged parts of the state: only a foreign manifest names them.
    unlogged: HashSet<(BucketId, PartId)>,
}

impl TableHistory {
    /// The commit of the manifest, if it is undamaged and not foreign.
    pub(crate) fn checkpoint(&self) -> Option<CommitNumber> {
        let manifest = self.manifest.whole().filter(|manifest| manifest.knows_log)?;
        Some(manifest.state.commit)
    }

    /// Returns whether the table was ever written, as far as this is known.
    pub(crate) fn is_written(&self) -> bool {
        self.has_parts
            || self.state.as_ref().is_some_and(|state| !state.is_unwritten())
            || matches!(self.manifest, Found::Damaged(_) | Found::Unreadable(_))
    }

    /// Returns whether there is any trace of the table.
    fn is_there(&self) -> bool {
        self.is_written() || !self.manifest.is_absent()
    }
}

impl History {
    /// Reads the log and all manifests.
    pub(crate) fn read(log: &LogReader) -> Self {
        let mut bytes = 0;
        let tables = known_tables(log);
        let manifests = tables.into_iter().map(|table| (table, log.look_at_manifest(table, &mut bytes)));
        let manifests: Vec<(TableId, Found<Decoded>)> = manifests.collect();
        let (numbers, unlisted) = match log.list_commits() {
            Ok(numbers) => (numbers, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let base = log.look_at_base(&mut bytes);
        let mut replay =
            Replay::new(&base, unlisted.is_none(), numbers.first().copied(), manifests, |table| {
                log.has_parts(table).unwrap_or(false)
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
                // Error ignored: the check of the parts reports a part that cannot be read.
                let _ = log.drop_merged(state, &table.unlogged);
            }
        }
        let checkpoints = tables.values().filter_map(TableHistory::checkpoint);
        let head = checkpoints.fold(end, CommitNumber::max);
        let mut history = Self { base, leftovers, breaks, end, head, tables, unlisted, commits, bytes };
        history.finish();
        history
    }

    /// Takes the state of a table from its manifest if the log does not determine it.
    fn finish(&mut self) {
        for table in self.tables.values_mut() {
            let checkpoint = table.checkpoint();
            if checkpoint.is_some_and(|checkpoint| checkpoint > self.end) || table.state.is_none() {
                table.state = table.manifest.whole().map(|manifest| manifest.state.clone());
                table.from_log = false;
                table.certain = checkpoint.is_some_and(|checkpoint| checkpoint == self.head);
            } else if self.head > self.end {
                // Lost commits may have changed it.
                table.certain = false;
            }
        }
    }

    /// Returns whether every manifest includes commit `number`: then its file can be lost without losing data.
    pub(crate) fn covers(&self, number: CommitNumber) -> bool {
        let mut there = self.tables.values().filter(|table| table.is_there()).peekable();
        there.peek().is_some()
            && there.all(|table| table.checkpoint().is_some_and(|checkpoint| checkpoint >= number))
    }

    /// Returns whether the state of every table is known as of the head, with every manifest undamaged.
    pub(crate) fn is_certain(&self) -> bool {
        let mut there = self.tables.values().filter(|table| table.is_there()).peekable();
        self.unlisted.is_none()
            && there.peek().is_some()
            && there.all(|table| table.certain && table.checkpoint().is_some())
    }

    /// Returns the newest commit if it is damaged and no manifest includes it. On storage that honours `fsync` it was
    /// never acknowledged.
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

    /// Returns whether the known states suffice for a new base, so that unreadable documents are no longer needed.
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

    /// The source of a new manifest of `table`, if there is one.
    pub(crate) fn remedy(&self, table: TableId) -> Option<Remedy<'_>> {
        let table = self.tables.get(&table)?;
        let state = table.state.as_ref().filter(|_| table.from_log && table.certain)?;
        match &table.manifest {
            _ if !state.is_unwritten() => Some(Remedy::Write(state)),
            // It names parts of a table that the log never named: it belongs to another log.
            Found::Whole(_) => None,
            // Earlier implementations wrote no log.
            _ if table.has_parts => Some(Remedy::Rebuild),
            _ => Some(Remedy::Write(state)),
        }
    }

    /// Returns whether the state of `table` may name this part. An unknown state may name any.
    pub(crate) fn may_name(&self, table: TableId, bucket: BucketId, id: PartId) -> bool {
        self.tables.get(&table).is_none_or(|table| {
            !table.certain || table.state.as_ref().is_some_and(|state| state.contains(bucket, id))
        })
    }
}

/// The canonical tables, and every other that has a directory. Those that only the log knows are added when it is read.
fn known_tables(log: &LogReader) -> BTreeSet<TableId> {
    let canonical = TableName::ALL.iter().map(|table| TableId::of(*table));
    // Error ignored: the check of the names reports a directory that cannot be read.
    canonical.chain(log.table_dirs().unwrap_or_default()).collect()
}

/// Replays the log, commit by commit.
struct Replay {
    /// All known states are as of this commit.
    at: CommitNumber,
    breaks: Vec<Break>,
    tables: BTreeMap<TableId, TableHistory>,
}

impl Replay {
    fn new(
        base: &Found<Base>,
        listed: bool,
        first: Option<CommitNumber>,
        manifests: Vec<(TableId, Found<Decoded>)>,
        has_parts: impl Fn(TableId) -> bool,
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
            let has_parts = manifest.whole().is_none() && has_parts(table);
            let certain = state.is_some();
            let disagreement = None;
            (table, TableHistory { manifest, has_parts, state, certain, from_log, disagreement, unlogged })
        });
        let at = match known {
            Some(base) => base.through,
            // Earlier commits are unknown.
            None => first.map_or(CommitNumber::ZERO, CommitNumber::previous),
        };
        let mut replay = Self { at, breaks: Vec::new(), tables: tables.collect() };
        replay.arrive();
        replay
    }

    fn apply(&mut self, commit: &Commit) {
        for table in commit.change.tables.keys() {
            self.know(*table);
        }
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

    /// Adds a table that the log names and that has no directory: its manifest is lost.
    fn know(&mut self, table: TableId) {
        if self.tables.contains_key(&table) {
            return;
        }
        // No earlier commit names it, as far as they could be read.
        let state = self.breaks.is_empty().then(|| TableState::new(table, None, self.at, stamp::now()));
        let certain = state.is_some();
        let history = TableHistory {
            manifest: Found::Absent,
            has_parts: false,
            state,
            certain,
            from_log: true,
            disagreement: None,
            unlogged: HashSet::new(),
        };
        self.tables.insert(table, history);
    }

    /// Records that the commits up to `last` cannot be read. A table's state is unknown until a manifest includes them.
    fn break_off(&mut self, last: CommitNumber, cause: Cause) {
        self.breaks.push(Break { first: self.at.next(), last, cause });
        for table in self.tables.values_mut() {
            table.state = None;
            table.certain = false;
        }
        self.at = last;
        self.arrive();
    }

    /// Compares the manifests of this commit with the log, and takes the states that the log does not determine from
    /// them.
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

/// Describes how a manifest differs from the log's state as of one commit. The order of parts is not compared: it may
/// differ for parts that the log adopted late.
fn disagreement(log: &TableState, manifest: &TableState) -> Option<String> {
    let mut left: HashMap<(BucketId, PartId), &Part> =
        log.parts().map(|(bucket, part)| ((bucket, part.id), part)).collect();
    for (bucket, part) in manifest.parts() {
        match left.remove(&(bucket, part.id)) {
            None => {
                return Some(format!("it names part `{}` in bucket {bucket}, but the log does not", part.id));
            }
            Some(known) if facts(known) != facts(part) => {
                return Some(format!("its entry of part `{}` differs from the log's", part.id));
            }
            Some(_) => {}
        }
    }
    if let Some(((bucket, id), _)) = left.into_iter().min_by_key(|(place, _)| *place) {
        return Some(format!("it does not name part `{id}` in bucket {bucket}, which the log does"));
    }
    if log.declared != manifest.declared {
        return Some("its declaration differs from the log's".to_owned());
    }
    let covered = match (&log.schema, &manifest.schema) {
        (None, _) => true,
        (Some(log), Some(manifest)) => manifest.covers(log),
        (Some(_), None) => false,
    };
    if !covered {
        return Some("its schema lacks columns or fields of the log's".to_owned());
    }
    match (log.tick_bucket_size, manifest.tick_bucket_size) {
        (Some(log), Some(manifest)) if log != manifest => {
            Some(format!("its buckets have {manifest} ticks, but the log's have {log}"))
        }
        _ => None,
    }
}

fn facts(part: &Part) -> impl PartialEq {
    (part.rows, part.bytes, part.ticks, part.crc32c)
}
