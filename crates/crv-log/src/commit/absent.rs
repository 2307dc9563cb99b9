//! The errors for a run or a table that was never written.

use crv_core::grammar::TableName;
use crv_core::suggest::nearest;
use crv_core::tables::TableId;

use super::reader::LogReader;
use crate::error::{Error, ErrorKind, Result};
use crate::paths::{self, RunPaths};
use crate::store::{EntryKind, Store};

impl LogReader {
    /// Whether anything lies in the run's directory: tables, artifacts or a bundle.
    pub fn exists(&self) -> Result<bool> {
        let entries = self.store.list(self.paths.root(), None).map_err(|error| self.read_failed(error))?;
        Ok(!entries.is_empty())
    }

    /// Returns an error if the run does not exist.
    pub fn check_exists(&self) -> Result<()> {
        if self.exists()? { Ok(()) } else { Err(no_run(&*self.store, &self.paths)) }
    }

    /// The error for a table without rows or without a manifest: there is no such run, nothing was written, or the
    /// manifest is lost.
    pub(super) fn unwritten(&self, table: TableId) -> Error {
        if let Err(absent) = self.check_exists()
            && absent.kind() == ErrorKind::NotFound
        {
            return absent;
        }
        if table.canonical().is_none() && matches!(self.has_trace(table), Ok(false)) {
            return self.undeclared(table);
        }
        let lost = self.no_manifest(table);
        // Parts without a manifest were written: the manifest is lost. Looked for last, since a first append creates the
        // manifest before any part has its name. A failed read must not hide that it is lost.
        let has_parts = self.has_parts(table).unwrap_or(true);
        let is_lost = has_parts && !self.has_manifest(table).unwrap_or(false);
        if is_lost { lost } else { lost.not_found() }
    }

    /// Returns whether the table has a manifest or parts.
    fn has_trace(&self, table: TableId) -> Result<bool> {
        Ok(self.has_manifest(table)? || self.has_parts(table)?)
    }

    /// Returns an error if the log names a table that has no manifest: it was declared, and its manifest is lost.
    pub(super) fn check_not_lost(&self, table: TableId) -> Result<()> {
        // Guard: the manifest is looked for after the log is read. It is durable before the first commit to its table.
        if self.is_logged(table)? && !self.has_manifest(table)? {
            return Err(self.no_manifest(table));
        }
        Ok(())
    }

    fn has_manifest(&self, table: TableId) -> Result<bool> {
        let tag = self.store.tag(&self.paths.manifest(table)).map_err(|error| self.read_failed(error))?;
        Ok(tag.is_some())
    }

    /// The error for a table that is neither canonical nor declared, with the name that was probably meant; for one
    /// that was declared, that its manifest is lost.
    pub fn undeclared(&self, table: TableId) -> Error {
        // Guard: nothing here takes the cache, which a caller may hold. Error ignored: without the names the error
        // suggests only canonical tables.
        let known = self.table_dirs().unwrap_or_default();
        // The log is read only if the table has a directory: a misspelt name must not cost that.
        if known.contains(&table)
            && let Err(lost) = self.check_not_lost(table)
            && lost.kind() == ErrorKind::Manifest
        {
            return lost;
        }
        let others = known.iter().filter(|known| **known != table).map(TableId::as_str);
        let canonical = TableName::ALL.iter().map(|table| table.as_str());
        let near = nearest(table.as_str(), others.chain(canonical));
        let run = self.paths.run();
        let declare =
            format!("declare it first: Dataset.declare(\"{table}\", …) or `crv declare {run} {table} …`");
        let hint = match near {
            Some(near) => format!("did you mean `{near}`? else {declare}"),
            None => declare,
        };
        let text = format!("run `{}` has no table `{table}`", self.paths.run());
        Error::new(ErrorKind::NotFound, text).with_hint(hint)
    }
}

/// The error for a run that does not exist, with the name of the run that was probably meant.
fn no_run(store: &dyn Store, run: &RunPaths) -> Error {
    let runs = store.locate(&paths::runs_dir());
    let root = runs.strip_suffix("/runs").unwrap_or(&runs);
    // Error ignored: without a listing the error suggests no run.
    let entries = store.list(&paths::runs_dir(), None).unwrap_or_default();
    let names = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
    let near = nearest(run.run().as_str(), names.map(|entry| entry.name.as_str()));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "check the run id and the root; `crv runs` and list_runs() list the runs there are".to_owned()
        }
    };
    let text = format!("there is no run `{}` under `{root}`", run.run());
    Error::new(ErrorKind::NotFound, text).with_hint(hint)
}
