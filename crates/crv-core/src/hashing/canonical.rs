//! Writes canonical JSON.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::number::push_number;
use crate::error::JsonError;

/// The canonical JSON of a value; the rules are in the [module](super).
///
/// The function is recursive, so the stack limits the depth of the value. Values from
/// [`json_loads`](crate::serde::json_loads) are always within that limit.
///
/// ```
/// use crv_core::hashing::json_dumps_canonical;
/// use crv_core::serde::json_loads;
///
/// let value = json_loads(r#"{"b": [1E16, 1e-7, -0.0, -0], "a": "\u00fc\u001f/"}"#)?;
/// assert_eq!(json_dumps_canonical(&value)?, r#"{"a":"ü\u001f/","b":[1e+16,1e-07,-0.0,0]}"#);
/// # Ok::<(), crv_core::error::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError::Number`] if a number overflows a double.
pub fn json_dumps_canonical(value: &Value) -> Result<String, JsonError> {
    let mut json = String::new();
    push_value(&mut json, value)?;
    Ok(json)
}

fn push_value(json: &mut String, value: &Value) -> Result<(), JsonError> {
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(true) => json.push_str("true"),
        Value::Bool(false) => json.push_str("false"),
        Value::Number(number) => push_number(json, number.as_str())?,
        Value::String(text) => push_string(json, text),
        Value::Array(items) => push_array(json, items)?,
        Value::Object(entries) => push_object(json, entries)?,
    }
    Ok(())
}

fn push_array(json: &mut String, items: &[Value]) -> Result<(), JsonError> {
    json.push('[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            json.push(',');
        }
        push_value(json, item)?;
    }
    json.push(']');
    Ok(())
}

fn push_object(json: &mut String, entries: &Map<String, Value>) -> Result<(), JsonError> {
    // Sorted here and not by the map: another crate may switch the map to insertion order. The order of UTF-8
    // bytes is the order of code points.
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_unstable_by(|left, right| left.0.cmp(right.0));
    json.push('{');
    for (position, (key, value)) in sorted.into_iter().enumerate() {
        if position > 0 {
            json.push(',');
        }
        push_string(json, key);
        json.push(':');
        push_value(json, value)?;
    }
    json.push('}');
    Ok(())
}

fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            control @ '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}
