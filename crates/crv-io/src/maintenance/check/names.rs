//! Checks every name in the directory of a run.

use std::collections::BTreeMap;

use crv_core::tables::TableId;

use super::parts::Merged;
use super::report::{Problem, ProblemKind};
use crate::commit::LogReader;
use crate::paths::{
    ARTIFACTS_DIR, BASE_FILE, BUNDLE_FILE, BucketId, COMMITS_DIR, CommitNumber, FACTS_FILE, MANIFEST_FILE,
    PartId, STATUS_FILE, StorePath, TABLES_DIR, TMP_SUFFIX, is_replaced_name,
};
use crate::store::{Entry, EntryKind};

/// Directories below this depth are ignored: artifacts are not nested this deeply, but a loop of mounts may be.
const MAX_DEPTH: usize = 32;

/// A problem with a name, and the part if the name is a part's.
#[derive(Debug)]
pub(super) struct NameProblem {
    pub(super) part: Option<(TableId, BucketId, PartId)>,
    pub(super) problem: Problem,
}

/// Replaces the problems of parts that were merged by one for each table: such parts are normal until a vacuum.
pub(super) fn summarize_merged(
    log: &LogReader,
    found: &mut Vec<NameProblem>,
    merged: &Merged,
) -> Vec<Problem> {
    let mut counts: BTreeMap<TableId, (u64, String)> = BTreeMap::new();
    found.retain(|name| {
        let Some(part) = name.part.filter(|part| merged.contains_key(part)) else { return true };
        counts.entry(part.0).or_insert_with(|| (0, name.problem.path.clone())).0 += 1;
        false
    });
    let told = counts.into_iter().map(|(table, (count, first))| {
        let action = format!("`crv vacuum {}` removes them when no reader needs them", log.paths.run());
        let message = format!("parts of `{table}` that merged parts replaced: {count}");
        Problem::new(ProblemKind::MergedPart, first, message, action)
    });
    told.collect()
}

/// The directory that a name is in.
#[derive(Clone, Copy)]
enum Place {
    Run,
    Commits,
    Tables,
    Table(TableId),
    Bucket(TableId, BucketId),
    Artifacts(usize),
}

/// The problems of all names; `is_live` returns whether a part is live.
pub(super) fn problems(
    log: &LogReader,
    is_live: impl Fn(TableId, BucketId, PartId) -> bool,
) -> Vec<NameProblem> {
    let mut walk =
        Walk { log, is_live, todo: vec![(log.paths.root().clone(), Place::Run)], found: Vec::new() };
    while let Some((dir, place)) = walk.todo.pop() {
        walk.dir(&dir, place);
    }
    walk.found.sort_by(|a, b| a.problem.path.cmp(&b.problem.path));
    walk.found
}

struct Walk<'a, F> {
    log: &'a LogReader,
    is_live: F,
    todo: Vec<(StorePath, Place)>,
    found: Vec<NameProblem>,
}

impl<F: Fn(TableId, BucketId, PartId) -> bool> Walk<'_, F> {
    fn dir(&mut self, dir: &StorePath, place: Place) {
        match self.log.store.list(dir, None) {
            Ok(entries) => entries.iter().for_each(|entry| self.entry(dir, place, entry)),
            Err(error) => {
                let action = "make it readable, then check again";
                let path = self.log.store.locate(dir);
                let problem = Problem::new(ProblemKind::Unreadable, path, error.to_string(), action);
                self.found.push(NameProblem { part: None, problem });
            }
        }
    }

    fn entry(&mut self, dir: &StorePath, place: Place, entry: &Entry) {
        // A name that is invalid in a path cannot be checked.
        let Some(path) = dir.entry(&entry.name) else { return };
        let name = entry.name.as_str();
        match (entry.kind, place) {
            (EntryKind::Other, _) => self.tell(
                ProblemKind::Link,
                &path,
                "a link or a device; it was not followed",
                "none is needed if you put it there",
            ),
            (EntryKind::Object(_), _) if name.ends_with(TMP_SUFFIX) => self.tell(
                ProblemKind::TemporaryFile,
                &path,
                "an unfinished file, or one that is being written",
                "none is needed; you may remove it while no process writes to the run",
            ),
            (EntryKind::Object(_), _) if is_replaced_name(name) => self.tell(
                ProblemKind::ReplacedFile,
                &path,
                "a repair replaced this file and kept it",
                "remove it when you no longer need it",
            ),
            (EntryKind::Object(_), _) if is_file(place, name) => {}
            (EntryKind::Object(_), Place::Bucket(table, bucket)) => {
                let Some(id) = PartId::parse_file_name(name) else { return self.unknown(&path, "file") };
                if !(self.is_live)(table, bucket, id) {
                    let problem = Problem::new(
                        ProblemKind::OrphanPart,
                        self.log.store.locate(&path),
                        "the part is not live: it was never committed, is not committed yet, or was removed",
                        "none is needed; readers ignore it, and a vacuum removes it",
                    );
                    self.found.push(NameProblem { part: Some((table, bucket, id)), problem });
                }
            }
            (EntryKind::Object(_), _) => self.unknown(&path, "file"),
            (EntryKind::Directory, _) => match subdirectory(place, name) {
                Some(Place::Artifacts(depth)) if depth > MAX_DEPTH => {}
                Some(below) => self.todo.push((path, below)),
                None => self.unknown(&path, "directory"),
            },
        }
    }

    fn unknown(&mut self, path: &StorePath, what: &str) {
        let message = format!("unrecognized {what}, ignored");
        self.tell(ProblemKind::UnknownName, path, &message, "move it elsewhere if you need it");
    }

    fn tell(&mut self, kind: ProblemKind, path: &StorePath, message: &str, action: &str) {
        let problem = Problem::new(kind, self.log.store.locate(path), message, action);
        self.found.push(NameProblem { part: None, problem });
    }
}

/// Returns whether this is a valid name for a file in this place, other than a part's.
fn is_file(place: Place, name: &str) -> bool {
    match place {
        Place::Run => [BUNDLE_FILE, FACTS_FILE, STATUS_FILE].contains(&name),
        Place::Commits => name == BASE_FILE || CommitNumber::parse_file_name(name).is_some(),
        Place::Table(_) => name == MANIFEST_FILE,
        Place::Artifacts(_) => true,
        Place::Tables | Place::Bucket(..) => false,
    }
}

/// The place of a directory of this name in this place; `None` if the name is not valid there.
fn subdirectory(place: Place, name: &str) -> Option<Place> {
    match place {
        Place::Run if name == COMMITS_DIR => Some(Place::Commits),
        Place::Run if name == TABLES_DIR => Some(Place::Tables),
        Place::Run if name == ARTIFACTS_DIR => Some(Place::Artifacts(0)),
        Place::Tables => name.parse().ok().map(Place::Table),
        Place::Table(table) => BucketId::parse_dir_name(name).map(|bucket| Place::Bucket(table, bucket)),
        Place::Artifacts(depth) => Some(Place::Artifacts(depth + 1)),
        Place::Run | Place::Commits | Place::Bucket(..) => None,
    }
}
