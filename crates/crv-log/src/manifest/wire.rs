//! `manifest.json` as bytes: private types between the document and [`TableState`].
//!
//! [`lines`] writes the partitions of our own manifests, and [`plain`] reads these manifests, three times as fast. This
//! module is the general parser, for any other document: foreign manifests, and the tables of a base. Names of parts, times
//! and checksums are parsed where they are in the document, without a copy: each part has one of each.
//!
//! Beside the keys that every implementation knows, a document has ours: at the top `commit`, `tick_bucket_size`,
//! `declared`, `schema`, `vacuumed`, `removed` and the seal; in a partition `parts_crc32c` and `provisional`. A manifest without
//! `commit` is foreign: it has no seal, and the whole log is applied to it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crv_core::tables::TableId;
use jiff::Timestamp;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::invariants::check_part;
use super::seal::{self, SealError};
use super::state::{Part, Partition, TableState, total};
use super::view::{PartitionMeta, TableManifest};
use super::{lines, plain};
use crate::paths::{BucketId, CommitNumber, PartId};
use crate::stamp;
use crate::ticks::TickSpan;
use crv_schema::schema::{Descriptor, TableSchema};

/// A parsed manifest.
#[derive(Debug)]
pub struct Decoded {
    /// The state.
    pub state: TableState,
    /// Whether it names the commit it includes. A foreign manifest does not, and may name parts that the log does not.
    pub knows_log: bool,
}

/// A table's state as a JSON object: a manifest without its seal.
#[derive(Serialize, Deserialize)]
pub struct StateDocument<'a> {
    table: TableId,
    version: u32,
    created_at: Timestamp8601,
    updated_at: Timestamp8601,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tick_bucket_size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared: Option<Cow<'a, TableSchema>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<Cow<'a, TableSchema>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vacuumed: Vec<VacuumedFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<RemovedFile>,
    partitions: Partitions<'a>,
}

/// A part that no commit may name any more.
#[derive(Serialize, Deserialize)]
struct VacuumedFile {
    bucket_id: u64,
    path: PartName,
    vacuumed_at: Timestamp8601,
}

/// A part that a commit took out, and no vacuum has removed since.
#[derive(Serialize, Deserialize)]
struct RemovedFile {
    bucket_id: u64,
    path: PartName,
    removed_at: Timestamp8601,
}

/// A time as text; any offset is read, UTC is written.
struct Timestamp8601(Timestamp);

impl Serialize for Timestamp8601 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&stamp::text(self.0))
    }
}

impl<'de> Deserialize<'de> for Timestamp8601 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed("an ISO-8601 time", parse_time)).map(Self)
    }
}

/// The file name of a part.
#[derive(PartialEq, Eq, Hash)]
struct PartName(PartId);

impl Serialize for PartName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PartName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed("the name of a part", parse_part_name)).map(Self)
    }
}

/// A checksum in eight hex digits.
struct Sum(u32);

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:08x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parsed("a CRC-32C in eight hex digits", parse_sum)).map(Self)
    }
}

/// A value that is parsed from text, without a copy of the text: what is expected, and the parser.
struct Parsed<T>(&'static str, fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        self.1(text).map_err(E::custom)
    }
}

/// The partitions, in the order of the document, so that a key given twice is noticed.
enum Partitions<'a> {
    Read(Vec<(String, PartitionFile)>),
    Write(&'a TableState),
}

impl Serialize for Partitions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Write(state) => {
                let mut map = serializer.serialize_map(Some(state.partitions().len()))?;
                for (bucket, partition) in state.partitions() {
                    map.serialize_entry(&bucket.key(), &PartitionFile::of(*bucket, partition))?;
                }
                map.end()
            }
            Self::Read(read) => serializer.collect_map(read.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Partitions<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(String, PartitionFile)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of partitions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries).map(Self::Read)
    }
}

#[derive(Serialize, Deserialize)]
struct PartitionFile {
    bucket_id: u64,
    state: String,
    tick_min: i64,
    tick_max: i64,
    row_count: u64,
    byte_size: u64,
    parts: Vec<PartFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts_crc32c: Vec<Option<Sum>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provisional: Vec<PartName>,
}

