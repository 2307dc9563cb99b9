//! Compaction: within a bucket many parts become one, with the same rows in the same order.
//!
//! What to merge is [planned](plan) from a table's state, a few buckets at a time. Their parts are read, every byte, and
//! [merged](merge); one commit then puts the merged parts in the place of the others. An append never conflicts with
//! it. Whoever finds a part of theirs replaced by somebody else gives way. The parts that were replaced stay on
//! disk for readers of earlier snapshots, until a vacuum removes them.

mod background;
mod merge;
mod plan;
mod report;

use std::sync::atomic::{AtomicU64, Ordering};

use crv_core::grammar::TableName;

use crate::commit::{Merge, RunLog};
use crate::config::IoSettings;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;
use crate::paths::StorePath;

use merge::TableMerge;
use plan::Group;

pub(crate) use background::Background;
pub(crate) use plan::Which;
pub use report::{CompactOptions, CompactProgress, CompactReport};

/// Parts of so many bytes together are merged as one commit, where a commit ready those of several buckets.
const BATCH: u64 = 32 * 1024 * 1024;

/// How much at once, and how much in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Threads that merge.
    pub(crate) threads: usize,
    /// Bytes of parts that are read; the first batch is done whatever it has.
    pub(crate) max_bytes: Option<u64>,
}

/// Merges parts of `table`, for as long as `is_wanted` says so. `progress` hears of every part that was read.
pub(crate) fn compact(
    log: &RunLog,
    settings: &IoSettings,
    table: TableName,
    which: Which,
    bounds: Bounds,
    is_wanted: impl Fn() -> bool,
    progress: &(dyn Fn(CompactProgress) + Sync),
) -> Result<CompactReport> {
    let state = log.logged_state(table)?;
    let mut groups = plan::plan(&state, which);
    let mut report = CompactReport::of(table);
    report.left = cut(&mut groups, bounds.max_bytes);
    let Some(schema) = state.schema.clone() else { return Ok(report) };
    drop(state);
    let of = groups.iter().map(|group| group.parts.len() as u64).sum();
    let read = AtomicU64::new(0);
    let merged = || progress(CompactProgress { parts: read.fetch_add(1, Ordering::Relaxed) + 1, of });
    let work = TableMerge { log, settings, table, schema };
    for batch in plan::batches(groups, BATCH) {
        if !is_wanted() {
            report.left += batch.len() as u64;
            continue;
        }
        merge_batch(&work, &batch, bounds.threads, &merged, &mut report)?;
    }
    Ok(report)
}

/// Keeps the first groups, up to so many bytes, and says how many are left for another time.
fn cut(groups: &mut Vec<Group>, max_bytes: Option<u64>) -> u64 {
    let Some(max_bytes) = max_bytes else { return 0 };
    let mut bytes = 0_u64;
    let wanted = groups.iter().take_while(|group| {
        let first = bytes == 0;
        bytes = bytes.saturating_add(group.bytes());
        first || bytes <= max_bytes
    });
    let wanted = wanted.count();
    let left = groups.len() - wanted;
    groups.truncate(wanted);
    left as u64
}

/// Merges the groups of a batch side by side, and publishes what came of it as one commit. Nothing of it stays where
/// one of them fails.
fn merge_batch(
    work: &TableMerge<'_>,
    batch: &[Group],
    threads: usize,
    merged: &(dyn Fn() + Sync),
    report: &mut CompactReport,
) -> Result<()> {
    let log = work.log;
    let done = parallel::map(batch, threads, |group| {
        // An error of one must not lose sight of the parts that the others wrote.
        Ok::<_, std::convert::Infallible>(work.merge(group, merged))
    });
    let Ok(done) = done;
    let mut ready = Vec::with_capacity(done.len());
    let mut failed = None;
    let mut merged_groups = Vec::with_capacity(done.len());
    for (group, merge) in batch.iter().zip(done) {
        match merge {
            Ok(merge) => {
                ready.push(merge);
                merged_groups.push(group);
            }
            Err(error) => match log.are_gone(work.table, group.bucket, &group.ids()) {
                // Somebody else replaced its parts, and they were vacuumed before they were read here.
                Ok(true) => report.gave_way += 1,
                Ok(false) | Err(_) => failed = failed.or(Some(error)),
            },
        }
    }
    let paths: Vec<StorePath> = ready.iter().map(|merge| work.path(merge.bucket, merge.part.id)).collect();
    let published = match failed {
        Some(error) => Err(error),
        None => publish(work, &ready, &paths),
    };
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
    report.commits.push(number);
    for (((merge, group), path), stands) in ready.iter().zip(merged_groups).zip(&paths).zip(standing) {
        if stands {
            report.count(group.parts.len() as u64, group.bytes(), &merge.part);
        } else {
            remove(log, std::slice::from_ref(path));
            report.gave_way += 1;
        }
    }
    Ok(())
}

fn publish(work: &TableMerge<'_>, ready: &[Merge], paths: &[StorePath]) -> Result<Option<(u64, Vec<bool>)>> {
    let log = work.log;
    log.store.settle(paths).map_err(|error| log.write_failed(error))?;
    let published = log.publish_merges(work.table, ready).map_err(Error::while_writing)?;
    Ok(published.map(|(number, standing)| (number.get(), standing)))
}

/// Removes parts that no commit can name. What cannot be removed stays, invisible.
fn remove(log: &RunLog, paths: &[StorePath]) {
    for path in paths {
        let _ = log.store.remove(path);
    }
}
