//! Rows from Python: any object with the Arrow `PyCapsule` interface, without copying.

mod stream;

use std::fmt::Display;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use crv_io::validate::ValidationError;
use crv_io::{Error, ErrorKind, Frame};
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatch;

use self::stream::Stream;
use crate::error::NativeError;

/// Rows to append, before they are read.
pub(crate) enum Rows {
    Stream(Stream),
    Batch(RecordBatch),
}

const ACCEPTED: &str = "pass a Polars DataFrame, a pyarrow Table, a pandas DataFrame, a DuckDB relation, or anything else with \
     `__arrow_c_stream__` or `__arrow_c_array__`";

impl FromPyObject<'_, '_> for Rows {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        let kind = obj.get_type().name()?;
        let refuse = |error: &dyn Display| {
            NativeError::argument(format!("the {kind} is not a frame with columns: {error}"), ACCEPTED)
        };
        if obj.hasattr("__arrow_c_stream__")? {
            let capsule = obj.call_method0("__arrow_c_stream__")?;
            let stream = Stream::take(capsule.cast().map_err(PyErr::from)?)?;
            Ok(Self::Stream(stream.map_err(|error| refuse(&error))?))
        } else if obj.hasattr("__arrow_c_array__")? {
            Ok(Self::Batch(obj.extract::<PyRecordBatch>().map_err(|error| refuse(&error))?.into_inner()))
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
    /// The schema of the rows.
    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Batch(batch) => batch.schema(),
            Self::Stream(stream) => stream.schema(),
        }
    }

    /// Reads the rows, unless `check` refuses their schema. The check comes first because a producer may be slow:
    /// Polars takes seconds to export a row that nests some hundred levels.
    pub(crate) fn read_checked<E>(
        self,
        check: impl FnOnce(&Schema) -> Result<(), E>,
    ) -> Result<Frame, NativeError>
    where
        NativeError: From<E>,
    {
        check(&self.schema())?;
        self.read()
    }

    /// Reads the rows. Runs the producer's code, which attaches to the interpreter where it needs it.
    pub(crate) fn read(self) -> Result<Frame, NativeError> {
        match self {
            Self::Batch(batch) => Ok(Frame::from(batch)),
            Self::Stream(stream) => {
                let schema = stream.schema();
                let batches = stream.collect::<Result<Vec<_>, _>>().map_err(|error| {
                    NativeError::argument(
                        format!("the frame's own producer failed: {error}"),
                        "nothing was written; correct the frame and append it again",
                    )
                })?;
                Ok(Frame::new(schema, batches).map_err(|error| refused("", error.into()))?)
            }
        }
    }
}

/// Makes the error of rows that do not fit; `context` is the prefix of its message.
pub(crate) fn refused(context: &str, error: ValidationError) -> Error {
    Error::caused_by(ErrorKind::Schema, format!("{context}{error}"), error.hint(), error)
}
