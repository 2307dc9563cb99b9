//! `_native.Transaction`: appends to several tables that become visible as one commit.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use crv_io::{AppendOptions, CheckpointOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pythonize::pythonize;

use crate::arguments::{Table, bound};
use crate::error::{NativeError, Result};
use crate::frame::Rows;
use crate::process::OwnProcess;

/// A transaction, until it is committed or aborted.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct Transaction(OwnProcess<Mutex<Option<crv_io::Transaction>>>);

impl Transaction {
    pub(crate) fn new(transaction: crv_io::Transaction) -> Self {
        Self(OwnProcess::new(Mutex::new(Some(transaction))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Option<crv_io::Transaction>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl Transaction {
    #[pyo3(signature = (table, frame, *, validate_schema, validate_rows))]
    fn append(
        &self,
        py: Python<'_>,
        table: Table,
        frame: Rows,
        validate_schema: bool,
        validate_rows: bool,
    ) -> Result<()> {
        let options = AppendOptions { validate_schema, validate_rows };
        py.detach(|| {
            // Read before locking: the producer may be Python code that uses this transaction.
            let frame = frame.read_checked(|schema| {
                self.with(|open| {
                    Ok::<_, NativeError>(open.as_ref().ok_or_else(ended)?.check_nesting(table.0, schema)?)
                })
            })?;
            self.with(|open| Ok(open.as_mut().ok_or_else(ended)?.append(table.0, frame, options)?))
        })
    }

    #[pyo3(signature = (state, *, tick, keep))]
    fn checkpoint(
        &self,
        py: Python<'_>,
        state: Bound<'_, PyAny>,
        tick: Option<i64>,
        keep: Option<Bound<'_, PyAny>>,
    ) -> Result<()> {
        let keep = match keep.map(|keep| bound("keep", &keep)).transpose()? {
            None => None,
            Some(keep) => Some(NonZeroU64::new(keep).ok_or_else(|| {
                NativeError::argument(
                    "`keep` is 0",
                    "pass an int of at least 1, or None to keep all checkpoints",
                )
            })?),
        };
        let Ok(bytes) = state.cast::<PyBytes>() else {
            return Err(NativeError::argument(
                format!("the state is bytes, not {}", state.get_type().name()?),
                "pass for example pickle.dumps(model)",
            ));
        };
        let (bytes, options) = (bytes.as_bytes(), CheckpointOptions { tick, keep });
        py.detach(|| self.with(|open| Ok(open.as_mut().ok_or_else(ended)?.checkpoint(bytes, options)?)))
    }

    fn commit<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let summary = py.detach(|| {
            let transaction = self.with(Option::take).ok_or_else(ended)?;
            Ok::<_, NativeError>(transaction.commit()?)
        })?;
        Ok(pythonize(py, &summary).map_err(PyErr::from)?)
    }

    fn abort(&self, py: Python<'_>) {
        py.detach(|| self.with(Option::take).map(crv_io::Transaction::abort));
    }

    #[getter]
    fn is_open(&self, py: Python<'_>) -> bool {
        py.detach(|| self.with(|open| open.is_some()))
    }
}

fn ended() -> NativeError {
    NativeError::argument("the transaction has ended", "start another one with dataset.transaction()")
}
