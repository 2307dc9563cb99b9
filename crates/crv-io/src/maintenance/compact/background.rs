//! Merges the parts of sealed buckets in a background thread.
//!
//! A bucket is sealed when a later one has begun. An append that seals a bucket starts a thread, which merges the parts
//! of sealed buckets and ends. Only [`Background::finish`] waits for it, and its errors fail no append. After a storage
//! error a table is retried when its next bucket is sealed. Parts that cannot be merged, because one is damaged or
//! missing, are set aside until [`Background::finish`] has reported them: they are not read again at each seal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crv_core::tables::TableId;

use super::outcome::SetAside;
use super::{Bounds, Compaction, Which, together};
use crate::commit::Publisher;
use crate::config::IoSettings;
use crate::error::{Error, Result};
use crate::paths::BucketId;
use crate::stamp;

/// The queue of tables with sealed buckets, and the state of the thread that merges them.
pub(crate) struct Background {
    publisher: Arc<Publisher>,
    settings: Arc<IoSettings>,
    queue: Mutex<Queue>,
    /// Notified when the thread ends.
    idle: Condvar,
}

#[derive(Default)]
struct Queue {
    /// The bucket of each table that was last appended to.
    last: BTreeMap<TableId, BucketId>,
    waiting: BTreeSet<TableId>,
    is_running: bool,
    is_stopped: bool,
    /// The failed merges of each table.
    failed: BTreeMap<TableId, Failed>,
    upkeep: Option<Upkeep>,
}

/// Work that is done after merges, from time to time.
struct Upkeep {
    work: Box<dyn Fn(&Publisher) + Send + Sync>,
    every: Duration,
    /// When it is due, by [`stamp::monotonic`].
    due: Duration,
}

/// The failed merges of a table.
#[derive(Default)]
struct Failed {
    aside: Vec<SetAside>,
    /// The storage error that stopped the last attempt.
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
    pub(crate) fn new(publisher: Arc<Publisher>, settings: Arc<IoSettings>) -> Self {
        Self { publisher, settings, queue: Mutex::default(), idle: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread do `work` after its merges, when it runs for the first time, and then at most once in `every`.
    pub(crate) fn after_merges(&self, every: Duration, work: impl Fn(&Publisher) + Send + Sync + 'static) {
        self.queue().upkeep = Some(Upkeep { work: Box::new(work), every, due: stamp::monotonic() });
    }

    /// Does that work if it is due.
    fn keep_up(&self) {
        let mut upkeep = self.queue().upkeep.take();
        let now = stamp::monotonic();
        if let Some(upkeep) = upkeep.as_mut().filter(|upkeep| now >= upkeep.due) {
            upkeep.due = now.saturating_add(upkeep.every);
            (upkeep.work)(&self.publisher);
        }
        self.queue().upkeep = upkeep;
    }

    /// Records an append to these buckets. The buckets that it sealed are merged later, in the thread.
    pub(crate) fn appended(self: &Arc<Self>, buckets: impl IntoIterator<Item = (TableId, BucketId)>) {
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
            // Error ignored: retried at the next bucket.
            self.queue().is_running = false;
        }
    }

    fn run(&self) {
        /// Marks the thread as ended if a merge panics.
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
                publisher: &self.publisher,
                settings: &self.settings,
                table,
                which: Which::Sealed,
                bounds: Bounds { threads: 1, max_bytes: None },
            };
            let outcome = compaction.run(aside, || !self.queue().is_stopped, &|_| ());
            let failed = Failed { aside: outcome.aside, stopped: outcome.stopped };
            self.queue().failed.insert(table, failed);
            self.keep_up();
        }
    }

    fn ended(&self, queue: &mut Queue) {
        queue.is_running = false;
        self.idle.notify_all();
    }

    /// Waits until all buckets that were sealed so far are merged. Returns one error for all failed merges of all
    /// tables. They are reported once, and parts that were set aside are retried when the next bucket is sealed.
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

    /// Waits for the merges in progress, and starts no others.
    pub(crate) fn stop(&self) {
        self.queue().is_stopped = true;
        // Error ignored: callers that need it call `finish` first.
        let _ = self.finish();
    }
}
