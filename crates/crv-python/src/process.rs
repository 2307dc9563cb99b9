//! Values that belong to one process.

use std::mem;
use std::ops::Deref;
use std::sync::Arc;

/// A value that only the process that made it drops.
///
/// Dropping a dataset brings manifests up to date. In a process that was forked off, a lock of it may be held for
/// ever by a thread that only the parent has; so there the value is leaked.
pub(crate) struct OwnProcess<T> {
    value: Arc<T>,
    process: u32,
}

impl<T> OwnProcess<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Arc::new(value), process: std::process::id() }
    }
}

impl<T> Deref for OwnProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for OwnProcess<T> {
    fn drop(&mut self) {
        if std::process::id() != self.process {
            mem::forget(Arc::clone(&self.value));
        }
    }
}
