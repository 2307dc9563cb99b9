//! Reading the facts and the status of a run.

use super::document::{self, FORMAT, MAX_FACTS_BYTES, RunFacts};
use super::status::{self, MAX_STATUS_BYTES, RunStatus};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest;
use crate::paths::StorePath;
use crate::store::StoreError;

/// Why a document cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Storage refused.
    Refused,
    /// It is of a later version.
    Later,
    /// It is damaged.
    Damaged,
    /// It is that of another run.
    OfAnotherRun,
}

/// A document that cannot be read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) why: Unreadable,
    /// The reason alone, for a report that names the file itself.
    pub(crate) detail: String,
    pub(crate) error: Error,
}

type Read<T> = Result<Option<T>, Unread>;

impl Dataset {
    /// What this run is, and where it comes from; `None` if it was not begun by [`start_run`](crate::run::start_run).
    ///
    /// An error of kind [`Manifest`](ErrorKind::Manifest) if the document is damaged, of a later version, or of another
    /// run.
    pub fn facts(&self) -> Result<Option<RunFacts>> {
        self.read_facts().map_err(|unread| unread.error)
    }

    /// How this run is doing; `None` if it was not begun by [`start_run`](crate::run::start_run). A run whose process is
    /// gone is [stale](crate::run::RunState::Stale).
    ///
    /// An error of kind [`Manifest`](ErrorKind::Manifest) if the document is damaged or of a later version. It is a report
    /// only: the run can be read and written all the same.
    pub fn status(&self) -> Result<Option<RunStatus>> {
        self.read_status().map_err(|unread| unread.error)
    }

    pub(crate) fn read_facts(&self) -> Read<RunFacts> {
        let (store, run) = self.storage();
        let path = run.facts();
        let Some(facts) = self.read_document("facts", &path, MAX_FACTS_BYTES, document::decode)? else {
            return Ok(None);
        };
        if facts.run_id == *run.run() {
            return Ok(Some(facts));
        }
        let (of, path) = (&facts.run_id, store.locate(&path));
        let error = format!("run `{}`: its facts file `{path}` is of run `{of}`", run.run());
        let hint = format!(
            "if the run's directory was renamed, name it `{of}` again; if the file was copied there, remove it"
        );
        Err(Unread {
            why: Unreadable::OfAnotherRun,
            detail: format!("the facts are of run `{of}`"),
            error: Error::manifest(error).with_hint(hint),
        })
    }

    pub(crate) fn read_status(&self) -> Read<RunStatus> {
        let path = self.storage().1.status();
        let status = self.read_document("status", &path, MAX_STATUS_BYTES, status::decode)?;
        Ok(status.map(RunStatus::judged))
    }

    /// Reads a document of at most `most` bytes: a longer one is not ours.
    fn read_document<T>(
        &self,
        what: &str,
        path: &StorePath,
        most: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Read<T> {
        let (store, run) = self.storage();
        let refused = |error: StoreError| {
            let detail = error.to_string();
            let text = format!("run `{}`: {detail}", run.run());
            let error = Error::caused_by(ErrorKind::Read, text, error.hint(), error);
            Unread { why: Unreadable::Refused, detail, error }
        };
        let Some(blob) = store.open(path).map_err(refused)? else { return Ok(None) };
        let located = store.locate(path);
        let damaged = |why: &str| {
            let error = format!("run `{}`: its {what} file `{located}` is damaged: {why}", run.run());
            let hint = "no row is affected; restore the file from a copy of the run, or remove it";
            Unread {
                why: Unreadable::Damaged,
                detail: format!("the {what} file is damaged: {why}"),
                error: Error::manifest(error).with_hint(hint),
            }
        };
        if blob.size() > most as u64 {
            return Err(damaged(&format!("it has {} bytes", blob.size())));
        }
        let bytes = blob.read_at(0, blob.size() as usize);
        let bytes = bytes.map_err(|error| refused(StoreError::new("read", located.as_str(), error)))?;
        match decode(&bytes) {
            Ok(document) => Ok(Some(document)),
            Err(why) if manifest::is_later(&bytes, FORMAT) => {
                let error = format!("run `{}`: its {what} file `{located}` cannot be read: {why}", run.run());
                let hint = "read it with the version of crv that wrote it, or a later one";
                Err(Unread {
                    why: Unreadable::Later,
                    detail: why,
                    error: Error::manifest(error).with_hint(hint),
                })
            }
            Err(why) => Err(damaged(if bytes.is_empty() { "it is empty" } else { &why })),
        }
    }
}
