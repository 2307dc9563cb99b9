//! Ticks: the span that a part covers and the range that a reader asks for.

use std::ops::RangeInclusive;

use crate::error::{Error, Result};

/// The first and last tick of some rows, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TickSpan {
    /// The first tick.
    pub min: i64,
    /// The last tick.
    pub max: i64,
}

impl TickSpan {
    /// The span of these ticks; `None` without any.
    pub fn of(ticks: &[i64]) -> Option<Self> {
        ticks.iter().map(|tick| Self { min: *tick, max: *tick }).reduce(Self::union)
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// The ticks a reader asks for, both ends included; an open end is `None`.
///
/// ```
/// use crv_log::ticks::TickRange;
/// assert!(TickRange::from(3..=7).contains(7));
/// assert!(TickRange::ALL.contains(-1));
/// assert!(TickRange::new(Some(7), Some(3)).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TickRange {
    min: Option<i64>,
    max: Option<i64>,
}

impl TickRange {
    /// Every tick.
    pub const ALL: Self = Self { min: None, max: None };

    /// The range from `min` to `max`, both included. An error when `min` is above `max`.
    pub fn new(min: Option<i64>, max: Option<i64>) -> Result<Self> {
        match (min, max) {
            (Some(a), Some(b)) if a > b => {
                Err(Error::argument(format!("tick_min {a} is above tick_max {b}")).with_hint("swap the two"))
            }
            _ => Ok(Self { min, max }),
        }
    }

    /// The ticks of both ranges.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let nearest = |one: Option<i64>, other: Option<i64>, of: fn(i64, i64) -> i64| match (one, other) {
            (Some(one), Some(other)) => Some(of(one, other)),
            (one, other) => one.or(other),
        };
        Self { min: nearest(self.min, other.min, i64::max), max: nearest(self.max, other.max, i64::min) }
    }

    /// The first tick asked for.
    pub fn min(self) -> Option<i64> {
        self.min
    }

    /// The last tick asked for.
    pub fn max(self) -> Option<i64> {
        self.max
    }

    /// Whether `tick` is in the range.
    pub fn contains(self, tick: i64) -> bool {
        self.min.is_none_or(|min| min <= tick) && self.max.is_none_or(|max| tick <= max)
    }

    /// Whether every tick of `span` is in the range.
    pub fn covers(self, span: TickSpan) -> bool {
        self.contains(span.min) && self.contains(span.max)
    }

    /// Whether any tick between `span`'s ends is in the range.
    pub fn overlaps(self, span: TickSpan) -> bool {
        self.min.is_none_or(|min| min <= span.max) && self.max.is_none_or(|max| span.min <= max)
    }
}

impl From<RangeInclusive<i64>> for TickRange {
    /// A range that is empty (`7..=3`) stays so: it matches nothing.
    fn from(range: RangeInclusive<i64>) -> Self {
        Self { min: Some(*range.start()), max: Some(*range.end()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_and_cover_agree_with_contains() {
        let spans = (0..6).flat_map(|a| (a..6).map(move |b| TickSpan { min: a, max: b }));
        for span in spans {
            for min in [None, Some(1), Some(3)] {
                for max in [None, Some(3), Some(4)] {
                    let range = TickRange::new(min, max).unwrap();
                    let inside = (span.min..=span.max).filter(|tick| range.contains(*tick)).count() as i64;
                    assert_eq!(range.overlaps(span), inside > 0, "{range:?} {span:?}");
                    assert_eq!(range.covers(span), inside == span.max - span.min + 1, "{range:?} {span:?}");
                }
            }
        }
    }
}
