//! Access to the decoders of everything that is read from disk, for fuzz targets and tests.
//!
//! Each function takes arbitrary bytes and checks two things: it returns, and a decoded value survives being encoded
//! and decoded again. The error says what is wrong with bytes that were refused. Only for tests: the feature
//! `fuzzing` is off in releases.

#![expect(clippy::missing_panics_doc, reason = "they report a finding by a panic")]

use std::path::Path;
use std::sync::Arc;

use crv_core::grammar::TableName;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use crv_core::tables::get_table;

use crate::commit::decoders::{decode_base, decode_commit, encode_base, encode_commit};
use crate::config::IoSettings;
use crate::manifest;
use crate::packed;
use crate::part::footer::{self, Undecided};
use crate::paths::{BucketId, CommitNumber, PartId, RunPaths};
use crate::read::{PartReader, Target, Texts};
use crate::run;
use crate::schema::TableSchema;
use crate::store::{MemoryStore, PutMode, Store};
use crate::ticks::TickRange;

/// The table of the manifests and parts that are decoded.
pub const TABLE: TableId = TableId::IDENTITY_EDGES;
/// The number of the commit files that are decoded.
pub const COMMIT: u64 = 17;

/// The result for some bytes; the error says why they were refused.
pub type Outcome = Result<(), String>;

/// Seals a document as commit files and bases are, so that its contents are decoded.
pub fn sealed(document: &[u8]) -> Vec<u8> {
    manifest::seal(document.to_vec(), false)
}

/// Decodes a manifest of [`TABLE`], sealed or not.
pub fn manifest(document: &[u8]) -> Outcome {
    let state = manifest::decode(TABLE, document)?.state;
    let again = manifest::encode(&state).map_err(|error| error.to_string())?;
    assert_eq!(manifest::decode(TABLE, &again).map(|decoded| decoded.state), Ok(state), "a manifest changed");
    Ok(())
}

/// Decodes a commit file, of commit [`COMMIT`].
pub fn commit_file(document: &[u8]) -> Outcome {
    let number = CommitNumber::new(COMMIT);
    let commit = decode_commit(number, document)?;
    let again = encode_commit(&commit).map_err(|error| error.to_string())?;
    assert_eq!(decode_commit(number, &again).as_ref(), Ok(&commit), "a commit changed");
    let mut state = manifest::TableState::new(TABLE, None, CommitNumber::ZERO, commit.created_at);
    for _ in 0..2 {
        commit.apply(&mut state).map_err(|conflict| conflict.to_string())?;
    }
    let view = manifest::TableManifest::from(&state);
    assert_eq!(view.partitions.values().map(|meta| meta.parts.len() as u64).sum::<u64>(), state.part_count());
    Ok(())
}

/// Decodes the base of a log.
pub fn base_file(document: &[u8]) -> Outcome {
    let base = decode_base(document)?;
    let again = encode_base(&base).map_err(|error| error.to_string())?;
    assert_eq!(decode_base(&again), Ok(base), "a base changed");
    Ok(())
}

/// Decodes the list of files of a pack, and looks every file up.
pub fn pack_list(bytes: &[u8]) -> Outcome {
    packed::look_at_list(bytes.to_vec().into())
}

/// Decodes the facts of a run.
pub fn facts(document: &[u8]) -> Outcome {
    let facts = run::decode_facts(document)?;
    let again = run::encode_facts(&facts).map_err(|error| error.to_string())?;
    assert_eq!(run::decode_facts(&again), Ok(facts), "facts changed");
    Ok(())
}

/// Decodes the status of a run.
pub fn status(document: &[u8]) -> Outcome {
    let status = run::decode_status(document)?;
    let again = run::encode_status(&status).map_err(|error| error.to_string())?;
    assert_eq!(run::decode_status(&again), Ok(status), "a status changed");
    Ok(())
}

/// Reads settings from TOML.
pub fn settings(text: &str) -> Outcome {
    let read = |text: &str| IoSettings::default().with_text(Path::new("crv.toml"), text);
    let settings = read(text).map_err(|error| error.to_string())?;
    let again = settings.to_toml().map_err(|error| error.to_string())?;
    assert_eq!(read(&again), Ok(settings), "settings changed");
    Ok(())
}

/// Reads settings from environment variables: a name (after the prefix) and a value on each line.
pub fn variables(lines: &str) -> Outcome {
    let pairs = lines.lines().map(|line| line.split_once('=').unwrap_or((line, "")));
    let pairs = pairs.map(|(name, value)| (format!("CRV_IO_{name}").into(), value.into()));
    IoSettings::default().with_variables("CRV_IO_", pairs).map(drop).map_err(|error| error.to_string())
}

/// Reads `bytes` as a part: its footer as a rebuild does, then its rows as a scan does, all of them and those of
/// some ticks, in the schema of the footer and in that of the table alone.
pub fn part(bytes: &[u8]) -> Outcome {
    let told = |error: crate::error::Error| error.to_string();
    let store = Arc::new(MemoryStore::new());
    let run = RunId::new("r").map_err(|error| error.to_string())?;
    let path = RunPaths::new(run).part(TABLE, BucketId::new(0), PartId::new(1));
    store.put(&path, bytes, PutMode::Replace).map_err(|error| error.to_string())?;
    let found = footer::read(&*store, &path, TABLE, Undecided::Read).map_err(told)?;
    let bare = TableSchema::of(get_table(TableName::IdentityEdges));
    let united = bare.union_with_part(&found.columns.schema).map_err(|conflict| conflict.to_string());
    let mut outcome = united.as_ref().map(drop).map_err(Clone::clone);
    for target in [bare, united.unwrap_or_default()] {
        for filter in [None, Some(TickRange::from(1..=2))] {
            let reader = PartReader {
                store: Arc::clone(&store) as Arc<dyn Store>,
                name: "part".to_owned(),
                path: path.clone(),
                bytes: found.bytes,
                rows: found.rows,
                crc32c: None,
                pinned: None,
                filter,
                into: Arc::new(Target::new(target.clone(), filter.is_some(), Texts::Plain)),
                share: None,
                origin: 0,
            };
            outcome = outcome.and(reader.read(|_| true).map(drop).map_err(told));
        }
    }
    outcome
}
