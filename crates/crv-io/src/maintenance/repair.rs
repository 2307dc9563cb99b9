//! Repairs a run: only what is possible without losing acknowledged rows.
//!
//! A manifest is rewritten from the log, a base from manifests, and a commit that cannot have been acknowledged is set
//! aside. A replaced file is kept under another name. Each step reads the run again and makes one change; a run that
//! needs no repair is left unchanged.

use std::collections::{BTreeMap, BTreeSet};

use crv_core::tables::TableId;
use serde::{Serialize, Serializer};

use super::check::history::{Break, Cause, History, Remedy};
use super::check::{self, CheckOptions, Problem, ProblemKind};
use super::rebuild::{RebuildReport, rebuild};
use crate::commit::{Base, LogReader, Publisher};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{CommitNumber, StorePath};
use crate::stamp;
use crate::store::{PutMode, PutOutcome, Tag};

/// Most steps of a repair: more than there are documents to repair.
const STEPS: usize = 32;

/// The report of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// The changes, in order.
    pub actions: Vec<RepairAction>,
    /// Problems that remain, without harmless ones.
    pub left: Vec<Problem>,
}

/// One change of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairAction {
    /// Its kind.
    pub kind: RepairKind,
    /// The file that was changed.
    pub path: String,
    /// The reason, and the source of the new contents.
    pub message: String,
    /// The path of the kept file, if one was replaced.
    pub kept: Option<String>,
}

/// The kinds of changes that a repair makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RepairKind {
    /// A damaged commit file was renamed.
    SetAsideCommit,
    /// A manifest was written from the log.
    WriteManifest,
    /// A manifest was rebuilt from the parts on disk.
    RebuildManifest,
    /// The base of the log was written from the manifests.
    WriteBase,
}

impl RepairKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::SetAsideCommit, Self::WriteManifest, Self::RebuildManifest, Self::WriteBase];

    /// The stable code of this kind, the same in every language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetAsideCommit => "set-aside-commit",
            Self::WriteManifest => "write-manifest",
            Self::RebuildManifest => "rebuild-manifest",
            Self::WriteBase => "write-base",
        }
    }
}

impl std::fmt::Display for RepairKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for RepairKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Repairs the run.
pub(crate) fn repair(publisher: &Publisher) -> Result<RepairReport> {
    let log = &**publisher.log();
    let mut repair = Repair { log, publisher, actions: Vec::new(), given_up: BTreeSet::new() };
    for _ in 0..STEPS {
        let (history, problems) = check::stable(log);
        if !repair.step(&history, &problems)? {
            break;
        }
        log.forget();
    }
    let mut left = check::check(log, CheckOptions::default(), &|_| {})?.problems;
    if repair.undouble(&left)? {
        log.forget();
        left = check::check(log, CheckOptions::default(), &|_| {})?.problems;
    }
    Ok(RepairReport {
        actions: repair.actions,
        left: left.into_iter().filter(|problem| !problem.harmless).collect(),
    })
}

struct Repair<'a> {
    log: &'a LogReader,
    publisher: &'a Publisher,
    actions: Vec<RepairAction>,
    /// Tables that cannot be rebuilt.
    given_up: BTreeSet<TableId>,
}

