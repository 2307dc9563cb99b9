//! [`ScanBatches`]: the batches of a scan, in order. Parts are read ahead of the consumer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::group::{self, GROUP_BYTES};
use super::part::PartReader;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;

/// Batches that a task holds for the consumer.
const BATCHES_AHEAD: usize = 2;
/// Parts that one task reads in sequence, at most.
const PARTS_PER_TASK: usize = 128;

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

/// The tasks of a scan. Each thread takes the first that is left, so as many are begun as there are threads.
#[derive(Debug)]
struct Work {
    tasks: Mutex<VecDeque<Task>>,
    /// The rows that the consumer wants, at most.
    limit: u64,
    /// Whether no further rows are wanted.
    is_stopped: AtomicBool,
}

/// Parts that are read in order.
#[derive(Debug)]
struct Task {
    parts: Vec<PartReader>,
    batches: SyncSender<Batch>,
}

impl ScanBatches {
    pub(super) fn new(schema: SchemaRef, parts: Vec<PartReader>, limit: Option<u64>) -> Self {
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
            tasks: Mutex::new(tasks),
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
            match self.batches.front()?.recv() {
                Ok(batch) => return Some(batch),
                Err(_) => self.batches.pop_front(),
            };
        }
    }

    fn stop(&mut self) {
        self.work.is_stopped.store(true, Ordering::Relaxed);
        self.batches.clear();
    }
}

impl Work {
    /// Runs tasks until none is left.
    fn run(&self) {
        while !self.is_stopped.load(Ordering::Relaxed)
            && let Some(Task { parts, batches }) = self.next()
        {
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
        while let Some(task) = self.next() {
            let (sender, batches) = std::sync::mpsc::channel();
            self.read(&task.parts, |batch| sender.send(batch).is_ok());
            receivers.push_back(batches);
        }
        receivers
    }

    fn next(&self) -> Option<Task> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
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
