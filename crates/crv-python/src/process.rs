//! Values that belong to one process and are dropped with the interpreter released.

use std::mem;
use std::ops::Deref;
use std::sync::Arc;

use pyo3::prelude::*;

/// A value that is dropped only by the process that made it.
///
/// Dropping a dataset waits for merges and writes manifests; dropping a transaction removes files. The interpreter is
/// released meanwhile, so that other Python threads run. In a forked process, a thread that exists only in the parent
/// may have held a lock of the value for ever; there the value is leaked.
pub(crate) struct OwnProcess<T: Send + Sync> {
    value: Arc<T>,
    // Declared after `value`: fields are dropped in order, so this one drops the last reference.
    _last: Last<T>,
}

impl<T: Send + Sync> OwnProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        let value = Arc::new(value);
        let last = Last { value: Some(Arc::clone(&value)), process: std::process::id() };
        Self { value, _last: last }
    }
}

impl<T: Send + Sync> Deref for OwnProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The last reference to a value.
struct Last<T: Send + Sync> {
    value: Option<Arc<T>>,
    process: u32,
}

impl<T: Send + Sync> Drop for Last<T> {
    fn drop(&mut self) {
        let mut value = self.value.take();
        if std::process::id() != self.process {
            mem::forget(value);
            return;
        }
        // Without an interpreter (it has ended, or this thread cannot attach), the value is dropped at the end of this
        // function.
        let _ = Python::try_attach(|py| py.detach(|| drop(value.take())));
    }
}
