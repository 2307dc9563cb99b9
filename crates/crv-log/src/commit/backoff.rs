//! Waiting before a commit is retried: longer each time, with random jitter.

use std::time::Duration;

use crate::stamp;

/// How often an operation is attempted while other writers change what it works from, before it gives up.
pub(super) const TRIES: u32 = 64;

const FIRST: Duration = Duration::from_micros(500);
const LONGEST: Duration = Duration::from_millis(100);

/// Sleeps before attempt number `attempt` (from 0): between half and all of a time that doubles up to 100 ms.
pub fn wait(attempt: u32) {
    stamp::sleep(pause(attempt, stamp::fraction()));
}

/// Sleeps before an attempt that is not the first, as [`wait`] does.
pub(super) fn pause_before(attempt: u32) {
    if attempt > 0 {
        wait(attempt - 1);
    }
}

fn pause(attempt: u32, fraction: f64) -> Duration {
    let full = FIRST.saturating_mul(1_u32.checked_shl(attempt.min(16)).unwrap_or(u32::MAX)).min(LONGEST);
    full.mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause(0, 1.0), FIRST);
        assert!(pause(3, 0.0) > pause(0, 1.0));
        assert_eq!(pause(40, 1.0), LONGEST);
        assert_eq!(pause(u32::MAX, 0.0), LONGEST / 2);
    }
}
