//! The errors of reading and writing a log.

use crv_core::tables::TableId;
use crv_schema::schema::SchemaConflict;

use super::backoff::TRIES;
use super::change::Commit;
use super::reader::LogReader;
use crate::error::{Error, ErrorKind};
use crate::paths::CommitNumber;
use crate::store::StoreError;

/// The error of a change to `what`, a run or a table, that lost as many races.
pub(super) fn gave_up(what: &str, tries: u32) -> Error {
    let text = format!("{what}: other writers keep changing it; gave up after {tries} conflicts");
    Error::new(ErrorKind::Conflict, text).with_hint("try again when the run is quieter")
}

impl LogReader {
    /// The error of a failed read from the store, with the run.
    pub fn read_failed(&self, error: StoreError) -> Error {
        let text = format!("run `{}`: {error}", self.paths.run());
        Error::caused_by(ErrorKind::Read, text, error.hint(), error)
    }

    /// The error of a failed write to the store, with the run.
    pub fn write_failed(&self, error: StoreError) -> Error {
        let text = format!("run `{}`: {error}", self.paths.run());
        Error::caused_by(ErrorKind::Write, text, error.hint(), error)
    }

    pub(super) fn no_manifest(&self, table: TableId) -> Error {
        Error::manifest(format!(
            "{} has no manifest: nothing was written to it, or `{}` was lost",
            self.name(table),
            self.store.locate(&self.paths.manifest(table))
        ))
        .with_hint(format!(
            "append to the table first; if it was written before, {}",
            self.rebuild_hint(table)
        ))
    }

    /// The hint for a log that cannot be read.
    pub(super) fn log_hint(&self) -> String {
        let run = self.paths.run();
        format!(
            "`crv check {run}` says whether `crv repair {run}` can repair it; else restore the file from a copy of the run"
        )
    }

    /// The hint for a manifest that is missing or damaged.
    pub(super) fn rebuild_hint(&self, table: TableId) -> String {
        format!(
            "write it again from the log with Dataset.repair() or `crv repair {run}`, or from the parts on disk with Dataset.rebuild_manifest(\"{table}\") or `crv rebuild {run} {table}`",
            run = self.paths.run()
        )
    }

    pub(super) fn conflicting(&self, commit: &Commit, conflict: &SchemaConflict) -> Error {
        let path = self.store.locate(&self.paths.commit(commit.number));
        damaged("commit file", &path, &format!("its schema does not fit the table's: {conflict}"))
    }

    /// The error for a log that was pruned during every attempt to read it.
    pub(super) fn pruned_meanwhile(&self) -> Error {
        let run = self.paths.run();
        Error::new(
            ErrorKind::Read,
            format!("run `{run}`: its log was pruned {TRIES} times in a row while it was read"),
        )
        .with_hint("try again; prune less often")
    }

    /// The error for a commit that is missing while a later one is there.
    pub(super) fn missing_commit(&self, number: CommitNumber) -> Error {
        let path = self.store.locate(&self.paths.commit(number));
        damaged("commit log", &path, "this commit is missing, and later ones are there")
            .with_hint(self.log_hint())
    }
}

/// The error for a damaged document.
pub(super) fn damaged(what: &str, path: &str, why: &str) -> Error {
    Error::manifest(format!("{what} `{path}` is damaged: {why}"))
}

pub(super) fn encoding_failed(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Write, format!("could not serialize the document: {error}"))
}
