//! A commit file as bytes: private types between the document and [`Commit`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crv_core::tables::TableId;
use serde::{Deserialize, Serialize};

use super::change::{Change, Commit, Operation, TableChange};
use crate::json_map::unique_keys;
use crate::manifest::{
    Part, check_part, excerpt, open_document, parse_declaration, parse_part_name, parse_sum, parse_time, seal,
};
use crate::paths::{BucketId, CommitNumber};
use crate::stamp;
use crate::ticks::TickSpan;
use crv_schema::schema::TableSchema;

/// The version of the document. A newer one is refused.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct CommitFile<'a> {
    format: u32,
    commit: u64,
    id: Cow<'a, str>,
    operation: Cow<'a, str>,
    created_at: Cow<'a, str>,
    #[serde(deserialize_with = "unique_keys")]
    tables: BTreeMap<TableId, TableFile<'a>>,
}

#[derive(Serialize, Deserialize)]
struct TableFile<'a> {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    add: Vec<AddFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<RemoveFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared: Option<Cow<'a, TableSchema>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<Cow<'a, TableSchema>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tick_bucket_size: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct AddFile {
    bucket_id: u64,
    path: String,
    rows: u64,
    bytes: u64,
    tick_min: i64,
    tick_max: i64,
    created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crc32c: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    provisional: bool,
}

#[derive(Serialize, Deserialize)]
struct RemoveFile {
    bucket_id: u64,
    path: String,
}

/// Serializes a commit, on one line and sealed.
pub fn encode(commit: &Commit) -> Result<Vec<u8>, serde_json::Error> {
    let tables = commit.change.tables.iter().map(|(table, change)| (*table, TableFile::of(change)));
    let file = CommitFile {
        format: FORMAT,
        commit: commit.number.get(),
        id: Cow::Borrowed(&commit.id),
        operation: Cow::Borrowed(commit.change.operation.as_str()),
        created_at: Cow::Owned(stamp::text(commit.created_at)),
        tables: tables.collect(),
    };
    Ok(seal(serde_json::to_vec(&file)?, false))
}

/// Decodes commit `number` from the document `bytes`; the error says what is wrong.
pub fn decode(number: CommitNumber, bytes: &[u8]) -> Result<Commit, String> {
    open_document(bytes, FORMAT)?;
    let file: CommitFile<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if number == CommitNumber::ZERO || number.next() == number {
        return Err("no commit can have this number".to_owned());
    }
    if file.commit != number.get() {
        return Err(format!("it says that it is commit {}", file.commit));
    }
    let operation = Operation::ALL.into_iter().find(|operation| operation.as_str() == file.operation);
    let operation =
        operation.ok_or_else(|| format!("it has the unknown operation `{}`", excerpt(&file.operation)))?;
    let mut tables = BTreeMap::new();
    for (table, change) in file.tables {
        tables
            .insert(table, change.into_change(table).map_err(|error| format!("in table `{table}` {error}"))?);
    }
    Ok(Commit {
        number,
        id: file.id.into_owned(),
        created_at: parse_time(&file.created_at)?,
        change: Change { operation, tables },
    })
}

impl<'a> TableFile<'a> {
    fn of(change: &'a TableChange) -> Self {
        let add = change.add.iter().map(|(bucket, part)| AddFile {
            bucket_id: bucket.get(),
            path: part.id.file_name(),
            rows: part.rows,
            bytes: part.bytes,
            tick_min: part.ticks.min,
            tick_max: part.ticks.max,
            created_at: stamp::text(part.created_at),
            crc32c: part.crc32c.map(|sum| format!("{sum:08x}")),
            provisional: part.provisional,
        });
        let remove = change
            .remove
            .iter()
            .map(|(bucket, id)| RemoveFile { bucket_id: bucket.get(), path: id.file_name() });
        Self {
            add: add.collect(),
            remove: remove.collect(),
            declared: change.declared.as_ref().map(|declared| Cow::Borrowed(&**declared.schema())),
            schema: change.schema.as_deref().map(Cow::Borrowed),
            tick_bucket_size: change.tick_bucket_size,
        }
    }

