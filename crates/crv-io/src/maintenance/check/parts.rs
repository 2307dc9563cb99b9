//! Verifies parts: that each is present and undamaged, and holds what its entry says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crv_core::tables::TableId;

use super::report::{CheckProgress, Problem, ProblemKind};
use crate::commit::LogReader;
use crate::error::Result;
use crate::manifest::{Part, TableState, check_part};
use crate::parallel;
use crate::part::file::checksum;
use crate::part::footer::{self, Undecided};
use crate::paths::{BucketId, PartId, StorePath};
use crate::schema::TableSchema;

/// A problem with one part.
#[derive(Debug)]
pub(super) struct PartProblem {
    pub(super) table: TableId,
    pub(super) bucket: BucketId,
    pub(super) id: PartId,
    pub(super) problem: Problem,
}

/// Checks parts, and counts them.
pub(super) struct Inspector<'a> {
    pub(super) log: &'a LogReader,
    pub(super) deep: bool,
    pub(super) progress: &'a (dyn Fn(CheckProgress) + Sync),
    pub(super) of: u64,
    pub(super) parts: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// The parts that the checked ones were merged from, each with the part that it was merged into.
    pub(super) merged: Mutex<Merged>,
}

/// Parts, and the merged part that has the rows of each.
pub(super) type Merged = HashMap<(TableId, BucketId, PartId), PartId>;

/// A part and its entry.
struct Entry<'a> {
    path: StorePath,
    /// The path for messages.
    shown: String,
    part: &'a Part,
    state: &'a TableState,
}

