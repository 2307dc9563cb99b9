//! A clock, chance and threads that a seed decides: what happens on a thread can be told again.
//!
//! Inside [`run`], time stands still but for waits, which take no time at all, random names and jitter come
//! from the seed, and work that would go on side by side is done one piece after the other, in an order that
//! the seed gives. Only for tests: the feature `simulation` is off in what is shipped.

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

/// Does `work` in the world of `seed`, on this thread.
pub fn run<T>(seed: u64, work: impl FnOnce() -> T) -> T {
    run_with(seed, false, work)
}

/// The same; in a `hasty` world no time passes when somebody waits, as if nobody did.
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

/// Is this thread in such a world?
pub(crate) fn is_on() -> bool {
    with(|_| ()).is_some()
}

/// How long was waited in this world so far? Zero outside of one.
pub fn waited() -> Duration {
    with(|world| world.waited).unwrap_or_default()
}

/// The time: that of the beginning, the first second of 2025, and what was waited since. `None` outside of a
/// world.
pub(crate) fn now() -> Option<Timestamp> {
    let waited = with(|world| world.waited)?;
    let beginning = Timestamp::from_second(1_735_689_600).unwrap_or_default();
    Some(beginning.saturating_add(waited).unwrap_or(beginning))
}

/// Lets time pass; `false` outside of a world.
pub(crate) fn wait(time: Duration) -> bool {
    with(|world| world.waited += if world.hasty { Duration::ZERO } else { time }).is_some()
}

/// A random number; `None` outside of a world.
pub(crate) fn random() -> Option<u128> {
    with(|world| world.random.u128(..))
}

/// An order in which to do `count` things; `None` outside of a world.
pub(crate) fn order(count: usize) -> Option<Vec<usize>> {
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
