//! Vacuum: removes files that no snapshot within the age limit needs.
//!
//! There are four kinds. Merged parts: the footer of another part names them. Removed parts: the table's state records
//! that a commit removed them. Readers of earlier snapshots may need both until that commit is old enough. Orphans:
//! their process ended before it committed them, or has not committed them yet. Temporary files: as orphans, but also
//! in the run's directory and beside the log.
//!
//! Files that may be in flight are kept for [`IN_FLIGHT`], whatever the options say. For transactions that take longer,
//! the log decides: orphans are removed only after a vacuum commit names them, and no later commit may add them
//! (invariant 7).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crv_core::tables::TableId;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::commit::{LogReader, Parts, Publisher};
use crate::error::{Error, Result};
use crate::manifest::TableState;
use crate::parallel;
use crate::part::footer;
use crate::paths::{
    BASE_FILE, BUNDLE_FILE, BucketId, CommitNumber, FACTS_FILE, MANIFEST_FILE, PartId, STATUS_FILE,
    StorePath, TMP_SUFFIX,
};
use crate::stamp;
use crate::store::EntryKind;

/// Age up to which a file that no commit names may still be about to be committed.
pub(crate) const IN_FLIGHT: Duration = Duration::from_secs(60 * 60);

/// Options of a vacuum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VacuumOptions {
    /// Remove only files that no table has needed for this long, so that readers of younger snapshots keep their parts.
    /// Files that may be in flight are kept for an hour in any case.
    pub older_than: Duration,
    /// Only report what would be removed.
    pub dry_run: bool,
}

impl VacuumOptions {
    /// Default for [`older_than`](Self::older_than): a day.
    pub const DEFAULT_OLDER_THAN: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Default for VacuumOptions {
    fn default() -> Self {
        Self { older_than: Self::DEFAULT_OLDER_THAN, dry_run: false }
    }
}

/// Why a file is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GarbageKind {
    /// A part that a merged part replaced.
    MergedPart,
    /// A part that a commit removed from its table.
    RemovedPart,
    /// A part that no commit names.
    OrphanPart,
    /// An unfinished file.
    TemporaryFile,
}

impl GarbageKind {
    /// The stable code of this kind, the same in every language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MergedPart => "merged-part",
            Self::RemovedPart => "removed-part",
            Self::OrphanPart => "orphan-part",
            Self::TemporaryFile => "temporary-file",
        }
    }
}

impl std::fmt::Display for GarbageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for GarbageKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A file that no table needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Garbage {
    /// Why it is not needed.
    pub kind: GarbageKind,
    /// Its path, relative to the root directory.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// The report of a vacuum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VacuumReport {
    /// Whether this was a dry run: then no file was removed.
    pub dry_run: bool,
    /// The files that were removed, or would be in a dry run.
    pub removed: Vec<Garbage>,
    /// Bytes of these files.
    pub bytes: u64,
    /// Files that no table needs but that are not old enough.
    pub kept: u64,
    /// Bytes of those files.
    pub kept_bytes: u64,
}

/// A file that may not be needed.
#[derive(Debug)]
struct Candidate {
    /// The part; `None` for a temporary file.
    part: Option<(TableId, BucketId, PartId)>,
    path: StorePath,
    bytes: u64,
}

/// A file that is not needed.
#[derive(Debug)]
struct Found {
    candidate: Candidate,
    kind: GarbageKind,
    is_old_enough: bool,
    /// Whether a commit must name it before it is removed.
    undecided: bool,
}

/// Removes the files that no table of the run needs.
pub(crate) fn vacuum(publisher: &Publisher, options: VacuumOptions) -> Result<VacuumReport> {
    vacuum_of(publisher, options, |_| true)
}

/// The same for parts that merged parts replaced, and for no other file: it publishes no commit, so that it makes no
/// transaction of another process fail.
pub(crate) fn vacuum_merged(publisher: &Publisher, older_than: Duration) -> Result<VacuumReport> {
    let options = VacuumOptions { older_than, dry_run: false };
    vacuum_of(publisher, options, |kind| kind == GarbageKind::MergedPart)
}

fn vacuum_of(
    publisher: &Publisher,
    options: VacuumOptions,
    is_meant: impl Fn(GarbageKind) -> bool,
) -> Result<VacuumReport> {
    let log = &**publisher.log();
    let now = stamp::now();
    let mut found = unfinished(log, now, options.older_than)?;
    for table in log.table_dirs()? {
        found.extend(inspect(publisher, table, now, options.older_than)?);
    }
    found.retain(|found| is_meant(found.kind) && (!found.undecided || is_meant(GarbageKind::OrphanPart)));
    let (mut old, young): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|found| found.is_old_enough);
    if !options.dry_run {
        announce(publisher, &mut old)?;
        parallel::for_each(&old, parallel::WAITING, |found| {
            log.store.remove(&found.candidate.path).map_err(|error| log.write_failed(error))
        })?;
    }
    let bytes =
        |found: &[Found]| found.iter().map(|found| found.candidate.bytes).fold(0, u64::saturating_add);
    Ok(VacuumReport {
        dry_run: options.dry_run,
        bytes: bytes(&old),
        kept: young.len() as u64,
        kept_bytes: bytes(&young),
        removed: old
            .into_iter()
            .map(|found| Garbage {
                kind: found.kind,
                path: log.store.locate(&found.candidate.path),
                bytes: found.candidate.bytes,
            })
            .collect(),
    })
}

