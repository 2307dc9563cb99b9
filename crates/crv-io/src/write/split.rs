//! Assigns rows to buckets, and cuts those of a bucket into batches. Pure.

use std::collections::BTreeMap;

use arrow_array::{RecordBatch, UInt32Array};

use super::ROWS_AT_ONCE;
use crate::error::Result;
use crate::paths::BucketId;
use crate::ticks::TickSpan;
use crate::validate::{Prepared, ValidationError};

/// Rows of one batch that go into one bucket, in input order.
#[derive(Debug, PartialEq)]
enum Rows {
    /// Consecutive rows: no copy is needed.
    Range { offset: usize, length: usize },
    /// Rows by index.
    Picked(UInt32Array),
}

/// The rows for one bucket.
#[derive(Debug)]
pub(crate) struct BucketRows {
    pub(super) bucket: BucketId,
    pub(super) ticks: TickSpan,
    pub(super) rows: u64,
    /// Rows with the index of their batch.
    pieces: Vec<(usize, Rows)>,
}

impl BucketRows {
    /// The rows, cast for their table, in batches of at most [`ROWS_AT_ONCE`] rows.
    pub(super) fn batches(
        &self,
        prepared: &Prepared,
    ) -> impl Iterator<Item = Result<RecordBatch, ValidationError>> {
        let number = self.bucket.get() as i64;
        self.pieces.iter().flat_map(move |(batch, rows)| {
            let (start, length) = match rows {
                Rows::Range { offset, length } => (*offset, *length),
                Rows::Picked(picked) => (0, picked.len()),
            };
            (0..length).step_by(ROWS_AT_ONCE).map(move |at| {
                let (offset, length) = (start + at, ROWS_AT_ONCE.min(length - at));
                match rows {
                    Rows::Range { .. } => prepared.slice(*batch, offset, length, number),
                    Rows::Picked(picked) => prepared.take(*batch, &picked.slice(offset, length), number),
                }
            })
        })
    }
}

/// Splits batches, given by their ticks (none negative), by bucket. Buckets are sorted; rows keep their order within a
/// bucket.
pub(crate) fn split<'a>(
    batches: impl Iterator<Item = &'a [i64]>,
    tick_bucket_size: u64,
) -> Result<Vec<BucketRows>> {
    let mut buckets: BTreeMap<BucketId, BucketRows> = BTreeMap::new();
    for (batch, ticks) in batches.enumerate() {
        let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else { continue };
        let sorted = ticks.is_sorted();
        let (min, max) = if sorted {
            (*first, *last)
        } else {
            ticks.iter().fold((*first, *first), |(min, max), tick| (min.min(*tick), max.max(*tick)))
        };
        let lowest = BucketId::of_tick(min, tick_bucket_size)?;
        if lowest == BucketId::of_tick(max, tick_bucket_size)? {
            let rows = Rows::Range { offset: 0, length: ticks.len() };
            push(&mut buckets, lowest, TickSpan { min, max }, batch, rows, ticks.len());
        } else if sorted {
            split_sorted(&mut buckets, batch, ticks, tick_bucket_size)?;
        } else {
            split_unsorted(&mut buckets, batch, ticks, tick_bucket_size)?;
        }
    }
    Ok(buckets.into_values().collect())
}

fn split_sorted(
    buckets: &mut BTreeMap<BucketId, BucketRows>,
    batch: usize,
    ticks: &[i64],
    size: u64,
) -> Result<()> {
    let mut offset = 0;
    while let Some(rest) = ticks.get(offset..).filter(|rest| !rest.is_empty()) {
        let min = rest.first().copied().unwrap_or_default();
        let bucket = BucketId::of_tick(min, size)?;
        let last = bucket.ticks(size).map_or(i64::MAX, |(_, last)| last);
        let length = rest.partition_point(|tick| *tick <= last);
        let max = rest.get(length.saturating_sub(1)).copied().unwrap_or(min);
        push(buckets, bucket, TickSpan { min, max }, batch, Rows::Range { offset, length }, length);
        offset += length;
    }
    Ok(())
}

fn split_unsorted(
    buckets: &mut BTreeMap<BucketId, BucketRows>,
    batch: usize,
    ticks: &[i64],
    size: u64,
) -> Result<()> {
    let mut picked: BTreeMap<BucketId, (TickSpan, Vec<u32>)> = BTreeMap::new();
    for (row, tick) in ticks.iter().enumerate() {
        let span = TickSpan { min: *tick, max: *tick };
        let entry = picked.entry(BucketId::of_tick(*tick, size)?).or_insert_with(|| (span, Vec::new()));
        entry.0 = entry.0.union(span);
        // A batch has at most 2^32 rows: Arrow's take kernels have the same limit.
        entry.1.push(row as u32);
    }
    for (bucket, (span, rows)) in picked {
        let count = rows.len();
        push(buckets, bucket, span, batch, Rows::Picked(rows.into()), count);
    }
    Ok(())
}

fn push(
    buckets: &mut BTreeMap<BucketId, BucketRows>,
    bucket: BucketId,
    ticks: TickSpan,
    batch: usize,
    rows: Rows,
    count: usize,
) {
    let entry = buckets.entry(bucket).or_insert(BucketRows { bucket, ticks, rows: 0, pieces: Vec::new() });
    entry.ticks = entry.ticks.union(ticks);
    entry.rows += count as u64;
    entry.pieces.push((batch, rows));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows_of(rows: &Rows) -> Vec<usize> {
        match rows {
            Rows::Range { offset, length } => (*offset..offset + length).collect(),
            Rows::Picked(rows) => rows.values().iter().map(|row| *row as usize).collect(),
        }
    }

    proptest! {
        /// Every row goes into exactly one bucket, that of its tick, in input order, whether ticks are sorted or not.
        #[test]
        fn every_row_lands_once_in_its_bucket(
            mut batches in prop::collection::vec(prop::collection::vec(0..500_i64, 0..40), 0..4),
            sorted: bool,
            size in 1..200_u64,
        ) {
            if sorted {
                for ticks in &mut batches {
                    ticks.sort_unstable();
                }
            }
            let buckets = split(batches.iter().map(Vec::as_slice), size).unwrap();
            prop_assert!(buckets.is_sorted_by_key(|bucket| bucket.bucket));
            let mut seen = 0;
            for bucket in &buckets {
                let mut last = (0, 0);
                let mut ticks = Vec::new();
                for (batch, rows) in &bucket.pieces {
                    for row in rows_of(rows) {
                        prop_assert!(ticks.is_empty() || last < (*batch, row), "order is kept");
                        last = (*batch, row);
                        ticks.push(batches[*batch][row]);
                    }
                }
                prop_assert!(ticks.iter().all(|tick| *tick as u64 / size == bucket.bucket.get()));
                prop_assert_eq!(bucket.ticks.min, *ticks.iter().min().unwrap());
                prop_assert_eq!(bucket.ticks.max, *ticks.iter().max().unwrap());
                prop_assert_eq!(bucket.rows as usize, ticks.len());
                seen += ticks.len();
            }
            prop_assert_eq!(seen, batches.iter().map(Vec::len).sum::<usize>());
        }
    }

    #[test]
    fn ticks_at_the_end_of_time_have_a_bucket() {
        let ticks = [i64::MAX - 1, i64::MAX];
        let buckets = split([ticks.as_slice()].into_iter(), 1).unwrap();
        assert_eq!(buckets.len(), 2);
        assert_eq!(split([ticks.as_slice()].into_iter(), u64::MAX).unwrap().len(), 1);
    }
}
