//! Compaction: the parts of a bucket are merged into one, with the same rows in the same order.
//!
//! The merges are [planned](plan) from a table's state. Batch by batch, every byte of the parts is read and
//! [merged](merge), and one commit replaces the parts of a batch by the merged ones. It never conflicts with an append.
//! A merge is dropped if another writer has replaced one of its parts. Replaced parts stay on disk for readers of
//! earlier snapshots until a vacuum removes them. Groups of parts that cannot be merged are [set
//! aside](outcome::SetAside).

mod background;
mod failures;
mod merge;
mod outcome;
mod plan;
mod report;

use std::sync::atomic::{AtomicU64, Ordering};

use crv_core::tables::TableId;

use crate::commit::{LogReader, Merge, Publisher};
use crate::config::IoSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;
use crate::paths::StorePath;
use crate::ticks::TickRange;

use outcome::{Outcome, SetAside, is_of_storage};

pub(crate) use background::Background;
pub(crate) use failures::together;
pub(in crate::maintenance) use merge::TableMerge;
pub(in crate::maintenance) use plan::Group;
pub(crate) use plan::Which;
pub use report::{CompactOptions, CompactProgress, CompactReport};

/// Bytes of parts in a commit, at most, if it merges several groups.
const BATCH: u64 = 32 * 1024 * 1024;

/// Limits of a compaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Threads that merge.
    pub(crate) threads: usize,
    /// Most bytes of parts to merge; the first group is merged in any case.
    pub(crate) max_bytes: Option<u64>,
}

/// A compaction of one table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compaction<'a> {
    pub(crate) publisher: &'a Publisher,
    pub(crate) settings: &'a IoSettings,
    pub(crate) table: TableId,
    pub(crate) which: Which,
    pub(crate) bounds: Bounds,
}

impl Compaction<'_> {
    /// Merges parts while `is_wanted` returns `true`. `progress` is called after every part.
    ///
    /// A group that cannot be merged is set aside, and the others continue. Groups that were set `aside` before are not
    /// read again: they are in the outcome as long as the table has their parts.
    pub(crate) fn run(
        &self,
        aside: Vec<SetAside>,
        is_wanted: impl Fn() -> bool,
        progress: &(dyn Fn(CompactProgress) + Sync),
    ) -> Outcome {
        let mut outcome = Outcome::of(self.table);
        let state = match self.publisher.logged_state(self.table) {
            Ok(state) => state,
            Err(error) => return Outcome { stopped: Some(error), aside, ..outcome },
        };
        let mut groups = plan::plan(&state, self.which);
        outcome.aside = aside;
        outcome.aside.retain(|aside| groups.iter().any(|group| aside.has_any_of(group)));
        groups.retain(|group| !outcome.aside.iter().any(|aside| aside.has_any_of(group)));
        let Some(schema) = state.schema.clone() else { return outcome };
        let descriptor = state.descriptor();
        drop(state);
        let (read, of) = (AtomicU64::new(0), AtomicU64::new(0));
        let merged = || {
            let parts = read.fetch_add(1, Ordering::Relaxed) + 1;
            progress(CompactProgress { parts, of: of.load(Ordering::Relaxed) });
        };
        let Self { publisher, settings, table, .. } = *self;
        let work = TableMerge { publisher, settings, table, descriptor, schema, ticks: TickRange::ALL };
        let mut budget = self.bounds.max_bytes;
        while outcome.stopped.is_none() && !groups.is_empty() {
            let is_first = outcome.report.parts_after == 0;
            let later = groups.split_off(plan::within(&groups, budget, is_first));
            of.fetch_add(groups.iter().map(|group| group.parts.len() as u64).sum(), Ordering::Relaxed);
            budget = self.merge(&work, groups, &is_wanted, &merged, &mut outcome);
            groups = later;
            if budget.is_none_or(|budget| budget == 0) {
                break;
            }
        }
        outcome.report.left += groups.len() as u64;
        outcome
    }

    /// Merges these groups, batch by batch. If bytes are limited, returns the bytes that were set aside: other groups
    /// may use them.
    fn merge(
        &self,
        work: &TableMerge<'_>,
        groups: Vec<Group>,
        is_wanted: &impl Fn() -> bool,
        merged: &(dyn Fn() + Sync),
        outcome: &mut Outcome,
    ) -> Option<u64> {
        let mut aside = 0_u64;
        for batch in plan::batches(groups, BATCH) {
            if outcome.stopped.is_some() || !is_wanted() {
                outcome.report.left += batch.len() as u64;
                continue;
            }
            match merge_batch(work, &batch, self.bounds.threads, merged, outcome) {
                Ok(bytes) => aside = aside.saturating_add(bytes),
                Err(error) => outcome.stopped = Some(error),
            }
        }
        self.bounds.max_bytes.map(|_| aside)
    }
}

