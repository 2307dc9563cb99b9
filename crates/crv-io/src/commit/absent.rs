//! What a read says of a table that has nothing to read.

use crv_core::grammar::TableName;

use super::publish::RunLog;
use crate::catalog;
use crate::error::{Error, ErrorKind, Result};

impl RunLog {
    /// An error if there is no trace of the run.
    pub(crate) fn check_exists(&self) -> Result<()> {
        if catalog::exists(&*self.store, &self.paths)? {
            Ok(())
        } else {
            Err(catalog::no_run(&*self.store, &self.paths))
        }
    }

    /// There is no such run, or it has no manifest of the table: nothing was written, or the manifest is lost.
    pub(super) fn unwritten(&self, table: TableName) -> Error {
        let absent = self.check_exists().err().filter(|error| error.kind() == ErrorKind::Manifest);
        absent.unwrap_or_else(|| self.no_manifest(table, &self.paths.manifest(table)))
    }
}
