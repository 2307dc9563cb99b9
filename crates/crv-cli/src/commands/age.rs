//! Parsing time spans such as `90s` and `7d`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Parses a time span; a day has 24 hours.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time span: write `90s`, `15m`, `1h` or `7d`");
    let span: Span = text.parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| format!("`{text}` is in the future"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_are_read_as_people_write_them() {
        let told =
            ["0s", "90s", "15m", "1h 30m", "7d", "2 weeks"].map(|text| age(text).map(|age| age.as_secs()));
        assert_eq!(told, [0, 90, 900, 5400, 604_800, 1_209_600].map(Ok));
    }

    #[test]
    fn what_is_no_time_span_is_refused() {
        for text in ["", "1", "h", "1 month", "-1h", "1h ago", "tomorrow", "99999999999999999999s"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