/// Merges the groups of a batch in parallel, and publishes the successful merges as one commit. Returns the bytes that
/// were set aside. An error is of storage: the compaction should stop.
fn merge_batch(
    work: &TableMerge<'_>,
    batch: &[Group],
    threads: usize,
    merged: &(dyn Fn() + Sync),
    outcome: &mut Outcome,
) -> Result<u64> {
    let done = parallel::map(batch, threads, |group| {
        // An error of one merge must not lose the parts that the others staged.
        Ok::<_, std::convert::Infallible>(work.merge(group, merged))
    });
    let Ok(done) = done;
    let mut ready = Vec::with_capacity(done.len());
    let mut refused = None;
    let mut aside = 0_u64;
    let mut merged_groups = Vec::with_capacity(done.len());
    for (group, merge) in batch.iter().zip(done) {
        match merge {
            Ok(merge) => {
                ready.push(merge);
                merged_groups.push(group);
            }
            Err(error) => match work.publisher.are_gone(work.table, group.bucket, &group.ids()) {
                // Another process replaced the parts, and they were vacuumed before they were read here.
                Ok(true) => outcome.report.gave_way += 1,
                Ok(false) | Err(_) if is_of_storage(&error) => refused = refused.or(Some(error)),
                Ok(false) | Err(_) => {
                    aside = aside.saturating_add(group.bytes());
                    outcome.aside.push(SetAside::new(group, error));
                }
            },
        }
    }
    let published = publish(work, &ready, &mut outcome.report, &merged_groups);
    // The first storage error.
    refused.map_or(published.map(|()| aside), Err)
}

/// Publishes merges as one commit. Removes the merged parts that lost to another writer, or all of them after an error.
fn publish(
    work: &TableMerge<'_>,
    ready: &[Merge],
    report: &mut CompactReport,
    groups: &[&Group],
) -> Result<()> {
    if ready.is_empty() {
        return Ok(());
    }
    let log = work.publisher.log();
    let paths: Vec<StorePath> = ready.iter().map(|merge| work.path(merge.bucket, merge.part.id)).collect();
    let synced = log.store.sync(&paths).map_err(|error| log.write_failed(error));
    let published =
        synced.and_then(|()| work.publisher.publish_merges(work.table, ready).map_err(Error::while_writing));
    let published = published.inspect_err(|error| {
        if error.kind() != ErrorKind::UnknownOutcome {
            remove(log, &paths);
        }
    })?;
    let Some((number, standing)) = published else {
        remove(log, &paths);
        report.gave_way += ready.len() as u64;
        return Ok(());
    };
    report.commits.push(number.get());
    for (((merge, group), path), stands) in ready.iter().zip(groups).zip(&paths).zip(standing) {
        if stands {
            report.count(group.parts.len() as u64, group.bytes(), &merge.part);
        } else {
            remove(log, std::slice::from_ref(path));
            report.gave_way += 1;
        }
    }
    Ok(())
}

/// Removes parts that no commit can name. Errors are ignored: a part that stays is an orphan.
fn remove(log: &LogReader, paths: &[StorePath]) {
    for path in paths {
        let _ = log.store.remove(path);
    }
}