#[derive(Serialize, Deserialize)]
struct PartFile {
    path: PartName,
    rows: u64,
    bytes: u64,
    tick_min: i64,
    tick_max: i64,
    created_at: Timestamp8601,
}

impl PartitionFile {
    fn of(bucket: BucketId, partition: &Partition) -> Self {
        let ticks = partition.ticks().unwrap_or(TickSpan { min: 0, max: 0 });
        let parts = partition.parts();
        Self {
            bucket_id: bucket.get(),
            state: PartitionMeta::READY.to_owned(),
            tick_min: ticks.min,
            tick_max: ticks.max,
            row_count: partition.rows(),
            byte_size: partition.bytes(),
            parts: parts.iter().map(PartFile::of).collect(),
            parts_crc32c: parts.iter().map(|part| part.crc32c.map(Sum)).collect(),
            provisional: parts.iter().filter(|part| part.provisional).map(|part| PartName(part.id)).collect(),
        }
    }

    /// Returns the parts, checked against the partition's key and totals.
    fn into_parts(self, key: &str, tick_bucket_size: Option<u64>) -> Result<(BucketId, Vec<Part>), String> {
        let bucket = BucketId::new(self.bucket_id);
        if bucket.key() != key {
            return Err(format!("partition `{key}` has bucket_id {}", self.bucket_id));
        }
        // Another implementation may have added parts and kept the list: it is ignored then.
        let sums = if self.parts_crc32c.len() == self.parts.len() { self.parts_crc32c } else { Vec::new() };
        let mut sums = sums.into_iter();
        let provisional: HashSet<PartName> = self.provisional.into_iter().collect();
        let mut parts = Vec::with_capacity(self.parts.len());
        for entry in self.parts {
            let part = Part {
                provisional: provisional.contains(&entry.path),
                crc32c: sums.next().flatten().map(|sum| sum.0),
                ..entry.into_part()
            };
            check_part(bucket, &part, tick_bucket_size)?;
            parts.push(part);
        }
        let rows = total(parts.iter().map(|part| part.rows));
        let bytes = total(parts.iter().map(|part| part.bytes));
        if rows != self.row_count || bytes != self.byte_size {
            return Err(format!("the totals of partition `{key}` are not the sums of its parts"));
        }
        Ok((bucket, parts))
    }
}

impl PartFile {
    fn of(part: &Part) -> Self {
        Self {
            path: PartName(part.id),
            rows: part.rows,
            bytes: part.bytes,
            tick_min: part.ticks.min,
            tick_max: part.ticks.max,
            created_at: Timestamp8601(part.created_at),
        }
    }

    fn into_part(self) -> Part {
        Part {
            id: self.path.0,
            rows: self.rows,
            bytes: self.bytes,
            ticks: TickSpan { min: self.tick_min, max: self.tick_max },
            created_at: self.created_at.0,
            crc32c: None,
            provisional: false,
        }
    }
}

impl VacuumedFile {
    fn of(((bucket, id), at): (&(BucketId, PartId), &Timestamp)) -> Self {
        Self { bucket_id: bucket.get(), path: PartName(*id), vacuumed_at: Timestamp8601(*at) }
    }
}

impl RemovedFile {
    fn of(((bucket, id), at): (&(BucketId, PartId), &Timestamp)) -> Self {
        Self { bucket_id: bucket.get(), path: PartName(*id), removed_at: Timestamp8601(*at) }
    }
}

impl<'a> StateDocument<'a> {
    /// The document of a state.
    pub fn of(state: &'a TableState) -> Self {
        Self {
            table: state.table,
            version: TableManifest::VERSION,
            created_at: Timestamp8601(state.created_at),
            updated_at: Timestamp8601(state.updated_at),
            commit: Some(state.commit.get()),
            tick_bucket_size: state.tick_bucket_size,
            declared: state.declared.as_ref().map(|declared| Cow::Borrowed(&**declared.schema())),
            schema: state.schema.as_deref().map(Cow::Borrowed),
            vacuumed: state.vacuumed().iter().map(VacuumedFile::of).collect(),
            removed: state.removed().iter().map(RemovedFile::of).collect(),
            partitions: Partitions::Write(state),
        }
    }