impl Repair<'_> {
    /// Makes the first possible change; `false` if there is none.
    fn step(&mut self, history: &History, problems: &[Problem]) -> Result<bool> {
        let has = |kind: ProblemKind| problems.iter().any(|problem| problem.kind == kind);
        if has(ProblemKind::TornCommit)
            && let Some(torn) = history.torn()
        {
            let why = "it was damaged, and no manifest includes it: on storage that honours `fsync` it was never \
                       acknowledged; its parts stay on disk, and no commit names them";
            return self.set_aside(torn, why);
        }
        for problem in problems {
            if let Some(table) = self.table_to_mend(history, problem)
                && let Some(remedy) = history.remedy(table)
                && self.mend_manifest(table, remedy, &problem.message)?
            {
                return Ok(true);
            }
        }
        let broken = [
            ProblemKind::DamagedBase,
            ProblemKind::DamagedCommit,
            ProblemKind::MissingCommit,
            ProblemKind::LostLog,
        ];
        if broken.into_iter().any(has) && history.can_move_base() {
            return self.move_base(history);
        }
        Ok(false)
    }

    /// The table whose manifest the problem is about, if a new manifest may solve it.
    fn table_to_mend(&self, history: &History, problem: &Problem) -> Option<TableId> {
        let mends = matches!(
            problem.kind,
            ProblemKind::MissingManifest | ProblemKind::DamagedManifest | ProblemKind::ManifestDisagrees
        );
        let is_of = |table: &&TableId| problem.path == self.shown(&self.log.paths.manifest(**table));
        let table = history.tables.keys().filter(|_| mends).find(is_of).copied()?;
        (!self.given_up.contains(&table)).then_some(table)
    }

    fn mend_manifest(&mut self, table: TableId, remedy: Remedy<'_>, why: &str) -> Result<bool> {
        let path = self.log.paths.manifest(table);
        let (tag, kept) = self.keep(&path)?;
        let (kind, message) = match remedy {
            Remedy::Write(state) => {
                if !self.publisher.restore_manifest(&dated(state), tag.as_ref())? {
                    return self.overtaken(&path);
                }
                let parts = state.part_count();
                (RepairKind::WriteManifest, format!("written from the log, with {parts} parts: {why}"))
            }
            Remedy::Rebuild => {
                let Some(report) = self.rebuild(table, kept.as_ref())? else { return Ok(false) };
                let (parts, rows) = (report.parts, report.rows);
                let told = format!("rebuilt from {parts} parts on disk with {rows} rows: {why}");
                (RepairKind::RebuildManifest, told)
            }
        };
        self.did(kind, &path, message, kept.as_ref());
        Ok(true)
    }

    /// Removes parts from their tables whose rows are also in merged parts; `false` if there are none. Skips tables
    /// that have other problems with their parts: a rebuild would drop the rows of those.
    fn undouble(&mut self, problems: &[Problem]) -> Result<bool> {
        let mut done = false;
        for table in self.log.table_dirs()? {
            let dir = format!("{}/", self.shown(&self.log.paths.table(table)));
            let mut of_table = problems.iter().filter(|problem| problem.path.starts_with(&dir));
            let bars = |problem: &Problem| !problem.harmless && problem.kind != ProblemKind::DoubledPart;
            let doubled = of_table.clone().filter(|problem| problem.kind == ProblemKind::DoubledPart).count();
            if doubled == 0 || of_table.any(bars) {
                continue;
            }
            let path = self.log.paths.manifest(table);
            let (_, kept) = self.keep(&path)?;
            if self.rebuild(table, kept.as_ref())?.is_some() {
                let message = format!("removed {doubled} parts whose rows are also in merged parts");
                self.did(RepairKind::RebuildManifest, &path, message, kept.as_ref());
                done = true;
            }
        }
        Ok(done)
    }

    /// Rebuilds the manifest of `table`. `None` if this is impossible: the check that follows reports why.
    fn rebuild(&mut self, table: TableId, kept: Option<&StorePath>) -> Result<Option<RebuildReport>> {
        match rebuild(self.publisher, table) {
            Err(error)
                if matches!(error.kind(), ErrorKind::Manifest | ErrorKind::Read | ErrorKind::NotFound) =>
            {
                self.given_up.insert(table);
                if let Some(kept) = kept {
                    self.log.store.remove(kept).map_err(|error| self.log.write_failed(error))?;
                }
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Writes a base with the current state of all tables, which replaces all commits. Every manifest is updated to the
    /// same commit first, as before a prune.
    fn move_base(&mut self, history: &History) -> Result<bool> {
        let through = history.head;
        let mut tables = BTreeMap::new();
        for (table, known) in &history.tables {
            let Some(state) = known.state.as_ref().filter(|state| !state.is_unwritten()) else { continue };
            let mut state = dated(state);
            state.commit = through;
            if known.checkpoint().is_some_and(|checkpoint| checkpoint < through) {
                let path = self.log.paths.manifest(*table);
                let tag = self.log.store.tag(&path).map_err(|error| self.log.read_failed(error))?;
                if !self.publisher.restore_manifest(&state, tag.as_ref())? {
                    return self.overtaken(&path);
                }
            }
            tables.insert(*table, state);
        }
        let path = self.log.paths.base();
        let (tag, kept) = self.keep(&path)?;
        if !self.publisher.restore_base(&Base { through, tables, ids: Vec::new() }, tag.as_ref())? {
            return self.overtaken(&path);
        }
        let message = format!("written from the manifests, which include all commits up to {through}");
        self.did(RepairKind::WriteBase, &path, message, kept.as_ref());
        for broken in history.breaks.iter().filter(|broken| matches!(broken.cause, Cause::Damaged(_))) {
            let why = "it was damaged, and every manifest includes it: the base of the log replaces it";
            self.set_aside(broken, why)?;
        }
        Ok(true)
    }

    /// Renames a damaged commit file, unless it has changed since it was copied.
    fn set_aside(&mut self, broken: &Break, why: &str) -> Result<bool> {
        let number: CommitNumber = broken.first;
        let path = self.log.paths.commit(number);
        let (tag, Some(kept)) = self.keep(&path)? else { return Ok(false) };
        if self.tag(&path)? != tag {
            return self.overtaken(&path);
        }
        let remove = self.log.store.remove(&path);
        // One sync of the directory makes the new name and the removal durable.
        let synced = remove.and_then(|()| self.log.store.sync(std::slice::from_ref(&kept)));
        synced.map_err(|error| self.log.write_failed(error))?;
        self.did(RepairKind::SetAsideCommit, &path, why.to_owned(), Some(&kept));
        Ok(true)
    }

    /// Copies the file at `path`, if it exists, to a new name in the same directory, durably.
    fn keep(&self, path: &StorePath) -> Result<(Option<Tag>, Option<StorePath>)> {
        let read = self.log.store.read(path).map_err(|error| self.log.read_failed(error))?;
        let Some((bytes, tag)) = read else { return Ok((None, None)) };
        let kept = path.replaced(stamp::now(), stamp::random() as u32);
        let put = self.log.store.put(&kept, &bytes, PutMode::IfAbsent);
        match put.map_err(|error| self.log.write_failed(error))? {
            PutOutcome::Stored(_) => Ok((Some(tag), Some(kept))),
            PutOutcome::Refused => self.overtaken(&kept),
        }
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>> {
        self.log.store.tag(path).map_err(|error| self.log.read_failed(error))
    }

    fn shown(&self, path: &StorePath) -> String {
        self.log.store.locate(path)
    }

    fn did(&mut self, kind: RepairKind, path: &StorePath, message: String, kept: Option<&StorePath>) {
        let action =
            RepairAction { kind, path: self.shown(path), message, kept: kept.map(|kept| self.shown(kept)) };
        self.actions.push(action);
    }

    fn overtaken<T>(&self, path: &StorePath) -> Result<T> {
        let text =
            format!("run `{}`: another process is changing `{}`", self.log.paths.run(), self.shown(path));
        Err(Error::new(ErrorKind::Write, text).with_hint("retry while no process writes to the run"))
    }
}

/// Returns the state with its creation time: the log does not record it, so it is at most that of the first part.
fn dated(state: &TableState) -> TableState {
    let mut state = state.clone();
    let first = state.parts().map(|(_, part)| part.created_at).min();
    state.created_at = first.map_or(state.created_at, |first| first.min(state.created_at));
    state
}
