//! The errors for a run or a table that was never written.

use crv_core::grammar::TableName;

use super::publish::RunLog;
use crate::catalog;
use crate::error::{Error, ErrorKind, Result};

impl RunLog {
    /// Returns an error if the run does not exist.
    pub(crate) fn check_exists(&self) -> Result<()> {
        if catalog::exists(&*self.store, &self.paths)? {
            Ok(())
        } else {
            Err(catalog::no_run(&*self.store, &self.paths))
        }
    }

    /// The error for a table without a state: there is no such run, nothing was written, or the manifest is lost.
    pub(super) fn unwritten(&self, table: TableName) -> Error {
        let absent = self.check_exists().err().filter(|error| error.kind() == ErrorKind::Manifest);
        absent.unwrap_or_else(|| self.no_manifest(table, &self.paths.manifest(table)))
    }
}
