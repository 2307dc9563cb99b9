//! [`PerProcess`]: a value that belongs to the process that created it. A forked child gets one of its own.

#![expect(
    unsafe_code,
    reason = "a value is created on first use, without a lock; `get` says why it stays valid"
)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value of this process, created on first use.
///
/// A lock that another thread held when the process was forked is never released in the child. So a forked child does
/// not see its parent's value, and [`get`](Self::get) takes no lock.
#[derive(Debug)]
pub struct PerProcess<T: 'static> {
    known: AtomicPtr<(u32, T)>,
}

impl<T: Default + Send + Sync + 'static> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Default + Send + Sync + 'static> PerProcess<T> {
    /// A value that does not exist yet.
    pub const fn new() -> Self {
        Self { known: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Returns the value of this process.
    pub fn get(&self) -> &'static T {
        let process = std::process::id();
        let known = self.known.load(Ordering::Acquire);
        // SAFETY: it is null, or came from `Box::leak` below.
        if let Some((owner, value)) = unsafe { known.as_ref() }
            && *owner == process
        {
            return value;
        }
        let made = Box::into_raw(Box::new((process, T::default())));
        // Of two threads that get here at once, the first one's value counts for both.
        let stored = self.known.compare_exchange(known, made, Ordering::AcqRel, Ordering::Acquire);
        let kept = match stored {
            Ok(_) => made,
            Err(first) => {
                // SAFETY: no other thread has seen it.
                drop(unsafe { Box::from_raw(made) });
                first
            }
        };
        // SAFETY: a value that was stored is never freed.
        unsafe { &(*kept).1 }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_thread_gets_the_same_value() {
        static VALUE: PerProcess<Mutex<u64>> = PerProcess::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| *VALUE.get().lock().unwrap() += 1);
            }
        });
        assert_eq!(*VALUE.get().lock().unwrap(), 8);
    }
}
