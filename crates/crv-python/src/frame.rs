//! Rows from Python: anything that speaks the Arrow `PyCapsule` interface, without copying.

use arrow_array::{RecordBatch, RecordBatchReader};
use crv_io::{Error, ErrorKind, Frame};
use pyo3::prelude::*;
use pyo3_arrow::{PyRecordBatch, PyRecordBatchReader};

use crate::error::NativeError;

/// Rows to append, not read yet.
pub(crate) enum Rows {
    Stream(Box<dyn RecordBatchReader + Send>),
    Batch(RecordBatch),
}

const ACCEPTED: &str = "pass a Polars DataFrame, a pyarrow Table, a pandas DataFrame, a DuckDB relation, or anything else with \
     `__arrow_c_stream__` or `__arrow_c_array__`";

impl FromPyObject<'_, '_> for Rows {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        let kind = obj.get_type().name()?;
        let refuse = |error: PyErr| {
            NativeError::argument(format!("the {kind} is not a frame with columns: {error}"), ACCEPTED)
        };
        if obj.hasattr("__arrow_c_stream__")? {
            let reader = obj.extract::<PyRecordBatchReader>().map_err(refuse)?;
            Ok(Self::Stream(reader.into_reader()?))
        } else if obj.hasattr("__arrow_c_array__")? {
            Ok(Self::Batch(obj.extract::<PyRecordBatch>().map_err(refuse)?.into_inner()))
        } else if obj.hasattr("collect")? && obj.hasattr("lazy")? {
            Err(NativeError::argument(
                format!("a {kind} holds no rows yet"),
                "call `.collect()` and append the result",
            ))
        } else {
            Err(NativeError::argument(format!("rows cannot be read from a {kind}"), ACCEPTED))
        }
    }
}

impl Rows {
    /// Reads the rows. Runs the producer's code, which takes the interpreter itself where it needs it.
    pub(crate) fn read(self) -> Result<Frame, NativeError> {
        match self {
            Self::Batch(batch) => Ok(Frame::from(batch)),
            Self::Stream(reader) => {
                let schema = reader.schema();
                let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| {
                    NativeError::argument(
                        format!("the frame's own producer failed: {error}"),
                        "nothing was written; mend the frame and append it again",
                    )
                })?;
                let frame = Frame::new(schema, batches);
                Ok(frame
                    .map_err(|error| Error::new(ErrorKind::Schema, error.to_string()).with_source(error))?)
            }
        }
    }
}
