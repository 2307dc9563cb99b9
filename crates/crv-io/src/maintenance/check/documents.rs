//! Messages for the problems of the log and of the manifests.

use crv_core::tables::TableId;

use super::history::{Break, Cause, History, TableHistory};
use super::report::{Problem, ProblemKind};
use crate::commit::{Damage, Found, LogReader};
use crate::paths::StorePath;

const RESTORE: &str = "restore the file from a copy of the run";
const UPGRADE: &str = "read the run with the version of crv that wrote it, or a later one";

/// The problems of the log and of every manifest.
pub(super) fn problems(log: &LogReader, history: &History) -> Vec<Problem> {
    let teller = Teller { log, history };
    let mut problems = Vec::new();
    if let Some(why) = &history.unlisted {
        problems.push(teller.unreadable(&log.paths.commits(), why));
    }
    problems.extend(teller.base());
    problems.extend(history.breaks.iter().map(|broken| teller.broken(broken)));
    problems.extend(teller.lost_log());
    problems.extend(history.tables.iter().filter_map(|(table, known)| teller.manifest(*table, known)));
    problems.extend(history.leftovers.iter().map(|number| {
        Problem::new(
            ProblemKind::LeftoverCommit,
            log.store.locate(&log.paths.commit(*number)),
            "the base replaces this commit; the file is ignored",
            format!("none is needed; the next `{}` removes it", teller.command("prune")),
        )
    }));
    problems
}

struct Teller<'a> {
    log: &'a LogReader,
    history: &'a History,
}

impl Teller<'_> {
    fn command(&self, verb: &str) -> String {
        format!("crv {verb} {}", self.log.paths.run())
    }

    /// The action for a problem that a repair can solve if `can`.
    fn repair(&self, can: bool) -> String {
        if can { format!("run `{}`", self.command("repair")) } else { RESTORE.to_owned() }
    }

    fn at(&self, kind: ProblemKind, path: &StorePath, message: &str, action: String) -> Problem {
        Problem::new(kind, self.log.store.locate(path), message, action)
    }

    fn unreadable(&self, path: &StorePath, why: &str) -> Problem {
        let action = "make it readable, then check again".to_owned();
        self.at(ProblemKind::Unreadable, path, why, action)
    }

    fn later(&self, path: &StorePath, damage: &Damage) -> Problem {
        self.at(ProblemKind::LaterVersion, path, &damage.why, UPGRADE.to_owned())
    }

    fn base(&self) -> Option<Problem> {
        let path = self.log.paths.base();
        match &self.history.base {
            Found::Absent | Found::Whole(_) => None,
            Found::Unreadable(why) => Some(self.unreadable(&path, why)),
            Found::Damaged(damage) if damage.later => Some(self.later(&path, damage)),
            Found::Damaged(damage) => {
                let message = format!("the base of the log is damaged: {}", damage.why);
                let action = self.repair(self.history.can_move_base());
                Some(self.at(ProblemKind::DamagedBase, &path, &message, action))
            }
        }
    }

    fn broken(&self, broken: &Break) -> Problem {
        let path = self.log.paths.commit(broken.first);
        let covered = self.history.covers(broken.last);
        let known = if covered { "every manifest includes it" } else { "not every manifest includes it" };
        let action = self.repair(covered && self.history.can_move_base());
        match &broken.cause {
            Cause::Unreadable(why) => self.unreadable(&path, why),
            Cause::Damaged(damage) if damage.later => self.later(&path, damage),
            Cause::Damaged(damage) if self.history.torn().is_some_and(|torn| torn.first == broken.first) => {
                let message =
                    format!("the newest commit is damaged, and no manifest includes it: {}", damage.why);
                self.at(ProblemKind::TornCommit, &path, &message, self.repair(true))
            }
            Cause::Damaged(damage) => {
                let message = format!("commit {} is damaged, and {known}: {}", broken.first, damage.why);
                self.at(ProblemKind::DamagedCommit, &path, &message, action)
            }
            Cause::Missing if broken.first == broken.last => {
                let message =
                    format!("commit {} is missing, and later ones are there; {known}", broken.first);
                self.at(ProblemKind::MissingCommit, &path, &message, action)
            }
            Cause::Missing => {
                let known =
                    if covered { "every manifest includes them" } else { "not every manifest includes them" };
                let (first, last) = (broken.first, broken.last);
                let message =
                    format!("commits {first} to {last} are missing, and later ones are there; {known}");
                let action =
                    if covered { action } else { "restore the files from a copy of the run".to_owned() };
                self.at(ProblemKind::MissingCommit, &path, &message, action)
            }
        }
    }

    fn lost_log(&self) -> Option<Problem> {
        let History { end, head, base, unlisted, .. } = self.history;
        // The commits that a damaged base replaces are unknown: no commit need be lost.
        if head <= end || unlisted.is_some() || matches!(base, Found::Damaged(_) | Found::Unreadable(_)) {
            return None;
        }
        let path = self.log.paths.commit(end.next());
        let message = format!("manifests include commits up to {head}, but the log ends at {end}");
        let action = if self.history.can_move_base() {
            self.repair(true)
        } else {
            "restore the run's `_commits` from a copy".to_owned()
        };
        Some(self.at(ProblemKind::LostLog, &path, &message, action))
    }

    fn manifest(&self, table: TableId, known: &TableHistory) -> Option<Problem> {
        let path = self.log.paths.manifest(table);
        let repair = self.repair(self.history.remedy(table).is_some());
        match &known.manifest {
            Found::Absent if known.is_written() => {
                let message = format!("table `{table}` was written, but its manifest is missing");
                Some(self.at(ProblemKind::MissingManifest, &path, &message, repair))
            }
            Found::Absent => None,
            Found::Unreadable(why) => Some(self.unreadable(&path, why)),
            Found::Damaged(damage) if damage.later => Some(self.later(&path, damage)),
            Found::Damaged(damage) => {
                let message = format!("the manifest is damaged: {}", damage.why);
                Some(self.at(ProblemKind::DamagedManifest, &path, &message, repair))
            }
            Found::Whole(manifest) => {
                let nothing = "none is needed".to_owned();
                if let Some(why) = &known.disagreement {
                    let message = format!("the manifest disagrees with the log: {why}");
                    return Some(self.at(ProblemKind::ManifestDisagrees, &path, &message, repair));
                }
                if !manifest.knows_log {
                    let message = "the manifest was written by another implementation: it names no commit";
                    let action = "none is needed; the next append adds its parts to the log".to_owned();
                    return Some(self.at(ProblemKind::ForeignManifest, &path, message, action));
                }
                let through = self.history.base.whole().map(|base| base.through)?;
                let older = manifest.state.commit < through;
                let message = format!(
                    "the manifest is of commit {}, older than the base of the log, which is of commit {through}",
                    manifest.state.commit
                );
                older.then(|| self.at(ProblemKind::OldManifest, &path, &message, nothing))
            }
        }
    }
}
