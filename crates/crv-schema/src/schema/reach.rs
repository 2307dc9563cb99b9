//! Which integers are exact as floats. This decides whether an integer field may become a float field: appends check
//! values, footers the extremes in their statistics.

/// Every integer up to this magnitude is exact as a float.
const DENSE: u64 = 1 << 53;

/// Returns the float equal to this integer, if there is one.
pub fn exact_float(value: i64) -> Option<f64> {
    let float = value as f64;
    (float as i128 == i128::from(value)).then_some(float)
}

/// As [`exact_float`], for an unsigned integer.
pub fn exact_float_unsigned(value: u64) -> Option<f64> {
    let float = value as f64;
    (float as u128 == u128::from(value)).then_some(float)
}

/// Returns whether all integers up to this magnitude are exact as floats.
pub fn is_dense(magnitude: u64) -> bool {
    magnitude <= DENSE
}

/// What the extremes of some integers imply for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All are exact as floats.
    Floats,
    /// The extremes are exact as floats, or are only bounds: the values between them decide.
    Undecided,
    /// At least one is not exact as a float.
    Wide,
}

impl Reach {
    /// For integers from `min` to `max`; `exact` is whether each extreme is one of them, and not only a bound.
    pub fn between((min, max): (i64, i64), exact: (bool, bool)) -> Self {
        let outgrows = |extreme: i64| exact_float(extreme).is_none();
        if is_dense(min.unsigned_abs()) && is_dense(max.unsigned_abs()) {
            Reach::Floats
        } else if (exact.0 && outgrows(min)) || (exact.1 && outgrows(max)) {
            Reach::Wide
        } else if min == max && !outgrows(min) {
            Reach::Floats
        } else {
            Reach::Undecided
        }
    }

    /// Of the values of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Reach::Wide, _) | (_, Reach::Wide) => Reach::Wide,
            (Reach::Undecided, _) | (_, Reach::Undecided) => Reach::Undecided,
            _ => Reach::Floats,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_extremes_decide_where_they_can() {
        let exact = |min, max| Reach::between((min, max), (true, true));
        let reach = 1_i64 << 53;
        assert_eq!(exact(-reach, reach), Reach::Floats);
        assert_eq!(exact(0, reach + 1), Reach::Wide);
        assert_eq!(exact(-reach - 1, 0), Reach::Wide);
        assert_eq!(exact(i64::MIN, 0), Reach::Undecided);
        assert_eq!(exact(0, reach + 2), Reach::Undecided);
        assert_eq!(exact(1 << 62, 1 << 62), Reach::Floats);
        assert_eq!(Reach::between((0, reach + 1), (true, false)), Reach::Undecided);
    }

    proptest! {
        /// If the extremes decide, the values agree.
        #[test]
        fn extremes_never_contradict_the_values(
            values in prop::collection::vec(
                prop_oneof![any::<i64>(), any::<i16>().prop_map(|n| i64::from(n) << 48), -9_i64..9], 1..6,
            ),
        ) {
            let range = (values.iter().copied().min().unwrap(), values.iter().copied().max().unwrap());
            let wide = values.iter().any(|value| exact_float(*value).is_none());
            match Reach::between(range, (true, true)) {
                Reach::Undecided => {}
                decided => prop_assert_eq!(decided == Reach::Wide, wide),
            }
        }
    }
}
