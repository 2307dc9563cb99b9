//! The bounds of JSON that callers pass: of a bundle's metadata, and of a run's facts.

use serde_json::Value;

/// Most levels of nested objects and lists; the object itself is the first. JSON readers have limits not far above.
pub(super) const MAX_DEPTH: usize = 64;
/// Most bytes of the object as JSON.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// Returns whether the value has more than `levels` levels. Never descends further than that.
pub(super) fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| is_deeper(field, levels - 1)),
        _ => false,
    }
}
