//! JSON documents that carry a checksum of themselves.
//!
//! The last key of a sealed document is `"crc32c"`: eight hex digits over every byte before the comma (and
//! white space) that precedes the key. Any flipped bit is noticed, and the document stays plain JSON.

use serde::Deserialize;

const KEY: &str = "\"crc32c\"";

/// Why a seal is not valid.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SealError {
    /// There is no checksum at the end.
    Missing,
    /// The checksum and the bytes differ.
    Mismatch,
}

/// Seals `body`, a JSON object with at least one key, ending in `}`; `indented` as `serde_json` indents it.
pub fn seal(mut body: Vec<u8>, indented: bool) -> Vec<u8> {
    while body.last().is_some_and(|byte| *byte == b'}' || byte.is_ascii_whitespace()) {
        let brace = body.pop() == Some(b'}');
        if brace {
            while body.last().is_some_and(u8::is_ascii_whitespace) {
                body.pop();
            }
            break;
        }
    }
    let end = end(&body, indented);
    body.extend_from_slice(end.as_bytes());
    body
}

/// Returns the text that follows the `body` of a sealed document.
fn end(body: &[u8], indented: bool) -> String {
    let sum = crc32c::crc32c(body);
    if indented { format!(",\n  {KEY}: \"{sum:08x}\"\n}}\n") } else { format!(",{KEY}:\"{sum:08x}\"}}\n") }
}

/// Checks the seal of `bytes`. The document can then be parsed whole: the checksum is one more key.
pub(super) fn open(bytes: &[u8]) -> Result<(), SealError> {
    // The seal is at the end: only the last bytes are searched.
    let from = bytes.len().saturating_sub(40);
    let tail = bytes.get(from..).unwrap_or_default();
    let key =
        tail.windows(KEY.len()).rposition(|window| window == KEY.as_bytes()).ok_or(SealError::Missing)?;
    let before = bytes.get(..from + key).unwrap_or_default();
    let blanks = before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    let body = before.get(..before.len() - blanks).and_then(|body| body.strip_suffix(b","));
    let body = body.ok_or(SealError::Missing)?;
    let is_whole = !body.last().is_some_and(u8::is_ascii_whitespace)
        && bytes.get(body.len()..) == Some(end(body, blanks > 0).as_bytes());
    if is_whole { Ok(()) } else { Err(SealError::Mismatch) }
}

/// Checks the seal of a document that always has one, and that its key `format` is `format`: a newer document
/// may differ in everything else.
pub fn open_document(bytes: &[u8], format: u32) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    match open(bytes) {
        Ok(()) => {}
        Err(SealError::Missing) => return Err("it is cut short: its checksum is missing".to_owned()),
        Err(SealError::Mismatch) => return Err("its checksum does not match its bytes".to_owned()),
    }
    let found: Format = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if found.format == format {
        Ok(())
    } else {
        Err(format!("it has format {}, and this crv reads format {format}", found.format))
    }
}

/// Whether a document that cannot be decoded says that it has a later version than `known`, and its seal, if any,
/// does not contradict its bytes.
pub fn is_later(bytes: &[u8], known: u32) -> bool {
    #[derive(Deserialize)]
    struct Versions {
        format: Option<u32>,
        version: Option<u32>,
    }
    let found: Option<Versions> = serde_json::from_slice(bytes).ok();
    open(bytes) != Err(SealError::Mismatch)
        && found.and_then(|found| found.format.or(found.version)).is_some_and(|found| found > known)
}

/// Whether the seal of `bytes` is valid.
pub fn is_sealed(bytes: &[u8]) -> bool {
    open(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn documents() -> Vec<Vec<u8>> {
        let value = json!({"format": 1, "tables": {"a": {"b": {}}}, "text": "crc32c"});
        vec![
            seal(serde_json::to_vec(&value).unwrap(), false),
            seal(serde_json::to_vec_pretty(&value).unwrap(), true),
        ]
    }

    #[test]
    fn a_sealed_document_is_json_and_opens() {
        for document in documents() {
            open(&document).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&document).unwrap();
            assert_eq!(value["tables"]["a"]["b"], json!({}));
            assert_eq!(value["crc32c"].as_str().unwrap().len(), 8);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        for document in documents() {
            for bit in 0..document.len() * 8 {
                let mut flipped = document.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(open(&flipped).is_err(), "bit {bit}");
            }
            for length in 0..document.len() {
                assert!(open(&document[..length]).is_err(), "cut to {length}");
            }
        }
    }
}