    /// Returns the state of `table` in this document; the error says what is wrong.
    pub fn into_state(self, table: TableId) -> Result<Decoded, String> {
        if self.version != TableManifest::VERSION {
            return Err(format!(
                "it has version {}, and this crv reads version {}",
                self.version,
                TableManifest::VERSION
            ));
        }
        if self.table != table {
            return Err(format!("it is the manifest of table `{}`", self.table));
        }
        let knows_log = self.commit.is_some();
        let commit = CommitNumber::new(self.commit.unwrap_or(0));
        if commit.next() == commit {
            return Err("no commit can have the number of its `commit`".to_owned());
        }
        let Partitions::Read(partitions) = self.partitions else {
            return Err("it has no partitions".to_owned());
        };
        let mut state = TableState::new(table, self.tick_bucket_size, commit, self.created_at.0);
        state.declared =
            self.declared.map(|declared| parse_declaration(table, declared.into_owned())).transpose()?;
        state.updated_at = self.updated_at.0;
        state.schema = self.schema.map(|schema| Arc::new(schema.into_owned()));
        for gone in self.vacuumed {
            state.remember_vacuumed(BucketId::new(gone.bucket_id), gone.path.0, gone.vacuumed_at.0);
        }
        for (key, partition) in partitions {
            let (bucket, parts) = partition.into_parts(&key, self.tick_bucket_size)?;
            if state.partitions().contains_key(&bucket) {
                return Err(format!("partition `{key}` is there twice"));
            }
            state
                .add_partition(bucket, parts)
                .map_err(|twice| format!("part `{twice}` is there twice in partition `{key}`"))?;
        }
        for gone in self.removed {
            state.remember_removed(BucketId::new(gone.bucket_id), gone.path.0, gone.removed_at.0);
        }
        Ok(Decoded { state, knows_log })
    }
}

/// Checks the declaration of `table` in a document.
pub fn parse_declaration(table: TableId, document: TableSchema) -> Result<Descriptor, String> {
    Descriptor::from_document(table, document)
        .map_err(|error| format!("it has an invalid declaration: {error}"))
}

/// Parses the name of a part in a document.
pub fn parse_part_name(name: &str) -> Result<PartId, String> {
    PartId::parse_file_name(name).ok_or_else(|| format!("`{}` is not the name of a part", excerpt(name)))
}

/// Parses a time in a document.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    stamp::parse(text).ok_or_else(|| format!("`{}` is not an ISO-8601 time", excerpt(text)))
}

/// Text of a document as a message quotes it: printable, and shortened.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() { shown + "…" } else { shown }
}

/// Parses a checksum in a document.
pub fn parse_sum(hex: &str) -> Result<u32, String> {
    let is_plain = hex.len() == 8 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parsed = if is_plain { u32::from_str_radix(hex, 16).ok() } else { None };
    parsed.ok_or_else(|| format!("`{}` is not a CRC-32C in eight hex digits", excerpt(hex)))
}

/// Serializes `state`: indented down to its parts, with a line for each, and sealed.
pub fn encode(state: &TableState) -> Result<Vec<u8>, serde_json::Error> {
    const NONE: &[u8] = b"{}\n}";
    let without = StateDocument { partitions: Partitions::Read(Vec::new()), ..StateDocument::of(state) };
    let mut text = serde_json::to_vec_pretty(&without)?;
    if text.ends_with(NONE) {
        text.truncate(text.len() - NONE.len());
        lines::write(state, &mut text);
        text.extend_from_slice(b"\n}");
    }
    Ok(seal::seal(text, true))
}

/// Decodes the state of `table` from the document `bytes`; the error says what is wrong and where.
pub fn decode(table: TableId, bytes: &[u8]) -> Result<Decoded, String> {
    let sealed = seal::open(bytes);
    if sealed == Err(SealError::Mismatch) {
        return Err("its checksum does not match its bytes".to_owned());
    }
    if sealed.is_ok()
        && let Some(state) = plain::read(table, bytes)
    {
        return Ok(Decoded { state, knows_log: true });
    }
    let file = parse(bytes)?;
    if file.commit.is_some() != sealed.is_ok() {
        return Err("it has one of the keys `commit` and `crc32c`, and not the other".to_owned());
    }
    file.into_state(table)
}