/// Returns the files of a table that are not needed.
fn inspect(
    publisher: &Publisher,
    table: TableId,
    now: Timestamp,
    older_than: Duration,
) -> Result<Vec<Found>> {
    let log = &**publisher.log();
    loop {
        // Listed before the state is loaded: a part that is committed in between is live in the state.
        let candidates = candidates(log, table)?;
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let Some(state) = publisher.durable_state(table)? else { return Ok(Vec::new()) };
        match classify(log, &state, candidates, now, older_than) {
            // The unreadable part may have been replaced and vacuumed by another process: retry with the newer state.
            Err(_) if publisher.durable_state(table)?.is_some_and(|now| now.commit > state.commit) => {}
            classified => return classified,
        }
    }
}

/// The parts and temporary files in a table's directories.
fn candidates(log: &LogReader, table: TableId) -> Result<Vec<Candidate>> {
    let list = |dir: &StorePath| log.store.list(dir, None).map_err(|error| log.read_failed(error));
    let dir = log.paths.table(table);
    let mut found = Vec::new();
    let mut buckets = Vec::new();
    for entry in list(&dir)? {
        match entry.kind {
            EntryKind::Directory => buckets.extend(BucketId::parse_dir_name(&entry.name)),
            EntryKind::Object(bytes) if is_temporary(&entry.name, MANIFEST_FILE) => {
                let path = dir.entry(&entry.name);
                found.extend(path.map(|path| Candidate { part: None, path, bytes }));
            }
            EntryKind::Object(_) | EntryKind::Other => {}
        }
    }
    let in_buckets = parallel::map(&buckets, parallel::WAITING, |bucket| {
        let dir = log.paths.bucket(table, *bucket);
        let mut found = Vec::new();
        for entry in list(&dir)? {
            let EntryKind::Object(bytes) = entry.kind else { continue };
            let part = PartId::parse_file_name(&entry.name).map(|id| (table, *bucket, id));
            if part.is_some() || is_temporary(&entry.name, "part-") {
                let path = dir.entry(&entry.name);
                found.extend(path.map(|path| Candidate { part, path, bytes }));
            }
        }
        Ok::<_, Error>(found)
    })?;
    found.extend(in_buckets.into_iter().flatten());
    Ok(found)
}

/// Returns whether this is the name of a temporary file for a file whose name has this prefix.
fn is_temporary(name: &str, beginning: &str) -> bool {
    name.starts_with(beginning) && name.ends_with(TMP_SUFFIX)
}

/// The file that a temporary file of this name was to replace: `<name>.<16 hex digits>.tmp`.
fn unfinished_of(name: &str) -> Option<&str> {
    let (file, random) = name.strip_suffix(TMP_SUFFIX)?.rsplit_once('.')?;
    (random.len() == 16 && random.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(file)
}

/// Temporary files in the run's directory and in that of its log.
fn unfinished(log: &LogReader, now: Timestamp, older_than: Duration) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for dir in [log.paths.root(), &log.paths.commits()] {
        for entry in log.store.list(dir, None).map_err(|error| log.read_failed(error))? {
            let EntryKind::Object(bytes) = entry.kind else { continue };
            let ours = |name: &str| {
                [BUNDLE_FILE, FACTS_FILE, STATUS_FILE, BASE_FILE].contains(&name)
                    || CommitNumber::parse_file_name(name).is_some()
            };
            if !unfinished_of(&entry.name).is_some_and(ours) {
                continue;
            }
            let Some(path) = dir.entry(&entry.name) else { continue };
            let candidate = Candidate { part: None, path, bytes };
            let Some(since) = written(log, &candidate)? else { continue };
            let is_old_enough = is_older(since, now, older_than.max(IN_FLIGHT));
            let kind = GarbageKind::TemporaryFile;
            found.push(Found { candidate, kind, is_old_enough, undecided: false });
        }
    }
    Ok(found)
}

