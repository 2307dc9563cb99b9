//! A clock, randomness and scheduling that a seed determines, so that what happens on a thread can be repeated.
//!
//! Inside [`run`], only waits advance the clock, and they return at once. Random names and jitter come from the
//! seed, and parallel work is done one piece after the other, in an order that the seed gives. Only for tests: the
//! feature `simulation` is off in releases.

use std::cell::RefCell;
use std::time::Duration;

use jiff::Timestamp;

struct World {
    random: fastrand::Rng,
    waited: Duration,
    hasty: bool,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs `work` in the world of `seed`, on this thread.
pub fn run<T>(seed: u64, work: impl FnOnce() -> T) -> T {
    run_with(seed, false, work)
}

/// The same; in a `hasty` world waits do not advance the clock.
pub fn run_with<T>(seed: u64, hasty: bool, work: impl FnOnce() -> T) -> T {
    struct Restore(Option<World>);
    impl Drop for Restore {
        fn drop(&mut self) {
            WORLD.set(self.0.take());
        }
    }
    let world = World { random: fastrand::Rng::with_seed(seed), waited: Duration::ZERO, hasty };
    let _restore = Restore(WORLD.replace(Some(world)));
    work()
}

/// Whether this thread is in such a world.
pub fn is_on() -> bool {
    with(|_| ()).is_some()
}

/// The sum of all waits in this world so far; zero outside of one.
pub fn waited() -> Duration {
    with(|world| world.waited).unwrap_or_default()
}

/// The time: the first second of 2025, plus all waits since. `None` outside of a world.
pub fn now() -> Option<Timestamp> {
    let waited = with(|world| world.waited)?;
    let beginning = Timestamp::from_second(1_735_689_600).unwrap_or_default();
    Some(beginning.saturating_add(waited).unwrap_or(beginning))
}

/// Advances the clock; `false` outside of a world.
pub fn wait(time: Duration) -> bool {
    with(|world| world.waited += if world.hasty { Duration::ZERO } else { time }).is_some()
}

/// A random number; `None` outside of a world.
pub fn random() -> Option<u128> {
    with(|world| world.random.u128(..))
}

/// A random order of `count` items; `None` outside of a world.
pub fn order(count: usize) -> Option<Vec<usize>> {
    with(|world| {
        let mut order: Vec<usize> = (0..count).collect();
        world.random.shuffle(&mut order);
        order
    })
}

fn with<T>(look: impl FnOnce(&mut World) -> T) -> Option<T> {
    WORLD.with_borrow_mut(|world| world.as_mut().map(look))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_everything() {
        let told = |seed| run(seed, || (random(), order(9), wait(Duration::from_secs(1)), waited()));
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
        assert_eq!(told(3).3, Duration::from_secs(1));
        assert_eq!((random(), order(3), waited()), (None, None, Duration::ZERO));
    }
}
