//! The clock and the random ids: the only module that reads either.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::Offset;
use uuid::Uuid;

use crate::paths::PartId;

/// The time now, to the microsecond, in UTC.
#[expect(clippy::disallowed_methods, reason = "this module is the clock's owner")]
pub fn now() -> Timestamp {
    #[cfg(feature = "simulation")]
    if let Some(time) = crate::simulation::now() {
        return time;
    }
    whole_microseconds(Timestamp::now())
}

/// The time since the first call in this process, or since the beginning of a simulated world: never goes back. Cheaper
/// than [`now`], and only for intervals.
pub fn monotonic() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    #[cfg(feature = "simulation")]
    if crate::simulation::is_on() {
        return crate::simulation::waited();
    }
    FIRST.get_or_init(Instant::now).elapsed()
}

/// The time, to the microsecond.
pub fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// ISO-8601 in UTC with a numeric offset: `2025-09-25T08:00:00.123456+00:00`.
pub fn text(time: Timestamp) -> String {
    time.display_with_offset(Offset::UTC).to_string()
}

/// The time in an ISO-8601 text of any offset.
pub fn parse(text: &str) -> Option<Timestamp> {
    parse_ours(text.as_bytes()).or_else(|| text.parse().ok())
}

/// The time in a text as [`text`] writes it for a year from 1970 to 9998; `None` for any other. A manifest has a time
/// for each part, and knowing where each digit is makes this several times as fast as a parser of all of ISO-8601.
pub fn parse_ours(text: &[u8]) -> Option<Timestamp> {
    // Days of the year before each month.
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let (text, offset) = text.split_last_chunk::<6>()?;
    let (time, fraction) = text.split_first_chunk::<19>()?;
    let marks = [time[4], time[7], time[10], time[13], time[16]];
    if offset != b"+00:00" || marks != *b"--T::" {
        return None;
    }
    let number = |from: usize, to: usize| digits(time.get(from..to)?);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..=9998).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month = usize::try_from(month).ok()?;
    let (before, after) = (*BEFORE.get(month.checked_sub(1)?)?, *BEFORE.get(month)?);
    if day < 1 || day > after - before + i64::from(is_leap && month == 2) {
        return None;
    }
    let leaps = |years: i64| years / 4 - years / 100 + years / 400;
    let days = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    let days = days + before + i64::from(is_leap && month > 2) + day - 1;
    let nanoseconds = match fraction {
        [] => 0,
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            (fraction.len()..9).try_fold(digits(fraction)?, |number, _| number.checked_mul(10))?
        }
        _ => return None,
    };
    Timestamp::new(days * 86_400 + hour * 3_600 + minute * 60 + second, i32::try_from(nanoseconds).ok()?).ok()
}

/// Parses decimal digits.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// An id for a new part.
pub fn part_id() -> PartId {
    PartId::new(uuid().as_u128())
}

/// An id for one attempt at a commit.
pub fn attempt_id() -> String {
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

/// A random number for names that must be unique.
pub fn random() -> u64 {
    uuid().as_u64_pair().1
}

/// A fraction in `0.0..1.0`, for jitter.
pub fn fraction() -> f64 {
    #[cfg(feature = "simulation")]
    if let Some(random) = crate::simulation::random() {
        return (random >> 75) as f64 / (1_u64 << 53) as f64;
    }
    fastrand::f64()
}

/// Sleeps.
pub fn sleep(time: Duration) {
    #[cfg(feature = "simulation")]
    if crate::simulation::wait(time) {
        return;
    }
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Both parsers agree on every text, and the fast one reads every time that this crate writes.
        #[test]
        fn a_time_of_ours_is_read_as_any_parser_reads_it(micros in 0..253_000_000_000_000_000_i64, nanos in 0..1000_i64) {
            for time in [micros, micros - micros % 1_000_000].map(|micros| Timestamp::from_microsecond(micros).unwrap()) {
                let time = time + jiff::SignedDuration::from_nanos(nanos);
                prop_assert_eq!(parse_ours(text(time).as_bytes()), Some(time));
                prop_assert_eq!(text(time).parse::<Timestamp>().unwrap(), time);
            }
        }

        #[test]
        fn what_looks_like_a_time_is_none_for_both_or_the_same(
            numbers in (1960..2110_u16, 0..14_u8, 0..33_u8, 0..26_u8, 0..62_u8, 0..62_u8),
            rest in "(\\.[0-9]{0,10})?(\\+00:00|\\+01:00|Z|-00:00|)",
        ) {
            let (year, month, day, hour, minute, second) = numbers;
            let text = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{rest}");
            if let Some(time) = parse_ours(text.as_bytes()) {
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(time), "{}", text);
            }
        }
    }

    #[test]
    fn the_days_about_a_leap_day_are_told_apart() {
        for day in
            ["2024-02-28", "2024-02-29", "2024-03-01", "2100-02-28", "2100-03-01", "2000-02-29", "9998-12-31"]
        {
            let text = format!("{day}T23:59:59+00:00");
            assert_eq!(parse_ours(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for day in ["2023-02-29", "2100-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-01"] {
            let text = format!("{day}T23:59:59+00:00");
            assert_eq!((parse_ours(text.as_bytes()), parse(&text)), (None, None), "{text}");
        }
        assert!(parse("1969-12-31T23:59:59-01:00").is_some());
    }
}
