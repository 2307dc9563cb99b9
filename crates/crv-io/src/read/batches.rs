//! [`ScanBatches`]: the batches of a scan, in order. Parts are read ahead of the consumer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::part::PartReader;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;

/// Batches that a task holds for the consumer.
const BATCHES_AHEAD: usize = 2;
/// Parts that one task reads in sequence: reading a small part costs less than starting a thread.
const PARTS_PER_TASK: usize = 16;

type Batch = Result<RecordBatch>;

/// An iterator over the batches of a scan. It ends after the first error.
///
/// Dropping it stops the read.
#[derive(Debug)]
pub struct ScanBatches {
    schema: SchemaRef,
    waiting: VecDeque<Vec<PartReader>>,
    running: VecDeque<Task>,
    limit: Option<u64>,
}

/// A thread that reads some parts in order.
#[derive(Debug)]
struct Task {
    batches: Receiver<Batch>,
    thread: Option<JoinHandle<()>>,
}

impl ScanBatches {
    pub(super) fn new(schema: SchemaRef, parts: Vec<PartReader>, limit: Option<u64>) -> Self {
        // With few parts, tasks are smaller, so that every thread has work.
        let per_task = (parts.len() / (2 * parallel::computing())).clamp(1, PARTS_PER_TASK);
        let mut waiting = VecDeque::new();
        let mut parts = parts.into_iter().peekable();
        while parts.peek().is_some() {
            waiting.push_back(parts.by_ref().take(per_task).collect());
        }
        Self { schema, waiting, running: VecDeque::new(), limit }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn start_tasks(&mut self) -> Result<()> {
        #[cfg(feature = "simulation")]
        if crate::simulation::is_on() {
            self.running.extend(self.waiting.drain(..).map(|parts| Task::done(&parts)));
        }
        while self.running.len() <= parallel::computing() {
            let Some(parts) = self.waiting.pop_front() else { break };
            self.running.push_back(Task::start(parts)?);
        }
        Ok(())
    }

    fn next_batch(&mut self) -> Option<Batch> {
        loop {
            if let Err(error) = self.start_tasks() {
                return Some(Err(error));
            }
            let task = self.running.front_mut()?;
            if let Ok(batch) = task.batches.recv() {
                return Some(batch);
            }
            let mut task = self.running.pop_front()?;
            if task.thread.take().is_some_and(|thread| thread.join().is_err()) {
                return Some(Err(Error::new(
                    ErrorKind::Read,
                    "a read worker panicked; its rows are missing",
                )));
            }
        }
    }

    fn stop(&mut self) {
        self.waiting.clear();
        self.running.clear();
    }
}

impl Task {
    fn start(parts: Vec<PartReader>) -> Result<Self> {
        let (sender, batches) = sync_channel(BATCHES_AHEAD);
        let thread = thread::Builder::new()
            .name("crv-scan".to_owned())
            .spawn(move || run(&parts, |batch| sender.send(batch).is_ok()));
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Read, format!("could not start a read worker: {error}"))
        })?;
        Ok(Self { batches, thread: Some(thread) })
    }

    /// A task that has read all its parts on the calling thread.
    #[cfg(feature = "simulation")]
    fn done(parts: &[PartReader]) -> Self {
        let (sender, batches) = std::sync::mpsc::channel();
        run(parts, |batch| sender.send(batch).is_ok());
        Self { batches, thread: None }
    }
}

fn run(parts: &[PartReader], send: impl Fn(Batch) -> bool) {
    for part in parts {
        let mut wanted = true;
        let read = part.read(|batch| {
            wanted = send(Ok(batch));
            wanted
        });
        if let Err(error) = read {
            // Fails if the receiver was dropped: then the error is not needed.
            let _ = send(Err(error));
            return;
        }
        if !wanted {
            return;
        }
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
