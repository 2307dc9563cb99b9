//! What the child processes do: write, read, and maintenance.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use crv_core::tables::TableId;
use crv_io::run::Outcome;
use crv_io::store::files::{FileSystem as _, OsFiles};
use crv_io::{AppendOptions, CheckOptions, CompactOptions, Dataset, Error, ErrorKind, VacuumOptions};
use fastrand::Rng;

use super::expected::{self, APART, Expected};
use crate::model::{Row, tables};
use crate::rows;

/// Commits `count` transactions, each with a row in every table.
pub fn write(root: &Path, run: &str, first: i64, count: i64) -> Result<(), String> {
    let dataset = super::start(root, run)?;
    let mut expected = Expected::open(root, run, first)?;
    for id in first..first.saturating_add(count) {
        expected.note("begin", id)?;
        match commit(&dataset, id) {
            Ok(()) => expected.note("committed", id)?,
            Err(error) if error.kind() == ErrorKind::UnknownOutcome => {}
            Err(error) => {
                expected.note("failed", id)?;
                return Err(error.to_string());
            }
        }
    }
    dataset.finish(Outcome::Succeeded).map(drop).map_err(|error| error.to_string())
}

/// Commits one transaction.
pub(super) fn commit(dataset: &Dataset, id: i64) -> Result<(), Error> {
    if matches!(dataset.descriptor(*rows::AGENTS), Err(error) if error.kind() == ErrorKind::NotFound) {
        rows::declare(dataset, 0)?;
    }
    let mut transaction = dataset.transaction();
    for (table, rows) in expected::rows(id) {
        let frame = rows::frame(table, &rows)
            .map_err(|error| Error::new(ErrorKind::Argument, format!("the harness: {error}")))?;
        transaction.append(table, frame, AppendOptions::default())?;
    }
    transaction.commit().map(drop)
}

/// Reads every table `rounds` times. Checks that it sees every acknowledged row, that it sees a prefix of the
/// transactions of each writer, and that a later read, also of another table, never sees fewer of them.
pub fn read(root: &Path, run: &str, rounds: u64) -> Result<(), String> {
    let dataset = super::open(root, run)?;
    let mut seen: BTreeMap<i64, i64> = BTreeMap::new();
    for round in 0..rounds {
        let before = expected::model(root, run).unwrap_or_default();
        for table in tables() {
            let rows = rows::read(&dataset, table)?.unwrap_or_default();
            for entry in before.entries.iter().filter(|entry| entry.told.1 == crate::model::Told::Committed) {
                let missing = entry.rows.get(&table).into_iter().flatten().find(|row| !rows.contains(row));
                if let Some(row) = missing {
                    return Err(format!("round {round}: {row:?} of `{table}` was committed and is missing"));
                }
            }
            let counts = prefix(table, rows)?;
            for (writer, count) in &seen {
                let now = counts.get(writer).copied().unwrap_or(0);
                if now < *count {
                    return Err(format!(
                        "round {round}: `{table}` has {now} rows of writer {writer}, after {count}"
                    ));
                }
            }
            seen = counts;
        }
    }
    Ok(())
}

/// Returns the number of transactions of each writer; an error unless they are its first ones, once each.
fn prefix(table: TableId, rows: Vec<Row>) -> Result<BTreeMap<i64, i64>, String> {
    let mut of: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for row in rows {
        of.entry(row.id / APART).or_default().push(row.id % APART);
    }
    let mut counts = BTreeMap::new();
    for (writer, mut ids) in of {
        ids.sort_unstable();
        if !ids.iter().copied().eq(0..ids.len() as i64) {
            return Err(format!("the rows of writer {writer} in `{table}` are no prefix: {ids:?}"));
        }
        counts.insert(writer, ids.len() as i64);
    }
    Ok(counts)
}

/// The longest time that a read may take.
const READING: Duration = Duration::from_secs(20);

/// Merges, vacuums, prunes, writes manifests, rebuilds and checks, at random, `rounds` times.
pub fn keep(root: &Path, run: &str, seed: u64, rounds: u64) -> Result<(), String> {
    let mut random = Rng::with_seed(seed);
    for _ in 0..rounds {
        let dataset = super::open(root, run)?;
        let table = random.choice(tables()).unwrap_or(TableId::HOLDINGS);
        let outcome = match random.u8(..9) {
            0 | 1 => dataset.prune(Duration::ZERO).map(drop),
            2 => dataset.rebuild_manifest(table).map(drop),
            3 => commitless(&dataset),
            6 | 7 => dataset.compact(table, CompactOptions::default()).map(drop),
            // Concurrent readers may still need the parts of their snapshots.
            8 => dataset.vacuum(VacuumOptions { older_than: READING, dry_run: false }).map(drop),
            4 => match dataset.check(CheckOptions { deep: random.bool() }) {
                Ok(report) => match report.problems.into_iter().find(|problem| !problem.harmless) {
                    None => Ok(()),
                    Some(problem) => {
                        return Err(format!("a check found {:?}: {}", problem.kind, problem.message));
                    }
                },
                Err(error) => Err(error),
            },
            _ => dataset.close(),
        };
        match outcome {
            // The run may not exist yet, and maintenance gives up when writers keep changing it.
            Err(error) if !is_excused(&error) => return Err(error.to_string()),
            _ => {}
        }
    }
    Ok(())
}

fn is_excused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound)
        || has_cause(error, io::ErrorKind::NotFound)
}

/// Returns whether an error of the file system of this kind caused `error`.
pub(super) fn has_cause(error: &Error, kind: io::ErrorKind) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == kind)
}

/// Aborts a transaction after its parts were staged.
fn commitless(dataset: &Dataset) -> Result<(), Error> {
    let frame = rows::frame(TableId::HOLDINGS, &[Row { tick: 0, id: -1 }])
        .map_err(|error| Error::new(ErrorKind::Argument, error.to_string()))?;
    let mut transaction = dataset.transaction();
    transaction.append(TableId::HOLDINGS, frame, AppendOptions::default())?;
    transaction.abort();
    Ok(())
}

/// Locks the directory of a table as the store does, creates the file `locked` in it, and waits to be killed.
pub fn lock(dir: &Path) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let _lock = OsFiles.try_lock(dir).map_err(failed)?.ok_or("it is locked already")?;
    fs_err::write(dir.join("locked"), b"").map_err(failed)?;
    loop {
        std::thread::park();
    }
}
