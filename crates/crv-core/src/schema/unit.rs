//! [`UnitInterval`]: numbers from 0 to 1.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::SchemaError;

/// A number from 0 to 1, both included; not `NaN`.
///
/// ```
/// use crv_core::schema::UnitInterval;
///
/// assert_eq!(UnitInterval::new("valence", 0.25)?.get(), 0.25);
/// let refused = UnitInterval::new("valence", 1.5).unwrap_err();
/// assert_eq!(refused.to_string(), "`valence` must lie in [0, 1], got 1.5");
/// # Ok::<(), crv_core::error::SchemaError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct UnitInterval(f64);

impl UnitInterval {
    /// The middle.
    pub const HALF: Self = Self(0.5);

    /// Checks the number; `field` is its name in the message.
    ///
    /// # Errors
    /// [`SchemaError::OutsideUnitInterval`].
    pub fn new(field: &str, value: f64) -> Result<Self, SchemaError> {
        if (0.0..=1.0).contains(&value) {
            return Ok(Self(value));
        }
        Err(SchemaError::OutsideUnitInterval { field: field.to_owned(), value: value.to_string() })
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The default of some fields.
    pub(super) const fn half() -> Self {
        Self::HALF
    }
}

impl TryFrom<f64> for UnitInterval {
    type Error = SchemaError;

    fn try_from(value: f64) -> Result<Self, SchemaError> {
        Self::new("value", value)
    }
}

impl From<UnitInterval> for f64 {
    fn from(value: UnitInterval) -> Self {
        value.0
    }
}

impl fmt::Display for UnitInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
