//! Searches for planted bugs: a harness that has never caught one proves nothing.

use crate::broken::Broken;
use crate::crashes::{self, Effort};
use crate::damage;
use crate::faults::{self, Operation};
use crate::interleave;
use crate::plant::Bug;

/// Runs every simulated part with `bug`, the cheap ones first. Returns the first failure; `None` if no part fails.
pub fn hunt(bug: Bug, seeds: std::ops::Range<u64>) -> Option<Broken> {
    let effort = Effort { turns: 10, states: 12, recoveries: 64 };
    seeds.into_iter().find_map(|seed| {
        let outage = faults::outage(seed, Some(bug)).err();
        // Most of a document is redundant: many damaged files are needed to hit bytes that are not.
        let damage = || (0..4).find_map(|more| damage::run(seed * 4 + more, Some(bug)).err());
        let others = || interleave::run(seed, Some(bug)).err();
        let faults =
            || Operation::ALL.into_iter().find_map(|operation| faults::run(operation, seed, Some(bug)).err());
        let crashes = || crashes::run(seed, Some(bug), effort).err();
        outage.or_else(damage).or_else(faults).or_else(others).or_else(crashes)
    })
}
