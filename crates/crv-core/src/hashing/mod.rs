//! Canonical JSON and the hashes of rows, contexts and states.
//!
//! Canonical JSON is what Python's `json.dumps(value, sort_keys=True, separators=(",", ":"),
//! ensure_ascii=False, allow_nan=False)` writes, byte for byte:
//!
//! - object keys sorted by code point, no blanks, non-ASCII text unescaped;
//! - `"` and `\` escaped, and control characters below U+0020 as `\n \r \t \b \f` or `\u001f`, nothing else;
//! - integers of any size in full, and `-0` as `0`;
//! - every other number is a double, written with the fewest digits that parse to the same double: `1.0`,
//!   `1e+22`, `1e-07`, `-0.0`, `5e-324`. The spelling decides whether a number is an integer: with `.`, `e` or `E` it
//!   is a double.
//!
//! A number that overflows a double, such as `1e999`, is a [`JsonError::Number`]: JSON has no infinity and no NaN.
//! [`serde_json`] has neither, and converts a NaN in a Rust value to `null`: check for them before the conversion.

mod canonical;
mod number;

pub use canonical::json_dumps_canonical;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::JsonError;

/// The SHA-256 of a row's canonical JSON, as 64 lower-case hex digits.
///
/// ```
/// use crv_core::hashing::hash_row;
///
/// let row = serde_json::json!({"b": 2, "a": 1});
/// assert_eq!(hash_row(&row)?, "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777");
/// # Ok::<(), crv_core::error::JsonError>(())
/// ```
///
/// # Errors
/// [`JsonError::Number`], as [`json_dumps_canonical`].
pub fn hash_row(row: &Value) -> Result<String, JsonError> {
    json_dumps_canonical(row).map(|json| sha256_hex(json.as_bytes()))
}

/// The hash of a context, as [`hash_row`], for `context_hash` columns.
///
/// # Errors
/// [`JsonError::Number`], as [`json_dumps_canonical`].
pub fn hash_context(context: &Value) -> Result<String, JsonError> {
    hash_row(context)
}

/// The hash of a state, as [`hash_row`], for `representation_hash` and `persona_hash` columns.
///
/// # Errors
/// [`JsonError::Number`], as [`json_dumps_canonical`].
pub fn hash_state(state: &Value) -> Result<String, JsonError> {
    hash_row(state)
}

/// The SHA-256 of bytes, as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)))
        .map(|digit| char::from(*digit))
        .collect()
}

#[cfg(test)]
mod tests;
