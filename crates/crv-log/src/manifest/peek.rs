//! Whether rows were committed, from the first bytes of a manifest: for callers that list many runs.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

/// Whether the manifest that begins with `start` has a schema or a partition, as it does once rows were committed.
/// `false` if `start` ends before that, or there is none.
pub fn says_written(start: &[u8]) -> bool {
    let written = Cell::new(false);
    // Error ignored: the text ends early, and damage is reported when the manifest is loaded.
    let _ = serde_json::Deserializer::from_slice(start).deserialize_map(Document(&written));
    written.get()
}

/// The document, parsed up to the first key that tells.
struct Document<'a>(&'a Cell<bool>);

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "schema" | "partitions" => map.next_value_seed(Map(self.0))?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// A map of which only the first key matters.
struct Map<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Map<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Map<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if map.next_key::<IgnoredAny>()?.is_some() {
            self.0.set(true);
            // The answer is known: stop.
            return Err(A::Error::custom("written"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::says_written;

    #[test]
    fn a_schema_or_a_partition_says_so_and_nothing_else_does() {
        for written in [
            r#"{"table": "holdings", "commit": 3, "schema": {"fields": [{"na"#,
            r#"{"table": "holdings", "partitions": {"000000": {"bucket_id"#,
            r#"{"schema": null, "vacuumed": [{"path": "x"}], "partitions": {"000000""#,
        ] {
            assert!(says_written(written.as_bytes()), "{written}");
        }
        for unknown in [
            "",
            "[]",
            "{\"table\"",
            r#"{"table": "holdings", "partitions": {}, "crc32c": "00000000"}"#,
            r#"{"table": "holdings", "schema": null, "partitions": {}}"#,
            r#"{"vacuumed": [{"schema": {"fields": []}}], "partitions": {}}"#,
            r#"{"schema": {"#,
            r#"{"schema": {}, "partitions": {}}"#,
        ] {
            assert!(!says_written(unknown.as_bytes()), "{unknown}");
        }
    }
}
