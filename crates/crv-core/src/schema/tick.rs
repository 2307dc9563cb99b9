//! [`RowTick`]: the tick of a row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::SchemaError;
use crate::typing::Tick;

/// The tick of a row: zero or more.
///
/// ```
/// use crv_core::schema::RowTick;
///
/// assert_eq!(RowTick::new(7)?.get(), 7);
/// assert!(RowTick::new(-1).is_err());
/// # Ok::<(), crv_core::error::SchemaError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct RowTick(Tick);

impl RowTick {
    /// Checks the tick.
    ///
    /// # Errors
    /// [`SchemaError::NegativeTick`].
    pub const fn new(value: Tick) -> Result<Self, SchemaError> {
        if value < 0 { Err(SchemaError::NegativeTick { value }) } else { Ok(Self(value)) }
    }

    /// The tick.
    pub const fn get(self) -> Tick {
        self.0
    }
}

impl TryFrom<i64> for RowTick {
    type Error = SchemaError;

    fn try_from(value: i64) -> Result<Self, SchemaError> {
        Self::new(value)
    }
}

impl From<RowTick> for i64 {
    fn from(tick: RowTick) -> Self {
        tick.0
    }
}

impl fmt::Display for RowTick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
