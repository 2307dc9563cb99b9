//! Casts of text in ISO 8601 to days and times, where no digit is lost: for formats that have no types for them.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_schema::{DataType, TimeUnit};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

use super::ValidationError;
use super::text::parse;
use crate::schema::FieldPath;

/// Parses each text as a day or a time of type `to`; `None` if that is no such type.
///
/// An instant (a timestamp with a zone) needs an offset in its text, and a local time has none.
pub(super) fn from_text(
    array: &ArrayRef,
    to: &DataType,
    path: &FieldPath<'_>,
) -> Option<Result<ArrayRef, ValidationError>> {
    Some(match to {
        DataType::Date32 => parse::<Date32Type>(array, path, day),
        DataType::Time64(TimeUnit::Microsecond) => parse::<Time64MicrosecondType>(array, path, time_of_day),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            parse::<TimestampMicrosecondType>(array, path, local_time)
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            parse::<TimestampMicrosecondType>(array, path, instant).map(|instants| {
                let instants = instants.as_primitive::<TimestampMicrosecondType>();
                Arc::new(instants.clone().with_timezone(Arc::clone(zone))) as ArrayRef
            })
        }
        _ => return None,
    })
}

/// Whether the text has only digits and these marks: parsers drop what they need not, a time after a day or an offset.
fn has_only(text: &str, marks: &[char]) -> bool {
    text.chars().all(|letter| letter.is_ascii_digit() || marks.contains(&letter))
}

/// Days since 1970-01-01.
pub(crate) fn day(text: &str) -> Option<i32> {
    if !has_only(text, &['-', '+']) {
        return None;
    }
    let days = text.parse::<Date>().ok()?.since((Unit::Day, Date::new(1970, 1, 1).ok()?)).ok()?;
    Some(days.get_days())
}

/// Microseconds since midnight.
pub(crate) fn time_of_day(text: &str) -> Option<i64> {
    if !has_only(text, &[':', '.']) {
        return None;
    }
    let since = text.parse::<Time>().ok()?.duration_since(Time::midnight());
    microseconds(since.as_nanos())
}

/// Microseconds since 1970-01-01 00:00, by the same clock.
pub(crate) fn local_time(text: &str) -> Option<i64> {
    // An offset is no part of a local time.
    if !has_only(text, &['-', '+', ':', '.', 'T', ' ']) || text.parse::<Timestamp>().is_ok() {
        return None;
    }
    let instant = text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    microseconds(instant.as_nanosecond())
}

/// Microseconds since 1970-01-01 00:00 UTC.
pub(crate) fn instant(text: &str) -> Option<i64> {
    if !has_only(text, &['-', '+', ':', '.', 'T', ' ', 'Z']) {
        return None;
    }
    microseconds(text.parse::<Timestamp>().ok()?.as_nanosecond())
}

fn microseconds(nanoseconds: i128) -> Option<i64> {
    if nanoseconds % 1_000 == 0 { i64::try_from(nanoseconds / 1_000).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_days_and_times_are_read_whole_or_not_at_all() {
        assert_eq!(day("1970-01-02"), Some(1));
        assert_eq!(day("1969-12-31"), Some(-1));
        assert_eq!(day("1800-03-01"), Some(-62_032));
        assert_eq!(time_of_day("01:02:03.000004"), Some(3_723_000_004));
        assert_eq!(local_time("1970-01-01T00:00:01"), Some(1_000_000));
        assert_eq!(local_time("1970-01-02 00:00"), Some(86_400_000_000));
        assert_eq!(instant("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(instant("1970-01-01T00:00:00.5Z"), Some(500_000));
        for (read, texts) in [(
            day as fn(&str) -> Option<i32>,
            ["", "yesterday", "2020-02-30", "2020-1-1", "2020-01-01T12:00"],
        )] {
            for text in texts {
                assert_eq!(read(text), None, "{text}");
            }
        }
        for text in ["", "25:00:00", "01:02:03.0000001", "2020-01-01T01:02:03", "01:02:03+01:00"] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
        // A local time has no offset, and an instant needs one.
        for text in ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01+01:00", "1970-01-01T00:00:00.0000001", "x"]
        {
            assert_eq!(local_time(text), None, "{text}");
        }
        for text in [
            "1970-01-01T00:00:01",
            "1970-01-01",
            "1970-01-01T00:00:00.0000001Z",
            "1970-01-01T00:00:00Z[Europe/Berlin]",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
