//! The clock and the random ids: the only place that asks the machine for either.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use uuid::Uuid;

use crate::paths::PartId;

/// The time now, to the microsecond, in UTC.
#[expect(clippy::disallowed_methods, reason = "this module is the clock's owner")]
pub(crate) fn now() -> Timestamp {
    #[cfg(feature = "simulation")]
    if let Some(time) = crate::simulation::now() {
        return time;
    }
    whole_microseconds(Timestamp::now())
}

/// The time, to the microsecond.
pub(crate) fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// ISO-8601 in UTC with a numeric offset: `2025-09-25T08:00:00.123456+00:00`.
pub(crate) fn text(time: Timestamp) -> String {
    time.display_with_offset(Offset::UTC).to_string()
}

/// A name for a new part.
pub(crate) fn part_id() -> PartId {
    PartId::new(uuid().as_u128())
}

/// A name for one attempt at a commit.
pub(crate) fn attempt_id() -> String {
    uuid().hyphenated().to_string()
}

#[expect(clippy::disallowed_methods, reason = "this module is the owner of random ids")]
fn uuid() -> Uuid {
    #[cfg(feature = "simulation")]
    if let Some(random) = crate::simulation::random() {
        return Uuid::from_u128(random);
    }
    Uuid::new_v4()
}

/// A number for names that must not meet by chance.
pub(crate) fn random() -> u64 {
    uuid().as_u64_pair().1
}

/// A fraction in `0.0..1.0`, for jitter.
pub(crate) fn fraction() -> f64 {
    #[cfg(feature = "simulation")]
    if let Some(random) = crate::simulation::random() {
        return (random >> 75) as f64 / (1_u64 << 53) as f64;
    }
    fastrand::f64()
}

/// Waits.
pub(crate) fn sleep(time: Duration) {
    #[cfg(feature = "simulation")]
    if crate::simulation::wait(time) {
        return;
    }
    std::thread::sleep(time);
}