impl Inspector<'_> {
    /// The problems of the parts of one table.
    pub(super) fn table(&self, state: &TableState) -> Vec<PartProblem> {
        let table = state.table;
        let parts: Vec<(BucketId, &Part)> = state.parts().collect();
        let threads = if self.deep { parallel::computing() } else { parallel::WAITING };
        let found = parallel::map(&parts, threads, |(bucket, part)| {
            let found = self.part(state, *bucket, part);
            let parts = self.parts.fetch_add(1, Ordering::Relaxed) + 1;
            (self.progress)(CheckProgress { parts, of: self.of });
            Ok::<_, Infallible>(found)
        });
        let Ok(found) = found;
        let found = parts.iter().zip(found).filter_map(|((bucket, part), problem)| {
            Some(PartProblem { table, bucket: *bucket, id: part.id, problem: problem? })
        });
        found.collect()
    }

    fn part(&self, state: &TableState, bucket: BucketId, part: &Part) -> Option<Problem> {
        let path = self.log.paths.part(state.table, bucket, part.id);
        let shown = self.log.store.locate(&path);
        let entry = Entry { path, shown, part, state };
        // The Parquet reader is another project's: if it panics on invalid bytes, the part is damaged.
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(bucket, &entry)));
        looked.unwrap_or_else(|_| Some(self.damaged(&entry, "the Parquet reader panicked")))
    }

    fn look(&self, bucket: BucketId, entry: &Entry<'_>) -> Option<Problem> {
        let Entry { path, shown, part, state } = entry;
        if let Err(why) = check_part(bucket, part, state.tick_bucket_size) {
            return Some(self.disagrees(entry, &format!("its entry is invalid: {why}")));
        }
        let blob = match self.log.store.open(path) {
            Ok(Some(blob)) => blob,
            Ok(None) => {
                let message = "the part was committed, but its file is missing".to_owned();
                return Some(Problem::new(ProblemKind::MissingPart, shown, message, self.restore(state)));
            }
            Err(error) => {
                let action = "make it readable, then check again";
                return Some(Problem::new(ProblemKind::Unreadable, shown, error.to_string(), action));
            }
        };
        if blob.size() != part.bytes {
            let why = format!("it has {} bytes where its entry says {}", blob.size(), part.bytes);
            return Some(self.damaged(entry, &why));
        }
        if self.deep {
            match checksum(&*blob, |bytes| _ = self.bytes.fetch_add(bytes, Ordering::Relaxed)) {
                Err(error) => return Some(self.damaged(entry, &format!("it cannot be read: {error}"))),
                Ok(sum) if part.crc32c.is_some_and(|known| known != sum) => {
                    let why = format!("its checksum {sum:08x} differs from its entry's");
                    return Some(self.damaged(entry, &why));
                }
                Ok(_) => {}
            }
        }
        drop(blob);
        match self.contents(bucket, entry) {
            Ok(None) => None,
            Ok(Some(why)) => Some(self.disagrees(entry, &why)),
            Err(error) => Some(self.damaged(entry, &error.to_string())),
        }
    }

    /// Describes how the part's contents differ from its entry.
    fn contents(&self, bucket: BucketId, entry: &Entry<'_>) -> Result<Option<String>> {
        let Entry { path, part, state, .. } = entry;
        let store = &*self.log.store;
        let undecided = if self.deep { Undecided::Read } else { Undecided::TakenForFloats };
        let found = footer::read(store, path, state.table, undecided)?;
        let merged_from = found.columns.merged_from.iter();
        let merged_from = merged_from.map(|id| ((state.table, bucket, *id), part.id));
        self.merged.lock().unwrap_or_else(PoisonError::into_inner).extend(merged_from);
        let mut told = (found.rows, found.ticks);
        if self.deep {
            let (rows, ticks) = footer::decode(store, path, part.crc32c.is_none())?;
            if rows != found.rows || ticks != found.ticks {
                told = (rows, ticks);
            }
        }
        let (rows, ticks) = told;
        if rows != part.rows {
            return Ok(Some(format!("it holds {rows} rows where its entry says {}", part.rows)));
        }
        if ticks != Some(part.ticks) {
            let span =
                ticks.map_or("no ticks".to_owned(), |span| format!("ticks {}..{}", span.min, span.max));
            let said = part.ticks;
            return Ok(Some(format!("it holds {span} where its entry says {}..{}", said.min, said.max)));
        }
        let Some(schema) = &state.schema else { return Ok(None) };
        // In a pack, every part of a table has the columns of all runs.
        let extra = self.log.store.is_read_only();
        Ok(misfit(schema, &found.columns.schema, extra))
    }

    fn restore(&self, state: &TableState) -> String {
        format!(
            "restore the file from a copy of the run; without one, `crv rebuild {} {}` drops its rows from the table once the file is gone",
            self.log.paths.run(),
            state.table
        )
    }

    fn damaged(&self, entry: &Entry<'_>, why: &str) -> Problem {
        let message = format!("the part is damaged: {why}");
        Problem::new(ProblemKind::DamagedPart, &entry.shown, message, self.restore(entry.state))
    }

    fn disagrees(&self, entry: &Entry<'_>, why: &str) -> Problem {
        let message = format!("the part is not what was committed: {why}");
        Problem::new(ProblemKind::PartDisagrees, &entry.shown, message, self.restore(entry.state))
    }
}

/// Describes why the part's rows, or some of their fields, cannot be read in the table's schema. `extra`: a part may have
/// columns that the table lacks.
fn misfit(table: &TableSchema, part: &TableSchema, extra: bool) -> Option<String> {
    match table.union_with_part(part) {
        Err(conflict) => Some(format!("its schema does not fit the table's: {conflict}")),
        Ok(union) if !extra && !table.covers(&union) => {
            Some("it has columns or fields that the table's schema lacks".to_owned())
        }
        Ok(_) => None,
    }
}

/// The live parts of a table whose rows are also in another live part.
pub(super) fn doubled(log: &LogReader, state: &TableState, merged: &Merged) -> Vec<PartProblem> {
    let table = state.table;
    let held = state.parts().filter_map(|(bucket, part)| {
        let holder = merged.get(&(table, bucket, part.id))?;
        let shown = log.store.locate(&log.paths.part(table, bucket, part.id));
        let message = format!("its rows are also in part `{}`, and both are live", holder.file_name());
        let action = format!("`crv repair {}` removes it from the table; no row is lost", log.paths.run());
        let problem = Problem::new(ProblemKind::DoubledPart, shown, message, action);
        Some(PartProblem { table, bucket, id: part.id, problem })
    });
    held.collect()
}