/// Returns the candidates that are not needed, and why.
fn classify(
    log: &LogReader,
    state: &TableState,
    candidates: Vec<Candidate>,
    now: Timestamp,
    older_than: Duration,
) -> Result<Vec<Found>> {
    let is_live =
        |candidate: &Candidate| candidate.part.is_some_and(|(_, bucket, id)| state.contains(bucket, id));
    let candidates: Vec<Candidate> = candidates.into_iter().filter(|candidate| !is_live(candidate)).collect();
    let retired = Retired::read(log, state, &candidates)?;
    let found = parallel::map(&candidates, parallel::WAITING, |candidate| {
        let place = candidate.part.map(|(_, bucket, id)| (bucket, id));
        if let Some(since) = place.and_then(|place| retired.merged.get(&place)) {
            return Ok(Some((GarbageKind::MergedPart, is_older(*since, now, older_than), false)));
        }
        let announced = place.is_none_or(|(bucket, id)| state.was_vacuumed(bucket, id));
        if let Some(since) = place.and_then(|place| state.removed().get(&place)) {
            return Ok(Some((GarbageKind::RemovedPart, is_older(*since, now, older_than), !announced)));
        }
        let kind = place.map_or(GarbageKind::TemporaryFile, |_| GarbageKind::OrphanPart);
        // A missing file was removed by another process.
        let Some(written) = written(log, candidate)? else { return Ok(None) };
        let unexplained = place.and_then(|(bucket, _)| retired.unknown.get(&bucket));
        let since = unexplained.map_or(written, |since| written.max(*since));
        Ok::<_, Error>(Some((kind, is_older(since, now, older_than.max(IN_FLIGHT)), !announced)))
    })?;
    let found = candidates.into_iter().zip(found).filter_map(|(candidate, found)| {
        let (kind, is_old_enough, undecided) = found?;
        Some(Found { candidate, kind, is_old_enough, undecided })
    });
    Ok(found.collect())
}

/// The time from which merged parts are not needed: that of the commit that replaced them, or of the commit that
/// removed the part that replaced them.
struct Retired {
    merged: HashMap<(BucketId, PartId), Timestamp>,
    /// In these buckets, a commit at this time removed a part that is no longer readable. Any part of the bucket that
    /// is not otherwise explained may be one that it was merged from.
    unknown: HashMap<BucketId, Timestamp>,
}

impl Retired {
    /// Reads the footers of the live parts and of the removed parts in the buckets of `candidates`.
    fn read(log: &LogReader, state: &TableState, candidates: &[Candidate]) -> Result<Self> {
        let buckets: BTreeSet<BucketId> =
            candidates.iter().filter_map(|candidate| candidate.part).map(|(_, bucket, _)| bucket).collect();
        let partitions = buckets.iter().filter_map(|bucket| Some((bucket, state.partitions().get(bucket)?)));
        let live: Vec<_> = partitions
            .flat_map(|(bucket, partition)| partition.parts().iter().map(move |part| (*bucket, part)))
            .collect();
        let lineage =
            |bucket, id| footer::read_lineage(&*log.store, &log.paths.part(state.table, bucket, id));
        let lineages = parallel::map(&live, parallel::WAITING, |(bucket, part)| {
            lineage(*bucket, part.id).map_err(|error| error.in_context(log.name(state.table)))
        })?;
        let mut retired = Self { merged: HashMap::new(), unknown: HashMap::new() };
        for ((bucket, part), from) in live.into_iter().zip(lineages) {
            retired.merged.extend(from.into_iter().map(|from| ((bucket, from), part.created_at)));
        }
        let latest = |known: &mut Timestamp, since: Timestamp| *known = since.max(*known);
        for ((bucket, id), since) in
            state.removed().iter().filter(|((bucket, _), _)| buckets.contains(bucket))
        {
            if let Ok(from) = lineage(*bucket, *id) {
                for from in from {
                    latest(retired.merged.entry((*bucket, from)).or_insert(*since), *since);
                }
            } else {
                latest(retired.unknown.entry(*bucket).or_insert(*since), *since);
            }
        }
        Ok(retired)
    }
}

/// When a file was written; `None` if it is missing.
fn written(log: &LogReader, candidate: &Candidate) -> Result<Option<Timestamp>> {
    let modified = log.store.modified(&candidate.path).map_err(|error| log.read_failed(error))?;
    Ok(modified.map(|modified| Timestamp::from_nanosecond(i128::from(modified)).unwrap_or(Timestamp::MAX)))
}

/// Returns whether `since` is at least `keep` ago. Always true if `keep` is zero.
fn is_older(since: Timestamp, now: Timestamp, keep: Duration) -> bool {
    let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
    keep.is_zero() || now.duration_since(since) >= keep
}

/// Publishes a vacuum commit with the parts that need one before their removal. Drops those from `old` that another
/// commit has added meanwhile.
fn announce(publisher: &Publisher, old: &mut Vec<Found>) -> Result<()> {
    let mut undecided = Parts::new();
    for found in old.iter().filter(|found| found.undecided) {
        if let Some((table, bucket, id)) = found.candidate.part {
            undecided.entry(table).or_default().push((bucket, id));
        }
    }
    if undecided.is_empty() {
        return Ok(());
    }
    let dead = publisher.publish_vacuum(&undecided)?;
    old.retain(|found| {
        let is_dead = |(table, bucket, id)| {
            dead.get(&table).is_some_and(|parts: &Vec<_>| parts.contains(&(bucket, id)))
        };
        !found.undecided || found.candidate.part.is_some_and(is_dead)
    });
    Ok(())
}
