//! [`BundleMeta`]: the caller's metadata of a run, a JSON object of limited size and depth.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::run::bounds::{MAX_BYTES, MAX_DEPTH, is_deeper};

/// Most levels of nested objects and lists; `meta` itself is the first.
pub const MAX_META_DEPTH: usize = MAX_DEPTH;
/// Most bytes of `meta` as JSON.
pub const MAX_META_BYTES: usize = MAX_BYTES;

/// The `meta` of a bundle: a JSON object of at most [`MAX_META_BYTES`], nested at most [`MAX_META_DEPTH`] deep.
///
/// ```
/// use crv_io::run::bundle::BundleMeta;
/// assert!(BundleMeta::parse(r#"{"seed": 7}"#).is_ok());
/// assert!(BundleMeta::parse("[7]").is_err());
/// assert!(BundleMeta::parse(&format!(r#"{{"deep": {}1{}}}"#, "[".repeat(64), "]".repeat(64))).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct BundleMeta(Map<String, Value>);

impl BundleMeta {
    /// Checks an object against the limits.
    pub fn new(object: Map<String, Value>) -> Result<Self> {
        if object.values().any(|value| is_deeper(value, MAX_META_DEPTH - 1)) {
            return Err(Error::argument(format!("`meta` is nested more than {MAX_META_DEPTH} levels deep"))
                .with_hint(HINT));
        }
        // Only counted: the document is serialized later, with indentation.
        let bytes = serde_json::to_string(&object).map_or(usize::MAX, |text| text.len());
        if bytes > MAX_META_BYTES {
            return Err(too_large(bytes));
        }
        Ok(Self(object))
    }

    /// Parses a JSON object.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_META_BYTES {
            return Err(too_large(text.len()));
        }
        let object = serde_json::from_str(text).map_err(|error| {
            Error::argument(format!("`meta` is not a JSON object: {error}"))
                .with_hint(HINT)
                .with_source(error)
        })?;
        Self::new(object)
    }

    /// The object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

const HINT: &str = "keep in `meta` only what describes the run, and write data as an artifact";

fn too_large(bytes: usize) -> Error {
    Error::argument(format!("`meta` is {bytes} bytes of JSON, and the limit is {MAX_META_BYTES}"))
        .with_hint(HINT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn nested(levels: usize) -> String {
        format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn the_deepest_object_that_is_taken_has_so_many_levels() {
        assert!(BundleMeta::parse(&nested(MAX_META_DEPTH)).is_ok());
        for levels in [MAX_META_DEPTH + 1, 1_000, 100_000] {
            assert_eq!(BundleMeta::parse(&nested(levels)).unwrap_err().kind(), ErrorKind::Argument);
        }
    }

    #[test]
    fn what_is_no_object_or_no_json_is_refused() {
        for text in ["", "1", "null", "[]", "\"a\"", "{\"a\":NaN}", "{\"a\":\"\\ud800\"}", "{} {}"] {
            assert_eq!(BundleMeta::parse(text).unwrap_err().kind(), ErrorKind::Argument, "{text}");
        }
    }

    #[test]
    fn the_largest_object_that_is_taken_has_so_many_bytes() {
        let of_size = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert!(BundleMeta::parse(&of_size(MAX_META_BYTES)).is_ok());
        assert!(BundleMeta::parse(&of_size(MAX_META_BYTES + 1)).is_err());
        let mut object = Map::new();
        object.insert("a".to_owned(), Value::String("x".repeat(MAX_META_BYTES)));
        assert!(BundleMeta::new(object).is_err());
    }

    #[test]
    fn numbers_keep_every_digit() {
        let text = r#"{"big":123456789012345678901234567890,"small":0.1000}"#;
        let meta = BundleMeta::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&meta).unwrap(), text);
    }
}