/// Parses any manifest; the error of serde_json has the line and column.
fn parse(bytes: &[u8]) -> Result<StateDocument<'_>, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Decodes a document with the general parser, whatever its seal.
#[cfg(test)]
pub(super) fn decode_unsealed(table: TableId, bytes: &[u8]) -> Result<Decoded, String> {
    parse(bytes)?.into_state(table)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::states::{commit, state_at};

    proptest! {
        #[test]
        fn any_state_survives_its_document(state in state_at(commit())) {
            let decoded = decode(state.table, &encode(&state).unwrap()).unwrap();
            prop_assert!(decoded.knows_log);
            prop_assert_eq!(decoded.state, state);
        }

        #[test]
        fn a_state_without_some_parts_is_one_that_never_had_them(
            state in state_at(commit()),
            mask: u64,
        ) {
            let mut without = state.clone();
            let goes = |index: usize| mask >> index & 1 == 1;
            let places = state.parts().enumerate().filter(|(index, _)| goes(*index));
            without.remove(places.map(|(_, (bucket, part))| (bucket, part.id)));
            let size = state.tick_bucket_size;
            let mut never = TableState::new(state.table, size, state.commit, state.created_at);
            never.declared.clone_from(&state.declared);
            never.schema.clone_from(&state.schema);
            never.updated_at = state.updated_at;
            never.copy_notes(&state);
            for (index, (bucket, part)) in state.parts().enumerate() {
                if !goes(index) {
                    never.add(bucket, part.clone());
                }
            }
            prop_assert_eq!(without, never);
        }
    }

    fn sample() -> TableState {
        let now = "2025-09-25T08:00:00.123456Z".parse().unwrap();
        let mut state = TableState::new(TableId::IDENTITY_EDGES, Some(100), CommitNumber::new(7), now);
        for number in 0..5_u64 {
            let part = Part {
                id: PartId::new(u128::from(number) + 1),
                rows: 10 + number,
                bytes: 1000,
                ticks: TickSpan { min: number.cast_signed() * 60, max: number.cast_signed() * 60 },
                created_at: now,
                crc32c: (number != 3).then_some(number as u32),
                provisional: number == 4,
            };
            state.add(BucketId::new(number * 60 / 100), part);
        }
        state
    }

    #[test]
    fn a_state_survives_its_document() {
        let state = sample();
        let decoded = decode(state.table, &encode(&state).unwrap()).unwrap();
        assert!(decoded.knows_log);
        assert_eq!(decoded.state, state);
    }

    #[test]
    fn a_manifest_without_our_keys_is_read() {
        let view = TableManifest::from(&sample());
        let decoded = decode(TableId::IDENTITY_EDGES, &serde_json::to_vec_pretty(&view).unwrap()).unwrap();
        assert!(!decoded.knows_log);
        assert_eq!(decoded.state.commit, CommitNumber::ZERO);
        assert_eq!(TableManifest::from(&decoded.state), view);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode(&sample()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(TableId::IDENTITY_EDGES, &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn lies_are_errors_and_say_what_is_wrong() {
        let view = serde_json::to_value(TableManifest::from(&sample())).unwrap();
        let text = view.to_string();
        let cases = [
            (
                text.replace("part-00000000000000000000000000000001.parquet", "../../../etc/passwd"),
                "not the name of a part",
            ),
            (text.replace("\"row_count\":21", "\"row_count\":22"), "totals"),
            (text.replace("\"bucket_id\":1", "\"bucket_id\":3"), "has bucket_id 3"),
            (text.replace("\"version\":1", "\"version\":2"), "version 2"),
            (text.replace("\"identity_edges\"", "\"holdings\""), "manifest of table `holdings`"),
            (text.replace("\"000001\":", "\"000000\":"), "has bucket_id 1"),
            (text.replace("2025-09-25T08", "yesterday"), "not an ISO-8601 time"),
            (text[..text.len() / 2].to_owned(), "line 1 column"),
        ];
        for (text, expected) in cases {
            assert_ne!(text, view.to_string(), "{expected}");
            let error = decode(TableId::IDENTITY_EDGES, text.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
