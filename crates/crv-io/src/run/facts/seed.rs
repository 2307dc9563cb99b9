//! [`Seed`]: the seed of a run's random numbers.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::error::{Error, Result};

/// Most digits of a seed: more than any generator takes, and few enough for every reader of JSON.
const MAX_DIGITS: usize = 100;

/// The seed of a run's random numbers: an integer of at most 100 digits.
///
/// ```
/// use crv_io::run::Seed;
/// assert_eq!(Seed::from(7_u64).to_string(), "7");
/// assert!(Seed::parse("340282366920938463463374607431768211455").is_ok());
/// assert!(Seed::parse("1.5").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Number", into = "Number")]
pub struct Seed(Number);

impl Seed {
    /// Parses the digits of an integer.
    pub fn parse(text: &str) -> Result<Self> {
        let number = text.parse::<Number>().ok();
        number.and_then(|number| Self::try_from(number).ok()).ok_or_else(|| {
            Error::argument(format!(
                "a seed is an integer of at most {MAX_DIGITS} digits, not {}",
                shown(text)
            ))
            .with_hint("pass an int, or None if the run has no seed")
        })
    }
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}

impl TryFrom<Number> for Seed {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        let text = number.to_string();
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= MAX_DIGITS;
        if is_integer {
            Ok(Self(number))
        } else {
            Err(format!("`seed` is {}, and not an integer of at most {MAX_DIGITS} digits", shown(&text)))
        }
    }
}

impl From<Seed> for Number {
    fn from(seed: Seed) -> Self {
        seed.0
    }
}

impl From<u64> for Seed {
    fn from(seed: u64) -> Self {
        Self(seed.into())
    }
}

impl From<i64> for Seed {
    fn from(seed: i64) -> Self {
        Self(seed.into())
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_keeps_every_digit_and_is_an_integer() {
        let digits = "9".repeat(MAX_DIGITS);
        for text in ["0", "-7", "18446744073709551616", &digits] {
            let seed = Seed::parse(text).unwrap();
            assert_eq!(serde_json::to_string(&seed).unwrap(), text);
            assert_eq!(serde_json::from_str::<Seed>(text).unwrap(), seed);
        }
        for text in ["", "1.0", "1e3", "x", "--1", "+1", &format!("{digits}9")] {
            assert!(Seed::parse(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Seed>("1e3").is_err());
    }
}
