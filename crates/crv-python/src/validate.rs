//! Checking rows without writing them.

use crv_io::Error;
use crv_io::schema::Descriptor;
use crv_io::validate::{PrepareOptions, check_nesting, prepare};
use pyo3::prelude::*;

use crate::arguments::Table;
use crate::error::{NativeError, Result};
use crate::frame::{Rows, refused};

/// Checks rows as an append to a new table does.
#[pyfunction]
#[pyo3(signature = (table, frame, *, strict_schema, validate_rows))]
pub(crate) fn validate_frame(
    py: Python<'_>,
    table: Table,
    frame: Rows,
    strict_schema: bool,
    validate_rows: bool,
) -> Result<()> {
    let options = PrepareOptions { strict: strict_schema, validate_schema: true, validate_rows };
    let canonical = table.0.canonical().ok_or_else(|| {
        Error::argument(format!("table `{}` is not canonical", table.0))
            .with_hint("its columns are known to the run that declares it: append its rows there")
    })?;
    let descriptor = Descriptor::canonical(canonical);
    py.detach(|| {
        let refused = |error| NativeError::Store(refused(&format!("table `{}`: ", table.0), error));
        let frame = frame.read_checked(|schema| check_nesting(schema).map_err(refused))?;
        prepare(&descriptor, &frame, &options, descriptor.schema()).map(drop).map_err(refused)
    })
}
