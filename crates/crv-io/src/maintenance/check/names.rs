//! Every name in the directory of a run: what each stands for, and those that stand for nothing.

use std::collections::BTreeMap;

use crv_core::grammar::TableName;

use super::parts::Merged;
use super::report::{Problem, ProblemKind};
use crate::commit::RunLog;
use crate::paths::{
    ARTIFACTS_DIR, BASE_FILE, BUNDLE_FILE, BucketId, COMMITS_DIR, CommitNumber, MANIFEST_FILE, PartId,
    StorePath, TABLES_DIR, TMP_SUFFIX, is_replaced_name,
};
use crate::store::{Entry, EntryKind};

/// Directories below this depth are passed over: nobody nests artifacts so, but a loop of mounts may.
const MAX_DEPTH: usize = 32;

/// A problem with a name, and the part that the name is one of, if it is.
#[derive(Debug)]
pub(super) struct NameProblem {
    pub(super) part: Option<(TableName, BucketId, PartId)>,
    pub(super) problem: Problem,
}

/// Parts whose rows are in merged parts are as they should be until a vacuum: one line for each table says so.
pub(super) fn summarize_merged(log: &RunLog, found: &mut Vec<NameProblem>, merged: &Merged) -> Vec<Problem> {
    let mut counts: BTreeMap<TableName, (u64, String)> = BTreeMap::new();
    found.retain(|name| {
        let Some(part) = name.part.filter(|part| merged.contains_key(part)) else { return true };
        counts.entry(part.0).or_insert_with(|| (0, name.problem.path.clone())).0 += 1;
        false
    });
    let told = counts.into_iter().map(|(table, (count, first))| {
        let action = format!("`crv vacuum {}` removes them when no reader needs them", log.paths.run());
        let message = format!("parts of `{table}` whose rows are in merged parts now: {count}");
        Problem::new(ProblemKind::MergedPart, first, message, action)
    });
    told.collect()
}

/// Where a name lies.
#[derive(Clone, Copy)]
enum Place {
    Run,
    Commits,
    Tables,
    Table(TableName),
    Bucket(TableName, BucketId),
    Artifacts(usize),
}

/// The problems of all names; `is_live` tells which parts count.
pub(super) fn problems(
    log: &RunLog,
    is_live: impl Fn(TableName, BucketId, PartId) -> bool,
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
    log: &'a RunLog,
    is_live: F,
    todo: Vec<(StorePath, Place)>,
    found: Vec<NameProblem>,
}

impl<F: Fn(TableName, BucketId, PartId) -> bool> Walk<'_, F> {
    fn dir(&mut self, dir: &StorePath, place: Place) {
        match self.log.store.list(dir, None) {
            Ok(entries) => entries.iter().for_each(|entry| self.entry(dir, place, entry)),
            Err(error) => {
                let action = "see that storage lets it be read, then check again";
                let path = self.log.store.locate(dir);
                let problem = Problem::new(ProblemKind::Unreadable, path, error.to_string(), action);
                self.found.push(NameProblem { part: None, problem });
            }
        }
    }

    fn entry(&mut self, dir: &StorePath, place: Place, entry: &Entry) {
        // Names that cannot be those of an entry of a directory are none that could be looked at.
        let Some(path) = dir.entry(&entry.name) else { return };
        let name = entry.name.as_str();
        match (entry.kind, place) {
            (EntryKind::Other, _) => self.tell(
                ProblemKind::Link,
                &path,
                "a link or a device; what it stands for was not listed",
                "none is needed if you put it there",
            ),
            (EntryKind::Object(_), _) if name.ends_with(TMP_SUFFIX) => self.tell(
                ProblemKind::TemporaryFile,
                &path,
                "a file that was not finished, or is being written",
                "remove it if you like, while nobody writes to the run",
            ),
            (EntryKind::Object(_), _) if is_replaced_name(name) => self.tell(
                ProblemKind::ReplacedFile,
                &path,
                "a repair put another file in place of this one",
                "remove it when it is of no more use",
            ),
            (EntryKind::Object(_), _) if is_file(place, name) => {}
            (EntryKind::Object(_), Place::Bucket(table, bucket)) => {
                let Some(id) = PartId::parse_file_name(name) else { return self.unknown(&path, "file") };
                if !(self.is_live)(table, bucket, id) {
                    let problem = Problem::new(
                        ProblemKind::OrphanPart,
                        self.log.store.locate(&path),
                        "no commit names the part: it was never committed, or is about to be, or was taken out",
                        "none is needed; its rows do not count, and a vacuum removes it",
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
        let message = format!("a {what} that is none of the format's; it is passed over");
        self.tell(ProblemKind::UnknownName, path, &message, "move it elsewhere if it is of use");
    }

    fn tell(&mut self, kind: ProblemKind, path: &StorePath, message: &str, action: &str) {
        let problem = Problem::new(kind, self.log.store.locate(path), message, action);
        self.found.push(NameProblem { part: None, problem });
    }
}

/// Is this a name for a file in this place, other than that of a part?
fn is_file(place: Place, name: &str) -> bool {
    match place {
        Place::Run => name == BUNDLE_FILE,
        Place::Commits => name == BASE_FILE || CommitNumber::parse_file_name(name).is_some(),
        Place::Table(_) => name == MANIFEST_FILE,
        Place::Artifacts(_) => true,
        Place::Tables | Place::Bucket(..) => false,
    }
}

/// The place that a directory in this place is, if there is one.
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
