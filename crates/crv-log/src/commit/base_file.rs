//! The base of a log as bytes: a head with a checksum of its own, then the tables, then the seal of the whole.
//!
//! Opening a run needs only the head, and the tables may be large: a reader of the head reads only the beginning
//! of the file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crv_core::tables::TableId;
use serde::{Deserialize, Serialize};

use super::base::{Base, BaseHead};
use crate::json_map::unique_keys;
use crate::manifest::{StateDocument, open_document, parse_sum, parse_time, seal};
use crate::paths::CommitNumber;
use crate::stamp;

/// The version of the document. A newer one is refused.
pub(super) const FORMAT: u32 = 1;

/// How many bytes are read for a head. It is shorter: it has at most 1,024 ids of 36 characters.
pub(super) const HEAD_BYTES: usize = 64 * 1024;

/// Separates the head from its checksum. Within a JSON string its quotes would be escaped, so the first match is the
/// end of the head.
const HEAD_END: &[u8] = b",\"head_crc32c\":\"";

#[derive(Serialize, Deserialize)]
struct HeadFile<'a> {
    format: u32,
    through: u64,
    #[serde(borrow)]
    created_at: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
}

#[derive(Deserialize)]
struct BaseFile<'a> {
    through: u64,
    created_at: Cow<'a, str>,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(deserialize_with = "unique_keys")]
    tables: BTreeMap<TableId, StateDocument<'a>>,
}

/// Serializes a base.
pub fn encode(base: &Base) -> Result<Vec<u8>, serde_json::Error> {
    let head = HeadFile {
        format: FORMAT,
        through: base.through.get(),
        created_at: Cow::Owned(stamp::text(stamp::now())),
        ids: base.ids.clone(),
    };
    let mut text = serde_json::to_vec(&head)?;
    // The closing brace: the document goes on.
    text.pop();
    let sum = crc32c::crc32c(&text);
    text.extend_from_slice(HEAD_END);
    text.extend_from_slice(format!("{sum:08x}\",\"tables\":").as_bytes());
    let tables: BTreeMap<TableId, StateDocument<'_>> =
        base.tables.iter().map(|(table, state)| (*table, StateDocument::of(state))).collect();
    serde_json::to_writer(&mut text, &tables)?;
    text.push(b'}');
    Ok(seal(text, false))
}

/// Decodes the head of the document that begins with these bytes; `None` if they hold no valid one.
pub(super) fn decode_head(beginning: &[u8]) -> Option<BaseHead> {
    let end = beginning.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let (head, rest) = beginning.split_at_checked(end)?;
    let sum = std::str::from_utf8(rest.get(HEAD_END.len()..HEAD_END.len() + 8)?).ok()?;
    if parse_sum(sum).ok()? != crc32c::crc32c(head) {
        return None;
    }
    let mut text = head.to_vec();
    text.push(b'}');
    let head: HeadFile<'_> = serde_json::from_slice(&text).ok()?;
    (head.format == FORMAT && parse_time(&head.created_at).is_ok()).then_some(())?;
    Some(BaseHead { through: through(head.through).ok()?, ids: head.ids })
}

fn through(number: u64) -> Result<CommitNumber, String> {
    let through = CommitNumber::new(number);
    if through == CommitNumber::ZERO || through.next() == through {
        return Err("no commit can have the number of its `through`".to_owned());
    }
    Ok(through)
}

/// Decodes the base in the document `bytes`; the error says what is wrong.
pub fn decode(bytes: &[u8]) -> Result<Base, String> {
    open_document(bytes, FORMAT)?;
    let file: BaseFile<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    parse_time(&file.created_at)?;
    let through = through(file.through)?;
    let mut tables = BTreeMap::new();
    for (table, document) in file.tables {
        let told = |error| format!("in table `{table}` {error}");
        let state = document.into_state(table).map_err(told)?.state;
        if state.commit != through {
            return Err(told(format!("it is as of commit {}, and the base as of {through}", state.commit)));
        }
        tables.insert(table, state);
    }
    Ok(Base { through, tables, ids: file.ids })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::TableState;
    use crate::testing::states::{commit, state_at};

    proptest! {
        #[test]
        fn any_base_survives_its_document(
            base in commit().prop_flat_map(|through| {
                let states = prop::collection::vec(state_at(Just(through)), 0..4);
                (states, any::<Vec<String>>()).prop_map(move |(states, ids)| Base {
                    through,
                    tables: states.into_iter().map(|state| (state.table, state)).collect(),
                    ids,
                })
            })
        ) {
            let document = encode(&base).unwrap();
            prop_assert_eq!(&decode(&document).unwrap(), &base);
            prop_assert_eq!(decode_head(&document), Some(BaseHead::from(base)));
        }
    }

    #[test]
    fn a_table_that_is_there_twice_is_refused() {
        let text = String::from_utf8(encode(&sample()).unwrap()).unwrap();
        let (before, table) = text.split_once("\"holdings\":").unwrap();
        let (table, _) = table.split_once("},\"crc32c\"").unwrap();
        let twice = format!("{before}\"holdings\":{table},\"holdings\":{table}}}}}");
        let error = decode(&seal(twice.into_bytes(), false)).unwrap_err();
        assert!(error.contains("the key `holdings` is there twice"), "{error}");
    }

    fn sample() -> Base {
        let through = CommitNumber::new(41);
        let now = "2025-09-25T08:00:00.123456Z".parse().unwrap();
        let state = TableState::new(TableId::HOLDINGS, Some(100), through, now);
        let ids = vec!["a commit".to_owned(), "the one after it".to_owned()];
        Base { through, tables: BTreeMap::from([(TableId::HOLDINGS, state)]), ids }
    }

    #[test]
    fn a_base_survives_its_document() {
        assert_eq!(decode(&encode(&sample()).unwrap()).unwrap(), sample());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode(&sample()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
            let head = decode_head(&flipped);
            assert!(head.is_none() || head == Some(sample().into()), "bit {bit}: {head:?}");
        }
    }

    #[test]
    fn a_table_of_another_commit_is_refused() {
        let mut base = sample();
        base.through = CommitNumber::new(40);
        assert!(decode(&encode(&base).unwrap()).unwrap_err().contains("of commit 41"));
    }

    /// Bases of earlier versions have no checksum of their head.
    #[test]
    fn a_base_without_a_head_is_read_whole() {
        let text = String::from_utf8(encode(&sample()).unwrap()).unwrap();
        let (before, after) = text.split_once(",\"head_crc32c\":\"").unwrap();
        let body = format!("{before}{}", &after[9..]);
        let (body, _) = body.rsplit_once(",\"crc32c\"").unwrap();
        let earlier = seal(format!("{body}}}").into_bytes(), false);
        assert_eq!(decode_head(&earlier), None);
        assert_eq!(decode(&earlier).unwrap(), sample());
    }

    #[test]
    fn a_head_fits_what_is_read_of_it() {
        let mut base = sample();
        base.ids = (0..1_024).map(|_| stamp::attempt_id()).collect();
        let mut document = encode(&base).unwrap();
        // However large the tables are, only the beginning is read.
        document.resize(10 * HEAD_BYTES, b'x');
        assert_eq!(decode_head(&document[..HEAD_BYTES]), Some(base.into()));
    }
}
