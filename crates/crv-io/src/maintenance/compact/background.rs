//! Merging the parts of sealed buckets behind an appender's back.
//!
//! A bucket is sealed when a later one has begun. An append that says so wakes a thread, which merges what there is to
//! merge and ends. Only [`Background::finish`] waits for it, and an append never fails by it. After an error of
//! storage a table is tried again when its next bucket is sealed. Parts that cannot be merged, because one is damaged or
//! missing, are set aside until [`Background::finish`] has reported them: they are not read again at each seal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crv_core::grammar::TableName;

use super::outcome::SetAside;
use super::{Bounds, Compaction, Which, together};
use crate::commit::RunLog;
use crate::config::IoSettings;
use crate::error::{Error, Result};
use crate::paths::BucketId;

/// The tables whose sealed buckets wait to be merged, and who does it.
pub(crate) struct Background {
    log: Arc<RunLog>,
    settings: Arc<IoSettings>,
    queue: Mutex<Queue>,
    /// Told whenever a thread ends.
    idle: Condvar,
}

#[derive(Default)]
struct Queue {
    /// The bucket that was last appended to, table by table.
    last: BTreeMap<TableName, BucketId>,
    waiting: BTreeSet<TableName>,
    is_running: bool,
    is_stopped: bool,
    /// What could not be merged, table by table.
    failed: BTreeMap<TableName, Failed>,
}

/// What could not be merged of a table.
#[derive(Default)]
struct Failed {
    aside: Vec<SetAside>,
    /// The error of storage that stopped the last try.
    stopped: Option<Error>,
}

impl Failed {
    fn into_error(self) -> Option<Error> {
        let errors = self.aside.into_iter().map(|aside| aside.error).chain(self.stopped);
        together("merges failed", errors.collect())
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}

impl Background {
    pub(crate) fn new(log: Arc<RunLog>, settings: Arc<IoSettings>) -> Self {
        Self { log, settings, queue: Mutex::default(), idle: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of an append to these buckets. Merges what was sealed by it, later and elsewhere.
    pub(crate) fn appended(self: &Arc<Self>, buckets: impl IntoIterator<Item = (TableName, BucketId)>) {
        if !self.settings.compact_sealed_buckets() {
            return;
        }
        let mut queue = self.queue();
        for (table, bucket) in buckets {
            if queue.last.insert(table, bucket) != Some(bucket) {
                queue.waiting.insert(table);
            }
        }
        if queue.waiting.is_empty() || queue.is_running || queue.is_stopped {
            return;
        }
        queue.is_running = true;
        drop(queue);
        #[cfg(feature = "simulation")]
        if crate::simulation::is_on() {
            return self.run();
        }
        let worker = Arc::clone(self);
        let started = thread::Builder::new().name("crv-compact".to_owned()).spawn(move || worker.run());
        if started.is_err() {
            // No thread now: the next bucket is another chance.
            self.queue().is_running = false;
        }
    }

    fn run(&self) {
        /// Says that nobody is at it any more, should a merge panic.
        struct Ends<'a>(Option<&'a Background>);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                if let Some(background) = self.0 {
                    background.ended(&mut background.queue());
                }
            }
        }
        let mut ends = Ends(Some(self));
        loop {
            let (table, aside) = {
                let mut queue = self.queue();
                let next = if queue.is_stopped { None } else { queue.waiting.pop_first() };
                let Some(table) = next else {
                    self.ended(&mut queue);
                    ends.0 = None;
                    return;
                };
                (table, queue.failed.remove(&table).map(|failed| failed.aside).unwrap_or_default())
            };
            let compaction = Compaction {
                log: &self.log,
                settings: &self.settings,
                table,
                which: Which::Sealed,
                bounds: Bounds { threads: 1, max_bytes: None },
            };
            let outcome = compaction.run(aside, || !self.queue().is_stopped, &|_| ());
            let failed = Failed { aside: outcome.aside, stopped: outcome.stopped };
            self.queue().failed.insert(table, failed);
        }
    }

    fn ended(&self, queue: &mut Queue) {
        queue.is_running = false;
        self.idle.notify_all();
    }

    /// Waits until everything that was sealed so far is merged. An error for everything that could not be, in all tables:
    /// it is reported once, and what was set aside is tried again when the next bucket is sealed.
    pub(crate) fn finish(&self) -> Result<()> {
        let mut queue = self.queue();
        while queue.is_running {
            queue = self.idle.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let failed = std::mem::take(&mut queue.failed);
        drop(queue);
        let errors = failed.into_values().filter_map(Failed::into_error);
        match together("tables were not merged", errors.collect()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits for what is being merged, and lets the rest be.
    pub(crate) fn stop(&self) {
        self.queue().is_stopped = true;
        // Deliberately unheard: whoever wants to know calls `finish`.
        let _ = self.finish();
    }
}
