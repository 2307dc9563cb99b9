//! Parsing ranges of ticks such as `3..7`.

use crv_io::TickRange;

/// Parses `A..B`, `A..`, `..B` or `A`; both ends are included.
pub(super) fn ticks(text: &str) -> Result<TickRange, String> {
    let tick = |text: &str| match text.parse::<i64>() {
        Ok(tick) if tick >= 0 => Ok(tick),
        _ => Err(format!("`{text}` is not a tick: ticks are integers from 0")),
    };
    let end = |text: &str| if text.is_empty() { Ok(None) } else { tick(text).map(Some) };
    let (min, max) = match text.split_once("..") {
        Some((min, max)) => (end(min)?, end(max)?),
        None => (Some(tick(text)?), Some(tick(text)?)),
    };
    TickRange::new(min, max).map_err(|_| format!("`{text}` is empty: write the smaller tick first"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_are_included_and_may_be_left_out() {
        assert_eq!(ticks("3..7"), Ok(TickRange::from(3..=7)));
        assert_eq!(ticks("5"), Ok(TickRange::from(5..=5)));
        assert_eq!(ticks("3..").map(|range| (range.min(), range.max())), Ok((Some(3), None)));
        assert_eq!(ticks("..7").map(|range| (range.min(), range.max())), Ok((None, Some(7))));
        assert_eq!(ticks(".."), Ok(TickRange::ALL));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "7..3", "a", "1..b", "1...3", "-1", "1.5", "9223372036854775808"] {
            assert!(ticks(text).is_err(), "{text}");
        }
    }
}
