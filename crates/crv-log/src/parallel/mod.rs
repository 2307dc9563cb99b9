//! Parallel work on a few threads; the first error wins.

mod per_process;
mod pool;

pub use per_process::PerProcess;

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

/// Threads for work that waits (for a disk) more than it computes.
pub const WAITING: usize = 8;

/// Threads for work that computes. Cached: finding out reads files of the operating system.
pub fn computing() -> usize {
    static COMPUTING: OnceLock<usize> = OnceLock::new();
    *COMPUTING.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// Calls `work` on every item, on at most `threads` threads, this one among them. After an error no further
/// item is begun; the error of the earliest item that failed is returned.
pub fn for_each<T, E>(items: &[T], threads: usize, work: impl Fn(&T) -> Result<(), E> + Sync) -> Result<(), E>
where
    T: Sync,
    E: Send,
{
    map(items, threads, |item| work(item)).map(drop)
}

/// Like [`for_each`], with what `work` returned, in the order of the items.
pub fn map<T, R, E>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    #[cfg(feature = "simulation")]
    if let Some(order) = crate::simulation::order(items.len()) {
        return in_order(items, &order, work);
    }
    let helpers = threads.min(items.len()).saturating_sub(1);
    if helpers == 0 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let done: Mutex<Vec<(usize, Result<R, E>)>> = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    pool::beside(helpers, &run, run);
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What [`map`] does in a simulation: one item after the other, in an order from the seed.
#[cfg(feature = "simulation")]
fn in_order<T, R, E>(items: &[T], order: &[usize], work: impl Fn(&T) -> Result<R, E>) -> Result<Vec<R>, E> {
    let mut done = Vec::with_capacity(items.len());
    for (index, item) in order.iter().filter_map(|index| Some((*index, items.get(*index)?))) {
        done.push((index, work(item)?));
    }
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Runs both in parallel: `first` on this thread.
pub fn both<A, B: Send>(first: impl FnOnce() -> A, second: impl FnOnce() -> B + Send) -> (A, B) {
    #[cfg(feature = "simulation")]
    if let Some(order) = crate::simulation::order(2) {
        if order.is_sorted() {
            let first = first();
            return (first, second());
        }
        let second = second();
        return (first(), second);
    }
    let second = Mutex::new(Some(second));
    let done = Mutex::new(None);
    // Runs once: on a worker that is free, or on this thread after `first`.
    let run = || {
        let second = second.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(second) = second {
            let result = second();
            *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    let first = pool::beside(1, &run, || {
        let first = first();
        run();
        first
    });
    match done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(second) => (first, second),
        // Only if it panicked on a worker, and `beside` has passed that panic on already.
        None => std::panic::resume_unwind(Box::new("the second task did not run")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        for threads in [1, 2, 7, 200] {
            let doubled = map(&items, threads, |item| Ok::<_, ()>(item * 2)).unwrap();
            assert!(doubled.iter().copied().eq((0..100).map(|item| item * 2)));
        }
    }

    #[test]
    fn an_error_stops_the_rest() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..10_000).collect();
        let result = for_each(&items, 4, |item| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(*item) } else { Ok(()) }
        });
        assert_eq!(result, Err(3));
        assert!(begun.into_inner() < 10_000);
    }

    #[test]
    fn both_are_done_whatever_they_do_side_by_side_themselves() {
        let items: Vec<u64> = (0..50).collect();
        let sum = |factor: u64| {
            let inner = map(&items, WAITING, |item| {
                let (one, other) = both(|| item * factor, || item * factor);
                Ok::<_, ()>(one + other)
            });
            inner.unwrap().iter().sum::<u64>()
        };
        let outer: Vec<u64> = (1..20).collect();
        let sums =
            map(&outer, WAITING, |factor| Ok::<_, ()>(both(|| sum(*factor), || sum(*factor)))).unwrap();
        assert!(sums.into_iter().zip(outer).all(|(sums, factor)| sums == (2450 * factor, 2450 * factor)));
    }

    #[test]
    fn a_panic_is_passed_on_after_everybody_is_done() {
        let running = AtomicUsize::new(0);
        let items: Vec<usize> = (0..100).collect();
        for _ in 0..20 {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                for_each(&items, WAITING, |item| {
                    running.fetch_add(1, Ordering::SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    if *item == 50 { std::panic::resume_unwind(Box::new("enough")) } else { Ok::<_, ()>(()) }
                })
            }));
            assert_eq!(*outcome.unwrap_err().downcast::<&str>().unwrap(), "enough");
            assert_eq!(running.load(Ordering::SeqCst), 0, "a worker is still running");
        }
    }
}
