//! Threads that wait for work, so that nobody waits for a thread to be made.
//!
//! An append has a few things to do side by side, each of which takes no longer than making a thread does. So threads
//! are made when they are first needed, and kept. They belong to the process that made them: a child that was forked
//! off has none of them, notices, and makes its own.
//!
//! Work is offered, not handed over: whoever offers it does it as well, and takes back what no thread has begun. So
//! nobody waits for a thread that is busy, also where what is done side by side does things side by side itself.

#![expect(
    unsafe_code,
    reason = "kept threads run borrowed work; `Offer` says why nothing outlives its borrow"
)]

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Threads that are kept, at most.
const MOST: usize = super::WAITING;

type Work<'a> = dyn Fn() + Sync + 'a;

/// Does `own` on this thread, and `work` on up to `helpers` others meanwhile, on each at most once. On how many depends
/// on who is free: `work` must be such that nothing is missed if none is.
pub(super) fn beside<A>(helpers: usize, work: &Work<'_>, own: impl FnOnce() -> A) -> A {
    let pool = Pool::of_this_process();
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

/// Work that threads may do.
///
/// `work` is borrowed from the caller of [`beside`], with its lifetime forgotten. It is called only by a thread that
/// has counted itself in while `left` said that there was something to do; [`TakeBack`] sets `left` to 0 and waits until
/// nobody is counted, before `beside` returns or unwinds. Then nothing can call it any more.
struct Offer {
    work: &'static Work<'static>,
    state: Mutex<State>,
    done: Condvar,
}

struct State {
    /// How many threads may still begin.
    left: usize,
    /// How many are at it.
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

    /// Does the work, unless it was taken back or enough others do.
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

/// Takes an offer back, also when its maker panics.
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

/// The threads of one process.
struct Pool {
    process: u32,
    queue: Mutex<Queue>,
    offered: Condvar,
}

#[derive(Default)]
struct Queue {
    offers: VecDeque<Arc<Offer>>,
    threads: usize,
    idle: usize,
}

impl Pool {
    /// The pool of this process. No lock is taken to find it: a lock may have been held when the process was forked
    /// off, and nobody would ever let go of it.
    fn of_this_process() -> &'static Self {
        static POOL: AtomicPtr<Pool> = AtomicPtr::new(ptr::null_mut());
        let process = std::process::id();
        let known = POOL.load(Ordering::Acquire);
        // SAFETY: it is null, or came from `Box::leak` below.
        if let Some(pool) = unsafe { known.as_ref() }
            && pool.process == process
        {
            return pool;
        }
        // Two threads may come here at once: each pool works, and the last is found from then on.
        let pool = Self { process, queue: Mutex::default(), offered: Condvar::new() };
        let pool: &'static mut Self = Box::leak(Box::new(pool));
        let made = ptr::from_mut(pool);
        POOL.store(made, Ordering::Release);
        // SAFETY: as above; nobody has it as `&mut` any more.
        unsafe { &*made }
    }

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
            // No thread is to be had: then there is one less to help.
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
