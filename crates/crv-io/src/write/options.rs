//! [`AppendOptions`]: how appends check their rows.

use crate::config::IoSettings;
use crate::validate::PrepareOptions;

/// How an append checks its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendOptions {
    /// Check columns and nulls against the table's descriptor. Ticks and types are always checked.
    pub validate_schema: bool,
    /// Check values as well: kinds, combinations, flags.
    pub validate_rows: bool,
}

impl Default for AppendOptions {
    fn default() -> Self {
        Self { validate_schema: true, validate_rows: false }
    }
}

impl AppendOptions {
    pub(crate) fn checks(self, settings: &IoSettings) -> PrepareOptions {
        PrepareOptions {
            strict: settings.strict_schema(),
            validate_schema: self.validate_schema,
            validate_rows: self.validate_rows,
        }
    }
}
