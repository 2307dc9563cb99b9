//! [`Queue`]: who may publish, and the appends that wait for it.
//!
//! One thread publishes at a time. Appends that wait meanwhile form a *group*: the first of their threads to get its
//! turn publishes all of them as one commit, and each thread gets its own outcome. Handles of one process on one run
//! share a queue, so that they do not race each other for the next number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crv_core::ids::RunId;

use super::append::Append;
use super::change::Commit;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::PerProcess;
use crate::paths::{CommitNumber, RunPaths};
use crate::store::Store;

/// The order of publishing in one run, for the handles of this process.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Transactions that are being committed: those that wait, and those whose parts are being written.
    active: AtomicUsize,
}

/// A transaction that is being committed.
#[derive(Debug)]
pub struct Active {
    queue: Arc<Queue>,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.queue.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct State {
    /// Whether a thread has the turn.
    taken: bool,
    waiting: Vec<Arc<Waiting>>,
    /// The newest commit that was published through this queue.
    newest: CommitNumber,
}

/// An append that waits for its commit.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) append: Append,
    outcome: Mutex<Option<Result<Arc<Commit>>>>,
}

/// The right to publish. Readers do not wait for it.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    queue: &'a Queue,
}

/// Appends that the thread with the turn publishes.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) turn: Turn<'a>,
    pub(super) appends: Vec<Arc<Waiting>>,
    own: Arc<Waiting>,
}

/// How an append gets its commit.
#[derive(Debug)]
pub(super) enum Joined<'a> {
    /// Another thread has published it, or has failed to.
    Done(Result<Arc<Commit>>),
    /// This thread publishes it, and others with it.
    Leads(Group<'a>),
}

/// A run, and the settings that handles must share to publish for each other.
type Key = (String, RunId, u64, Option<u64>);

static QUEUES: PerProcess<Mutex<HashMap<Key, Weak<Queue>>>> = PerProcess::new();

impl Queue {
    /// The queue of a run whose tables have `tick_bucket_size` ticks per bucket, and whose manifests are written every `n`
    /// commits.
    pub(super) fn of(
        store: &dyn Store,
        paths: &RunPaths,
        tick_bucket_size: u64,
        n: Option<u64>,
    ) -> Arc<Self> {
        let Some(identity) = store.identity() else { return Arc::default() };
        let mut queues = QUEUES.get().lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.strong_count() > 0);
        let key = (identity, paths.run().clone(), tick_bucket_size, n);
        let known = queues.get(&key).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let queue = Arc::default();
            queues.insert(key, Arc::downgrade(&queue));
            queue
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread has the turn.
    pub(super) fn turn(&self) -> Turn<'_> {
        let mut state = self.state();
        while state.taken {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.taken = true;
        Turn { queue: self }
    }

    /// Waits until another thread has published `append`, or this one has the turn.
    pub(super) fn join(&self, append: Append) -> Joined<'_> {
        let own = Arc::new(Waiting { append, outcome: Mutex::default() });
        let mut state = self.state();
        state.waiting.push(Arc::clone(&own));
        loop {
            if let Some(outcome) = own.take() {
                return Joined::Done(outcome);
            }
            if !state.taken {
                state.taken = true;
                let appends = std::mem::take(&mut state.waiting);
                return Joined::Leads(Group { turn: Turn { queue: self }, appends, own });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A group of these appends, none of which has a thread of its own.
    #[cfg(feature = "simulation")]
    pub(super) fn group(&self, appends: Vec<Append>) -> Group<'_> {
        let turn = self.turn();
        let waiting = |append| Arc::new(Waiting { append, outcome: Mutex::default() });
        let own = waiting(Append::new(std::collections::BTreeMap::new(), Vec::new(), None));
        Group { turn, appends: appends.into_iter().map(waiting).collect(), own }
    }

    /// Counts a transaction until the result is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active { queue: Arc::clone(self) }
    }

    /// Whether no thread has the turn, and no more than one transaction is being committed.
    pub(super) fn is_idle(&self) -> bool {
        self.active.load(Ordering::Relaxed) <= 1 && !self.state().taken
    }

    /// The newest commit that was published through this queue.
    pub(super) fn newest(&self) -> CommitNumber {
        self.state().newest
    }

    pub(super) fn published(&self, number: CommitNumber) {
        let mut state = self.state();
        state.newest = state.newest.max(number);
    }
}

impl Waiting {
    fn take(&self) -> Option<Result<Arc<Commit>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Sets the outcome.
    pub(super) fn finish(&self, outcome: Result<Arc<Commit>>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

impl Group<'_> {
    /// Wakes the threads whose outcomes are set.
    pub(super) fn release(&self) {
        // Locked, so that a thread that has just looked for its outcome already waits.
        drop(self.turn.queue.state());
        self.turn.queue.changed.notify_all();
    }

    /// The outcomes of its appends, in their order.
    #[cfg(feature = "simulation")]
    pub(super) fn outcomes(&self) -> impl Iterator<Item = Result<Arc<Commit>>> {
        self.appends.iter().map(|waiting| waiting.take().unwrap_or_else(|| Err(abandoned())))
    }

    /// The outcome of this thread's append.
    pub(super) fn own(&self) -> Result<Arc<Commit>> {
        self.own.take().unwrap_or_else(|| Err(abandoned()))
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for waiting in &self.appends {
                let mut outcome = waiting.outcome.lock().unwrap_or_else(PoisonError::into_inner);
                outcome.get_or_insert_with(|| Err(abandoned()));
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.queue.state().taken = false;
        self.queue.changed.notify_all();
    }
}

/// The error for an append whose thread with the turn has panicked.
fn abandoned() -> Error {
    let text = "the thread that published this append with others has panicked; it may have taken effect";
    Error::new(ErrorKind::UnknownOutcome, text).with_hint("look for the rows before you append them again")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn append() -> Append {
        Append::new(BTreeMap::new(), Vec::new(), None)
    }

    /// Waits until `count` appends wait in `queue`.
    fn await_waiting(queue: &Queue, count: usize) {
        while queue.state().waiting.len() < count {
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn appends_that_wait_are_one_group() {
        let queue = Queue::default();
        let turn = queue.turn();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..5)
                .map(|_| {
                    scope.spawn(|| match queue.join(append()) {
                        Joined::Leads(group) => {
                            for waiting in &group.appends {
                                waiting.finish(Err(Error::argument("its own")));
                            }
                            group.appends.len()
                        }
                        Joined::Done(outcome) => {
                            assert_eq!(outcome.unwrap_err().to_string(), "its own");
                            0
                        }
                    })
                })
                .collect();
            await_waiting(&queue, 5);
            drop(turn);
            let mut led: Vec<usize> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            led.sort_unstable();
            assert_eq!(led, [0, 0, 0, 0, 5]);
        });
    }

    #[test]
    fn a_panic_of_the_leader_leaves_nobody_waiting() {
        let queue = Queue::default();
        let turn = queue.turn();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        catch_unwind(AssertUnwindSafe(|| match queue.join(append()) {
                            Joined::Leads(_group) => std::panic::resume_unwind(Box::new("enough")),
                            Joined::Done(outcome) => outcome.unwrap_err().kind(),
                        }))
                    })
                })
                .collect();
            await_waiting(&queue, 3);
            drop(turn);
            let outcomes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
            assert!(outcomes.into_iter().flatten().all(|kind| kind == ErrorKind::UnknownOutcome));
        });
        drop(queue.turn());
    }
}
