//! [`ScanBatches`]: the batches of a scan, in order. Parts are read ahead of the consumer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::group::{self, GROUP_BYTES};
use super::part::PartReader;
use super::share::Share;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;

/// Batches that a task holds for the consumer.
const BATCHES_AHEAD: usize = 2;
/// Parts that one task reads in sequence, at most.
const PARTS_PER_TASK: usize = 128;

/// Shares of large parts in a scan, at most: the sizes of parts are what their entries claim.
const MAX_SHARES: usize = 4_096;

type Batch = Result<RecordBatch>;

/// An iterator over the batches of a scan. It ends after the first error.
///
/// Dropping it stops the read.
#[derive(Debug)]
pub struct ScanBatches {
    schema: SchemaRef,
    /// The tasks that no thread has begun.
    work: Arc<Work>,
    /// What the tasks read, in their order.
    batches: VecDeque<Receiver<Batch>>,
    limit: Option<u64>,
    is_started: bool,
}

/// The tasks of a scan. A thread takes the first that is left, if the consumer is not too far behind.
#[derive(Debug)]
struct Work {
    tasks: Mutex<Tasks>,
    /// Notified when the consumer has the rows of a task, and when no further rows are wanted.
    moved: Condvar,
    /// The rows that the consumer wants, at most.
    limit: u64,
    /// Whether no further rows are wanted.
    is_stopped: AtomicBool,
}

#[derive(Debug)]
struct Tasks {
    waiting: VecDeque<Task>,
    /// Tasks that were begun and whose rows the consumer does not have yet.
    ahead: usize,
}

/// Parts that are read in order.
#[derive(Debug)]
struct Task {
    parts: Vec<PartReader>,
    batches: SyncSender<Batch>,
}

impl ScanBatches {
    pub(crate) fn new(schema: SchemaRef, parts: Vec<PartReader>, limit: Option<u64>) -> Self {
        let parts = shared(parts);
        // With few parts, tasks are smaller, so that every thread has work.
        let per_task = (parts.len() / (2 * parallel::computing())).clamp(1, PARTS_PER_TASK);
        let mut tasks: VecDeque<Task> = VecDeque::new();
        let mut receivers = VecDeque::new();
        let mut bytes = 0;
        for part in parts {
            let fits = |task: &&mut Task| task.parts.len() < per_task && bytes + part.bytes <= GROUP_BYTES;
            if let Some(task) = tasks.back_mut().filter(fits) {
                bytes += part.bytes;
                task.parts.push(part);
            } else {
                bytes = part.bytes;
                let (batches, receiver) = sync_channel(BATCHES_AHEAD);
                tasks.push_back(Task { parts: vec![part], batches });
                receivers.push_back(receiver);
            }
        }
        let work = Work {
            tasks: Mutex::new(Tasks { waiting: tasks, ahead: 0 }),
            moved: Condvar::new(),
            limit: limit.unwrap_or(u64::MAX),
            is_stopped: AtomicBool::new(false),
        };
        Self { schema, work: Arc::new(work), batches: receivers, limit, is_started: false }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Starts the threads.
    fn start(&mut self) -> Result<()> {
        self.is_started = true;
        #[cfg(feature = "simulation")]
        if crate::simulation::is_on() {
            self.batches = self.work.run_here();
            return Ok(());
        }
        for number in 0..parallel::computing().min(self.batches.len()) {
            let work = Arc::clone(&self.work);
            let thread = thread::Builder::new().name("crv-scan".to_owned()).spawn(move || work.run());
            // With fewer threads the rows come all the same.
            if let Err(error) = thread
                && number == 0
            {
                let text = format!("could not start a read worker: {error}");
                return Err(Error::new(ErrorKind::Read, text));
            }
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Option<Batch> {
        if !self.is_started
            && let Err(error) = self.start()
        {
            return Some(Err(error));
        }
        loop {
            if let Ok(batch) = self.batches.front()?.recv() {
                return Some(batch);
            }
            self.batches.pop_front();
            self.work.consumed();
        }
    }

    fn stop(&mut self) {
        self.batches.clear();
        self.work.stop();
    }
}

/// The readers of `parts`: several for a large part.
fn shared(parts: Vec<PartReader>) -> Vec<PartReader> {
    let mut readers = Vec::with_capacity(parts.len());
    let mut left = MAX_SHARES;
    for part in parts {
        match Share::of(part.bytes, left) {
            Some(shares) => {
                left -= shares.len();
                readers.extend(shares.map(|share| part.with(share)));
            }
            None => readers.push(part),
        }
    }
    readers
}

impl Work {
    /// Runs tasks until none is left.
    fn run(&self) {
        while let Some(Task { parts, batches }) = self.next() {
            let read =
                catch_unwind(AssertUnwindSafe(|| self.read(&parts, |batch| batches.send(batch).is_ok())));
            if read.is_err() {
                let text = "a read worker panicked; its rows are missing";
                // Fails if the receiver was dropped: then the error is not needed.
                let _ = batches.send(Err(Error::new(ErrorKind::Read, text)));
            }
        }
    }

    /// Runs every task on this thread. Returns what they read.
    #[cfg(feature = "simulation")]
    fn run_here(&self) -> VecDeque<Receiver<Batch>> {
        let mut receivers = VecDeque::new();
        while let Some(task) = self.tasks().waiting.pop_front() {
            let (sender, batches) = std::sync::mpsc::channel();
            self.read(&task.parts, |batch| sender.send(batch).is_ok());
            receivers.push_back(batches);
        }
        receivers
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the consumer is near enough. `None` if no task is left, or no further rows are wanted.
    fn next(&self) -> Option<Task> {
        let mut tasks = self.tasks();
        // One more than there are threads: none waits while the consumer takes the last rows of a task.
        while tasks.ahead > parallel::computing() && !self.is_stopped.load(Ordering::Relaxed) {
            tasks = self.moved.wait(tasks).unwrap_or_else(PoisonError::into_inner);
        }
        if self.is_stopped.load(Ordering::Relaxed) {
            return None;
        }
        let next = tasks.waiting.pop_front();
        tasks.ahead += usize::from(next.is_some());
        next
    }

    /// The consumer has the rows of one more task.
    fn consumed(&self) {
        let mut tasks = self.tasks();
        tasks.ahead = tasks.ahead.saturating_sub(1);
        drop(tasks);
        self.moved.notify_all();
    }

    fn stop(&self) {
        let tasks = self.tasks();
        self.is_stopped.store(true, Ordering::Relaxed);
        drop(tasks);
        self.moved.notify_all();
    }

    fn read(&self, parts: &[PartReader], send: impl Fn(Batch) -> bool) {
        let is_stopped = || self.is_stopped.load(Ordering::Relaxed);
        if let Err(error) = group::read(parts, self.limit, is_stopped, |batch| send(Ok(batch))) {
            // Fails if the receiver was dropped: then the error is not needed.
            let _ = send(Err(error));
        }
    }
}

impl Drop for ScanBatches {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Iterator for ScanBatches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.limit == Some(0) {
            self.stop();
            return None;
        }
        match self.next_batch()? {
            Ok(batch) => {
                let Some(left) = &mut self.limit else { return Some(Ok(batch)) };
                let rows = (batch.num_rows() as u64).min(*left);
                *left -= rows;
                Some(Ok(batch.slice(0, rows as usize)))
            }
            Err(error) => {
                self.stop();
                Some(Err(error))
            }
        }
    }
}
