//! A JSON parser that keeps every digit of numbers, and the canonical serializer.

use serde_json::Value;

pub use crate::hashing::json_dumps_canonical;

use crate::error::JsonError;

/// The key that [`serde_json`] uses internally for numbers with all digits. An object with this key would be parsed as
/// a number.
const RESERVED_KEY: &str = "$serde_json::private::Number";

/// Parses a JSON text.
///
/// Numbers keep their digits as written. Of a key that occurs twice, the last value is kept. `NaN` and
/// `Infinity` are refused. Arrays and objects may be nested at most 127 levels deep.
///
/// ```
/// use crv_core::serde::{json_dumps_canonical, json_loads};
///
/// let value = json_loads(r#"{"big": 123456789012345678901234567890}"#)?;
/// assert_eq!(json_dumps_canonical(&value)?, r#"{"big":123456789012345678901234567890}"#);
/// assert!(json_loads("[NaN]").is_err());
/// # Ok::<(), crv_core::error::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError::Syntax`] with the position. [`JsonError::ReservedKey`] if the text contains the key (or string) that
/// the JSON library reserves.
pub fn json_loads(text: &str) -> Result<Value, JsonError> {
    // A fast substring search, before parsing: parsing converts the object.
    if text.contains("\"$serde_json::private::Number\"") {
        return Err(JsonError::ReservedKey { key: RESERVED_KEY });
    }
    serde_json::from_str(text).map_err(|error| JsonError::Syntax { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_refused() {
        for refused in [
            "",
            "nul",
            "NaN",
            "Infinity",
            "-Infinity",
            "01",
            "1.",
            ".5",
            "+1",
            "[1,]",
            "{a:1}",
            "1 2",
            "\"\\ud800\"",
        ] {
            assert!(matches!(json_loads(refused), Err(JsonError::Syntax { .. })), "{refused}");
        }
    }

    #[test]
    fn nesting_is_bounded_and_no_stack_overflows() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(json_loads(&nested(127)).is_ok());
        assert!(json_loads(&nested(128)).is_err());
        assert!(json_loads(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn an_object_that_would_be_taken_for_a_number_is_refused() {
        let text = format!(r#"{{"{RESERVED_KEY}": "1.5"}}"#);
        assert!(matches!(json_loads(&text), Err(JsonError::ReservedKey { .. })));
    }
}
