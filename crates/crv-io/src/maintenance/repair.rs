//! Repairing a run: what can be done without losing anything that was acknowledged, and nothing else.
//!
//! A manifest is made anew from the log, a base from manifests, a commit that nobody can have been told of is set
//! aside. What takes the place of a file keeps the file beside it. Each step begins with a new look at the run, and
//! does one thing; a run that was repaired, or needs none, is left as it is.

use std::collections::{BTreeMap, BTreeSet};

use crv_core::grammar::TableName;
use serde::{Serialize, Serializer};

use super::check::history::{Break, Cause, History, Remedy};
use super::check::{self, CheckOptions, Problem, ProblemKind};
use super::rebuild::{RebuildReport, rebuild};
use crate::commit::{Base, RunLog};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::TableState;
use crate::paths::{CommitNumber, StorePath};
use crate::stamp;
use crate::store::{PutMode, PutOutcome, Tag};

/// A repair takes so many steps at most: there are not so many things to mend.
const STEPS: usize = 32;

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// What was done, in order.
    pub actions: Vec<RepairAction>,
    /// Problems that are left, harmless ones aside.
    pub left: Vec<Problem>,
}

/// One thing that a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairAction {
    /// What was done.
    pub kind: RepairKind,
    /// To which file.
    pub path: String,
    /// Why, and from what.
    pub message: String,
    /// Where the file is that was there before.
    pub kept: Option<String>,
}

/// What a repair can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RepairKind {
    /// A commit file that cannot be read got another name.
    SetAsideCommit,
    /// A manifest was written as the log tells it.
    WriteManifest,
    /// A manifest was rebuilt from the parts on disk.
    RebuildManifest,
    /// The base of the log was written from the manifests.
    WriteBase,
}

impl RepairKind {
    /// Everything there is.
    pub const ALL: [Self; 4] =
        [Self::SetAsideCommit, Self::WriteManifest, Self::RebuildManifest, Self::WriteBase];

