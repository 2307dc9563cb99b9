//! Workers: threads that are kept, so that no call waits for a thread to be created.
//!
//! An append runs a few short tasks in parallel, none of which takes longer than creating a thread does. So workers
//! are created when they are first needed, and kept. They belong to the process that created them: a forked child has
//! none of them, and creates its own.
//!
//! Work is offered, not handed over: the caller does it as well, and takes back what no worker has begun. So no caller
//! waits for a busy worker, also if parallel work itself runs work in parallel.

#![expect(
    unsafe_code,
    reason = "kept threads run borrowed work; `Offer` says why nothing outlives its borrow"
)]

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::per_process::PerProcess;

/// The largest number of workers.
const MOST: usize = super::WAITING;

type Work<'a> = dyn Fn() + Sync + 'a;

/// Runs `own` on this thread, and meanwhile `work` on up to `helpers` workers, at most once on each. On how many
/// depends on how many are free: the caller must not need `work` to run on any.
pub(super) fn beside<A>(helpers: usize, work: &Work<'_>, own: impl FnOnce() -> A) -> A {
    let pool = POOL.get();
    let offer = Offer::new(work, helpers.min(MOST));
    let done = TakeBack(&offer);
    pool.offer(&offer);
    let result = own();
    drop(done);
    let panicked = offer.state().panicked.take();
    if let Some(panicked) = panicked {
        panic::resume_unwind(panicked);
    }
    result
}

/// Work that workers may run.
///
/// `work` is borrowed from the caller of [`beside`], with its lifetime erased. Only a worker that has counted itself in
/// `running` while `left` was above 0 calls it. [`TakeBack`] sets `left` to 0 and waits until `running` is 0, before
/// `beside` returns or unwinds. After that no worker can call it.
struct Offer {
    work: &'static Work<'static>,
    state: Mutex<State>,
    done: Condvar,
}

struct State {
    /// How many workers may still begin.
    left: usize,
    /// How many are running it.
    running: usize,
    panicked: Option<Box<dyn Any + Send>>,
}

impl Offer {
    fn new(work: &Work<'_>, helpers: usize) -> Arc<Self> {
        // SAFETY: only the lifetime changes, and the borrow ends after the last call: see the type.
        let work = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
        let state = State { left: helpers, running: 0, panicked: None };
        Arc::new(Self { work, state: Mutex::new(state), done: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the work, unless it was taken back or enough other workers run it.
    fn accept(&self) {
        {
            let mut state = self.state();
            if state.left == 0 {
                return;
            }
            state.left -= 1;
            state.running += 1;
        }
        let outcome = panic::catch_unwind(AssertUnwindSafe(self.work));
        let mut state = self.state();
        state.running -= 1;
        if let Err(panicked) = outcome {
            state.panicked = Some(panicked);
        }
        if state.running == 0 {
            self.done.notify_all();
        }
    }
}

/// Takes an offer back on drop, also if the caller panics.
struct TakeBack<'a>(&'a Offer);

impl Drop for TakeBack<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.left = 0;
        while state.running > 0 {
            state = self.0.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The workers of one process.
#[derive(Default)]
struct Pool {
    queue: Mutex<Queue>,
    offered: Condvar,
}

static POOL: PerProcess<Pool> = PerProcess::new();

#[derive(Default)]
struct Queue {
    offers: VecDeque<Arc<Offer>>,
    threads: usize,
    idle: usize,
}

impl Pool {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&'static self, offer: &Arc<Offer>) {
        let helpers = offer.state().left;
        let mut queue = self.queue();
        for _ in 0..helpers {
            queue.offers.push_back(Arc::clone(offer));
        }
        let missing = queue.offers.len().saturating_sub(queue.idle).min(MOST - queue.threads.min(MOST));
        for _ in 0..missing {
            let made = thread::Builder::new().name("crv-helper".to_owned()).spawn(move || self.serve());
            // Error ignored: without a new thread, fewer workers run the work.
            if made.is_err() {
                break;
            }
            queue.threads += 1;
        }
        if queue.threads == 0 {
            queue.offers.clear();
        }
        drop(queue);
        for _ in 0..helpers {
            self.offered.notify_one();
        }
    }

    fn serve(&self) {
        let mut queue = self.queue();
        loop {
            let Some(offer) = queue.offers.pop_front() else {
                queue.idle += 1;
                queue = self.offered.wait(queue).unwrap_or_else(PoisonError::into_inner);
                queue.idle -= 1;
                continue;
            };
            drop(queue);
            offer.accept();
            drop(offer);
            queue = self.queue();
        }
    }
}