    fn into_change(self, table: TableId) -> Result<TableChange, String> {
        let mut add = Vec::with_capacity(self.add.len());
        for entry in self.add {
            let bucket = BucketId::new(entry.bucket_id);
            let part = Part {
                id: parse_part_name(&entry.path)?,
                rows: entry.rows,
                bytes: entry.bytes,
                ticks: TickSpan { min: entry.tick_min, max: entry.tick_max },
                created_at: parse_time(&entry.created_at)?,
                crc32c: entry.crc32c.as_deref().map(parse_sum).transpose()?,
                provisional: entry.provisional,
            };
            check_part(bucket, &part, self.tick_bucket_size)?;
            add.push((bucket, part));
        }
        let mut remove = Vec::with_capacity(self.remove.len());
        for entry in self.remove {
            remove.push((BucketId::new(entry.bucket_id), parse_part_name(&entry.path)?));
        }
        Ok(TableChange {
            add,
            remove,
            declared: self
                .declared
                .map(|declared| parse_declaration(table, declared.into_owned()))
                .transpose()?,
            schema: self.schema.map(|schema| Arc::new(schema.into_owned())),
            tick_bucket_size: self.tick_bucket_size,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use proptest::prelude::*;

    use super::*;
    use crate::paths::PartId;
    use crate::testing::states::{bucket_size, commit, declared, part, schema, table, time};

    /// Anything a commit may do to a table.
    fn table_change(table: TableId) -> impl Strategy<Value = TableChange> {
        let remove = prop::collection::vec((any::<u64>(), any::<u128>()), 0..3);
        let add = bucket_size().prop_flat_map(|size| (Just(size), prop::collection::vec(part(size), 0..4)));
        (add, remove, declared(table), schema()).prop_map(
            |((tick_bucket_size, add), remove, declared, schema)| TableChange {
                add,
                remove: remove
                    .into_iter()
                    .map(|(bucket, id)| (BucketId::new(bucket), PartId::new(id)))
                    .collect(),
                declared,
                schema,
                tick_bucket_size,
            },
        )
    }

    fn any_commit() -> impl Strategy<Value = Commit> {
        let change = table().prop_flat_map(|table| (Just(table), table_change(table)));
        let tables = prop::collection::vec(change, 0..4).prop_map(|changes| changes.into_iter().collect());
        let operation = prop::sample::select(Operation::ALL.to_vec());
        (commit(), any::<String>(), time(), operation, tables).prop_map(
            |(number, id, created_at, operation, tables)| {
                let change = Change { operation, tables };
                Commit { number, id, created_at, change }
            },
        )
    }

    proptest! {
        #[test]
        fn any_commit_survives_its_document(commit in any_commit()) {
            prop_assert_eq!(&decode(commit.number, &encode(&commit).unwrap()).unwrap(), &commit);
        }

        #[test]
        fn a_commit_applied_twice_is_applied_once(commit in any_commit()) {
            for table in commit.change.tables.keys() {
                let now = commit.created_at;
                let mut once = crate::manifest::TableState::new(*table, None, CommitNumber::ZERO, now);
                commit.apply(&mut once).unwrap();
                let mut twice = once.clone();
                commit.apply(&mut twice).unwrap();
                prop_assert_eq!(once, twice);
            }
        }
    }

    #[test]
    fn a_table_that_is_there_twice_is_refused() {
        // The second would have replaced the first without an error.
        let text = r#"{"format":1,"commit":17,"id":"","operation":"append",
            "created_at":"2025-09-25T08:00:00Z","tables":{"holdings":{},"holdings":{}}}"#;
        let error = decode(CommitNumber::new(17), &seal(text.into(), false)).unwrap_err();
        assert!(error.contains("the key `holdings` is there twice"), "{error}");
    }

    fn sample() -> Commit {
        let now: Timestamp = "2025-09-25T08:00:00.123456Z".parse().unwrap();
        let part = Part {
            id: PartId::new(3),
            rows: 4,
            bytes: 5,
            ticks: TickSpan { min: 100, max: 199 },
            created_at: now,
            crc32c: Some(0xffee),
            provisional: true,
        };
        let change = TableChange {
            add: vec![(BucketId::new(1), part)],
            remove: vec![(BucketId::new(0), PartId::new(9))],
            declared: None,
            schema: None,
            tick_bucket_size: Some(100),
        };
        let tables = BTreeMap::from([(TableId::HOLDINGS, change)]);
        let change = Change { operation: Operation::Append, tables };
        Commit { number: CommitNumber::new(17), id: "an id".to_owned(), created_at: now, change }
    }

    #[test]
    fn a_commit_survives_its_document() {
        let commit = sample();
        assert_eq!(decode(commit.number, &encode(&commit).unwrap()).unwrap(), commit);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = encode(&sample()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(CommitNumber::new(17), &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_document_of_another_commit_or_a_newer_format_is_refused() {
        let bytes = encode(&sample()).unwrap();
        assert!(decode(CommitNumber::new(18), &bytes).unwrap_err().contains("commit 17"));
        let newer = seal(br#"{"format": 2, "all": "else"}"#.to_vec(), false);
        assert!(decode(CommitNumber::new(17), &newer).unwrap_err().contains("format 2"));
    }
}
