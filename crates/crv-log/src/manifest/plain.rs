//! A fast parser for manifests as this crate writes them, in one pass.
//!
//! A general JSON parser takes longer for the entries of a hundred thousand parts than all else in opening a run. This
//! one knows the keys and their order. It accepts white space anywhere, and nothing that the general parser would
//! refuse or read otherwise: at anything unexpected it gives up, and the general parser reads the document or returns
//! the error. Both check every entry alike (invariant 6).

use std::collections::HashSet;
use std::sync::Arc;

use crv_core::tables::TableId;
use jiff::Timestamp;

use super::invariants::check_part;
use super::state::{Part, TableState, total};
use super::view::{PartitionMeta, TableManifest};
use crate::paths::{BucketId, CommitNumber, PartId};
use crate::stamp;
use crate::ticks::TickSpan;
use crv_schema::schema::{Descriptor, TableSchema};

/// Parses the state of `table` from a manifest whose seal was checked; `None` if the general parser must read it.
pub(super) fn read(table: TableId, document: &[u8]) -> Option<TableState> {
    let mut text = Text { rest: document };
    text.mark(b'{')?;
    text.key(b"\"table\"")?;
    let named = text.string()? == table.as_str();
    text.next_key(b"\"version\"")?;
    let version = text.number()?;
    if !named || version != u64::from(TableManifest::VERSION) {
        return None;
    }
    text.next_key(b"\"created_at\"")?;
    let created_at = text.time()?;
    text.next_key(b"\"updated_at\"")?;
    let updated_at = text.time()?;
    text.next_key(b"\"commit\"")?;
    let commit = CommitNumber::new(text.number()?);
    if commit.next() == commit {
        return None;
    }
    text.mark(b',')?;
    let size = if text.is_at(b"\"tick_bucket_size\"") {
        text.key(b"\"tick_bucket_size\"")?;
        let size = text.number()?;
        text.mark(b',')?;
        Some(size)
    } else {
        None
    };
    let mut state = TableState::new(table, size, commit, created_at);
    state.updated_at = updated_at;
    if text.is_at(b"\"declared\"") {
        text.key(b"\"declared\"")?;
        state.declared = Some(Descriptor::from_document(table, text.schema()?).ok()?);
        text.mark(b',')?;
    }
    if text.is_at(b"\"schema\"") {
        text.key(b"\"schema\"")?;
        state.schema = Some(Arc::new(text.schema()?));
        text.mark(b',')?;
    }
    for (bucket, id, at) in text.notes(b"\"vacuumed\"", b"\"vacuumed_at\"")? {
        state.remember_vacuumed(bucket, id, at);
    }
    for (bucket, id, at) in text.notes(b"\"removed\"", b"\"removed_at\"")? {
        state.remember_removed(bucket, id, at);
    }
    text.key(b"\"partitions\"")?;
    text.mark(b'{')?;
    if text.is_at(b"}") {
        text.mark(b'}')?;
    } else {
        let mut parts = 0;
        loop {
            let (bucket, read) = text.partition(size, parts)?;
            parts = read.len();
            if state.partitions().contains_key(&bucket) {
                return None;
            }
            state.add_partition(bucket, read).ok()?;
            if !text.goes_on()? {
                break;
            }
        }
    }
    text.next_key(b"\"crc32c\"")?;
    text.string()?;
    text.mark(b'}')?;
    text.skip();
    text.rest.is_empty().then_some(state)
}

/// Stands for a byte that is not a hex digit.
const NO_DIGIT: u8 = 16;
/// The value of each byte as a lower-case hex digit. A table, because a branch on the kind of digit is mispredicted.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[if value < 10 { b'0' + value } else { b'a' + value - 10 } as usize] = value;
        value += 1;
    }
    digits
};