    /// The stable word for this, the same in every language.
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

/// Mends what can be mended.
pub(crate) fn repair(log: &RunLog) -> Result<RepairReport> {
    let mut repair = Repair { log, actions: Vec::new(), given_up: BTreeSet::new() };
    for _ in 0..STEPS {
        let (history, problems) = check::settled(log);
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
    log: &'a RunLog,
    actions: Vec<RepairAction>,
    /// Tables that cannot be rebuilt.
    given_up: BTreeSet<TableName>,
}

impl Repair<'_> {
    /// Does the first thing there is to do; `false` when there is none.
    fn step(&mut self, history: &History, problems: &[Problem]) -> Result<bool> {
        let has = |kind: ProblemKind| problems.iter().any(|problem| problem.kind == kind);
        if has(ProblemKind::TornCommit)
            && let Some(torn) = history.torn()
        {
            let why = "it was damaged, and no manifest includes it: on storage that keeps its word it was never \
                       acknowledged; its parts stay, and no commit names them";
            return self.set_aside(torn, why);
        }
        for problem in problems {
            if let Some(table) = self.table_to_mend(problem)
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

    /// The table whose manifest the problem is about, if a new one is the answer.
    fn table_to_mend(&self, problem: &Problem) -> Option<TableName> {
        let mends = matches!(
            problem.kind,
            ProblemKind::MissingManifest | ProblemKind::DamagedManifest | ProblemKind::ManifestDisagrees
        );
        let is_of = |table: &&TableName| problem.path == self.shown(&self.log.paths.manifest(**table));
        let table = TableName::ALL.iter().filter(|_| mends).find(is_of).copied()?;
        (!self.given_up.contains(&table)).then_some(table)
    }

    fn mend_manifest(&mut self, table: TableName, remedy: Remedy<'_>, why: &str) -> Result<bool> {
        let path = self.log.paths.manifest(table);
        let (tag, kept) = self.keep(&path)?;
        let (kind, message) = match remedy {
            Remedy::Write(state) => {
                if !self.log.restore_manifest(&dated(state), tag.as_ref())? {
                    return self.overtaken(&path);
                }
                let parts = state.part_count();
                (RepairKind::WriteManifest, format!("written as the log tells it, with {parts} parts: {why}"))
            }
            Remedy::Rebuild => {
                let Some(report) = self.rebuild(table, kept.as_ref())? else { return Ok(false) };
                let (parts, rows) = (report.parts, report.rows);
                let told = format!("rebuilt from the parts on disk, {parts} with {rows} rows: {why}");
                (RepairKind::RebuildManifest, told)
            }
        };
        self.did(kind, &path, message, kept.as_ref());
        Ok(true)
    }

    /// Takes parts out of their tables whose rows are in merged parts as well; `false` when there are none. Not where
    /// the table has other problems with its parts: a rebuild would drop the rows of those.
    fn undouble(&mut self, problems: &[Problem]) -> Result<bool> {
        let mut done = false;
        for table in TableName::ALL.iter().copied() {
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
                let message =
                    format!("{doubled} parts were taken out whose rows are in merged parts as well");
                self.did(RepairKind::RebuildManifest, &path, message, kept.as_ref());
                done = true;
            }
        }
        Ok(done)
    }

    /// Rebuilds the manifest of `table`, or gives it up: what is in the way is told by the check that follows.
    fn rebuild(&mut self, table: TableName, kept: Option<&StorePath>) -> Result<Option<RebuildReport>> {
        match rebuild(self.log, table) {
            Err(error) if matches!(error.kind(), ErrorKind::Manifest | ErrorKind::Read) => {
                self.given_up.insert(table);
                if let Some(kept) = kept {
                    self.log.store.remove(kept).map_err(|error| self.log.write_failed(error))?;
                }
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Writes a base of what the tables are now, so that no commit before counts any more. Every manifest is brought
    /// up to it first, as before a pruning.
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
                if !self.log.restore_manifest(&state, tag.as_ref())? {
                    return self.overtaken(&path);
                }
            }
            tables.insert(*table, state);
        }
        let path = self.log.paths.base();
        let (tag, kept) = self.keep(&path)?;
        if !self.log.restore_base(&Base { through, tables, ids: Vec::new() }, tag.as_ref())? {
            return self.overtaken(&path);
        }
        let message = format!("written from the manifests, which tell all that commits up to {through} did");
        self.did(RepairKind::WriteBase, &path, message, kept.as_ref());
        for broken in history.breaks.iter().filter(|broken| matches!(broken.cause, Cause::Damaged(_))) {
            let why = "it was damaged, and every manifest includes it: the base of the log stands for it now";
            self.set_aside(broken, why)?;
        }
        Ok(true)
    }

    /// Gives a damaged commit file another name, if it is still the one that was found damaged.
    fn set_aside(&mut self, broken: &Break, why: &str) -> Result<bool> {
        let number: CommitNumber = broken.first;
        let path = self.log.paths.commit(number);
        let (tag, Some(kept)) = self.keep(&path)? else { return Ok(false) };
        if self.tag(&path)? != tag {
            return self.overtaken(&path);
        }
        let remove = self.log.store.remove(&path);
        // The removal is durable with the name that was given instead.
        let settle = remove.and_then(|()| self.log.store.settle(std::slice::from_ref(&kept)));
        settle.map_err(|error| self.log.write_failed(error))?;
        self.did(RepairKind::SetAsideCommit, &path, why.to_owned(), Some(&kept));
        Ok(true)
    }

    /// Copies what is at `path`, if anything, to a name of its own beside it, durably.
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
        let text = format!("run `{}`: somebody else changes `{}`", self.log.paths.run(), self.shown(path));
        Err(Error::new(ErrorKind::Write, text)
            .with_hint("repair a run while nobody writes to it; try again then"))
    }
}

/// The state, which a log tells without saying when its table was made: with its first part at the latest.
fn dated(state: &TableState) -> TableState {
    let mut state = state.clone();
    let first = state.parts().map(|(_, part)| part.created_at).min();
    state.created_at = first.map_or(state.created_at, |first| first.min(state.created_at));
    state
}