/// The rest of a document. Every method returns `None` if the text is not as expected.
struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    /// Skips white space.
    fn skip(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn is_at(&mut self, literal: &[u8]) -> bool {
        self.skip();
        self.rest.starts_with(literal)
    }

    fn literal<const LENGTH: usize>(&mut self, literal: &[u8; LENGTH]) -> Option<()> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        (first == literal).then_some(())
    }

    fn mark(&mut self, mark: u8) -> Option<()> {
        self.skip();
        self.literal(&[mark])
    }

    /// Reads a key, in its quotation marks, up to its value.
    fn key<const LENGTH: usize>(&mut self, key: &[u8; LENGTH]) -> Option<()> {
        self.skip();
        self.literal(key)?;
        self.mark(b':')?;
        self.skip();
        Some(())
    }

    fn next_key<const LENGTH: usize>(&mut self, key: &[u8; LENGTH]) -> Option<()> {
        self.mark(b',')?;
        self.key(key)
    }

    /// Reads a comma or a closing brace or bracket. Returns whether another item follows.
    fn goes_on(&mut self) -> Option<bool> {
        self.skip();
        let (mark, rest) = self.rest.split_first()?;
        self.rest = rest;
        match mark {
            b',' => Some(true),
            b'}' | b']' => Some(false),
            _ => None,
        }
    }

    /// Reads a non-negative integer.
    fn number(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        let mut rest = self.rest;
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            rest = after;
        }
        let digits = self.rest.len() - rest.len();
        // JSON has no leading zeros. A fraction fails at the mark that must follow.
        if digits == 0 || (digits > 1 && self.rest.first() == Some(&b'0')) {
            return None;
        }
        self.rest = rest;
        Some(number)
    }

    /// Reads a string of printable ASCII without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.literal(b"\"")?;
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        let length = self.rest.iter().take_while(|byte| plain(byte)).count();
        let (string, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.literal(b"\"")?;
        std::str::from_utf8(string).ok()
    }

    fn time(&mut self) -> Option<Timestamp> {
        // Most times have microseconds, and then this length.
        if let Some((quoted, rest)) = self.rest.split_first_chunk::<34>()
            && let [b'"', time @ .., b'"'] = quoted
            && let Some(time) = stamp::parse_ours(time)
        {
            self.rest = rest;
            return Some(time);
        }
        stamp::parse(self.string()?)
    }

    fn schema(&mut self) -> Option<TableSchema> {
        let mut schemas = serde_json::Deserializer::from_slice(self.rest).into_iter::<TableSchema>();
        let schema = schemas.next()?.ok()?;
        self.rest = self.rest.get(schemas.byte_offset()..)?;
        Some(schema)
    }

    /// Reads lower-case hex digits, two for each byte of the array.
    fn hex<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        let mut bytes = [0; BYTES];
        let (digits, rest) = self.rest.split_at_checked(2 * BYTES)?;
        let mut wrong = 0;
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [0, 1].map(|at| pair.get(at).map_or(NO_DIGIT, |digit| DIGITS[*digit as usize]));
            *byte = high << 4 | low & 15;
            wrong |= high | low;
        }
        self.rest = rest;
        (wrong < NO_DIGIT).then_some(bytes)
    }

    fn part_id(&mut self) -> Option<PartId> {
        self.literal(b"\"part-")?;
        let id = u128::from_be_bytes(self.hex()?);
        self.literal(b".parquet\"")?;
        Some(PartId::new(id))
    }

    /// Reads the list of parts under `key`, each with its time under the key `time`; empty if the document continues
    /// with another key.
    fn notes<const KEY: usize, const TIME: usize>(
        &mut self,
        key: &[u8; KEY],
        time: &[u8; TIME],
    ) -> Option<Vec<(BucketId, PartId, Timestamp)>> {
        let mut notes = Vec::new();
        if !self.is_at(key) {
            return Some(notes);
        }
        self.key(key)?;
        self.mark(b'[')?;
        loop {
            self.mark(b'{')?;
            self.key(b"\"bucket_id\"")?;
            let bucket = BucketId::new(self.number()?);
            self.next_key(b"\"path\"")?;
            let id = self.part_id()?;
            self.next_key(time)?;
            let at = self.time()?;
            self.mark(b'}')?;
            notes.push((bucket, id, at));
            if !self.goes_on()? {
                break;
            }
        }
        self.mark(b',')?;
        Some(notes)
    }

    /// Reads a bucket and its parts, about `expected` many.
    fn partition(&mut self, size: Option<u64>, expected: usize) -> Option<(BucketId, Vec<Part>)> {
        self.skip();
        let key = BucketId::parse_key(self.string()?)?;
        self.mark(b':')?;
        self.mark(b'{')?;
        self.key(b"\"bucket_id\"")?;
        if self.number()? != key.get() {
            return None;
        }
        self.next_key(b"\"state\"")?;
        if self.string()? != PartitionMeta::READY {
            return None;
        }
        // The ticks of a partition are for other readers: here they come from its parts.
        self.next_key(b"\"tick_min\"")?;
        i64::try_from(self.number()?).ok()?;
        self.next_key(b"\"tick_max\"")?;
        i64::try_from(self.number()?).ok()?;
        self.next_key(b"\"row_count\"")?;
        let rows = self.number()?;
        self.next_key(b"\"byte_size\"")?;
        let bytes = self.number()?;
        self.next_key(b"\"parts\"")?;
        self.mark(b'[')?;
        let mut parts = Vec::with_capacity(expected.min(self.rest.len() / 128));
        loop {
            let part = self.part()?;
            check_part(key, &part, size).ok()?;
            parts.push(part);
            if !self.goes_on()? {
                break;
            }
        }
        let mut more = self.goes_on()?;
        if more && self.is_at(b"\"parts_crc32c\"") {
            self.key(b"\"parts_crc32c\"")?;
            self.sums(&mut parts)?;
            more = self.goes_on()?;
        }
        if more {
            self.key(b"\"provisional\"")?;
            self.provisional(&mut parts)?;
            self.mark(b'}')?;
        }
        let totals = (total(parts.iter().map(|part| part.rows)), total(parts.iter().map(|part| part.bytes)));
        (totals == (rows, bytes)).then_some((key, parts))
    }

    fn part(&mut self) -> Option<Part> {
        self.mark(b'{')?;
        self.key(b"\"path\"")?;
        let id = self.part_id()?;
        self.next_key(b"\"rows\"")?;
        let rows = self.number()?;
        self.next_key(b"\"bytes\"")?;
        let bytes = self.number()?;
        self.next_key(b"\"tick_min\"")?;
        let min = i64::try_from(self.number()?).ok()?;
        self.next_key(b"\"tick_max\"")?;
        let max = i64::try_from(self.number()?).ok()?;
        self.next_key(b"\"created_at\"")?;
        let created_at = self.time()?;
        self.mark(b'}')?;
        let ticks = TickSpan { min, max };
        Some(Part { id, rows, bytes, ticks, created_at, crc32c: None, provisional: false })
    }

    /// Reads a checksum, or null, for each part.
    fn sums(&mut self, parts: &mut [Part]) -> Option<()> {
        self.mark(b'[')?;
        let last = parts.len().checked_sub(1)?;
        for (at, part) in parts.iter_mut().enumerate() {
            self.skip();
            if self.rest.starts_with(b"null") {
                self.literal(b"null")?;
            } else {
                self.literal(b"\"")?;
                part.crc32c = Some(u32::from_be_bytes(self.hex()?));
                self.literal(b"\"")?;
            }
            if self.goes_on()? != (at < last) {
                return None;
            }
        }
        Some(())
    }

    fn provisional(&mut self, parts: &mut [Part]) -> Option<()> {
        self.mark(b'[')?;
        let mut ids = HashSet::new();
        loop {
            self.skip();
            ids.insert(self.part_id()?);
            if !self.goes_on()? {
                break;
            }
        }
        for part in parts {
            part.provisional = ids.contains(&part.id);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::wire;
    use super::*;
    use crate::testing::states::{commit, state_at};

    /// The same document with the least white space, and with much of it.
    fn laid_out(document: &[u8]) -> [Vec<u8>; 2] {
        let text = std::str::from_utf8(document).unwrap();
        let (mut dense, mut wide, mut within) = (String::new(), String::new(), false);
        let mut escaped = false;
        for letter in text.chars() {
            let quote = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            if within || quote || !letter.is_ascii_whitespace() {
                dense.push(letter);
            }
            wide.push(letter);
            within ^= quote;
            if !within && "{}[]:,".contains(letter) {
                wide.push_str("\r\n\t ");
            }
        }
        [dense.into_bytes(), wide.into_bytes()]
    }

    proptest! {
        /// No document that this crate writes is left to the general parser.
        #[test]
        fn what_is_written_here_is_read_here(state in state_at(commit())) {
            let document = wire::encode(&state).unwrap();
            prop_assert_eq!(&wire::decode_unsealed(state.table, &document).unwrap().state, &state);
            let found = read(state.table, &document);
            prop_assert_eq!(found.as_ref(), Some(&state));
            for document in laid_out(&document) {
                let found = read(state.table, &document);
            prop_assert_eq!(found.as_ref(), Some(&state));
            }
        }

        /// The general parser reads every document that this one accepts in the same way.
        #[test]
        fn it_reads_nothing_that_the_general_reader_reads_otherwise(
            state in state_at(commit()),
            at: prop::sample::Index,
            with in prop_oneof![any::<u8>(), prop::sample::select(b"0123456789abcf\"{}[]:,-.e \\".to_vec())],
            how in 0..4_u8,
        ) {
            let mut document = wire::encode(&state).unwrap();
            let at = at.index(document.len());
            match how {
                0 => document[at] = with,
                1 => document.insert(at, with),
                2 => drop(document.remove(at)),
                _ => document.truncate(at),
            }
            // The seal is checked before, and does not matter here.
            if let Some(found) = read(state.table, &document) {
                let slow = wire::decode_unsealed(state.table, &document);
                prop_assert_eq!(slow.map(|decoded| decoded.state), Ok(found));
            }
        }
    }
}
