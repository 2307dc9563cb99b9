//! Plans which parts a compaction merges. Pure.

use crate::manifest::{Part, Partition, TableState};
use crate::paths::{BucketId, PartId};
use crate::ticks::TickRange;

/// A part of this many bytes is not merged: the cost is high and the benefit low.
const FULL: u64 = 64 * 1024 * 1024;

/// Most bytes of parts that are merged into one, which bounds memory.
const LARGEST: u64 = 2 * FULL;

/// With more parts than this, small parts are merged with a large one, however large it is.
const MANY: usize = 8;

/// Which buckets to merge, and when merging their parts is worth its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Buckets with ticks of this range; two adjacent parts are enough.
    Ticks(TickRange),
    /// Buckets before the newest. A large part is not rewritten for a few small ones: late rows of a bucket are merged
    /// when there are enough of them.
    Sealed,
}

/// Adjacent parts of a bucket, in order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::maintenance) struct Group {
    pub(in crate::maintenance) bucket: BucketId,
    pub(in crate::maintenance) parts: Vec<Part>,
}

impl Group {
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).fold(0, u64::saturating_add)
    }

    pub(super) fn ids(&self) -> Vec<PartId> {
        self.parts.iter().map(|part| part.id).collect()
    }

    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).fold(0, u64::saturating_add)
    }

    fn is_worth_it(&self) -> bool {
        let largest = self.parts.iter().map(|part| part.bytes).max().unwrap_or(0);
        self.parts.len() > MANY || (self.bytes() - largest).saturating_mul(2) >= largest
    }
}

/// Returns the groups of parts to merge, in bucket order.
pub(super) fn plan(state: &TableState, which: Which) -> Vec<Group> {
    let newest = state.partitions().keys().next_back().copied();
    let mut groups = Vec::new();
    for (bucket, partition) in state.partitions() {
        let wanted = match which {
            Which::Ticks(range) => partition.ticks().is_some_and(|ticks| range.overlaps(ticks)),
            Which::Sealed => Some(*bucket) < newest,
        };
        if wanted {
            groups.extend(groups_of(*bucket, partition));
        }
    }
    groups.retain(|group| group.parts.len() > 1 && (which != Which::Sealed || group.is_worth_it()));
    groups
}

/// Returns how many leading groups have at most `max_bytes` together; at least one if `is_first`.
pub(super) fn within(groups: &[Group], max_bytes: Option<u64>, is_first: bool) -> usize {
    let Some(max_bytes) = max_bytes else { return groups.len() };
    let mut bytes = 0_u64;
    let wanted = groups.iter().enumerate().take_while(|(index, group)| {
        bytes = bytes.saturating_add(group.bytes());
        (is_first && *index == 0) || bytes <= max_bytes
    });
    wanted.count()
}

fn groups_of(bucket: BucketId, partition: &Partition) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group { bucket, parts: Vec::new() };
    for part in partition.parts() {
        let is_full = part.bytes >= FULL;
        if is_full || group.bytes().saturating_add(part.bytes) > LARGEST {
            groups.push(std::mem::replace(&mut group, Group { bucket, parts: Vec::new() }));
        }
        if !is_full {
            group.parts.push(part.clone());
        }
    }
    groups.push(group);
    groups
}

/// Cuts groups into batches that are published as one commit each. A batch of several groups has at most `bytes`, and
/// at most one group of each bucket.
pub(super) fn batches(groups: Vec<Group>, bytes: u64) -> Vec<Vec<Group>> {
    let mut batches: Vec<Vec<Group>> = Vec::new();
    let mut room = 0_u64;
    for group in groups {
        let size = group.bytes();
        match batches.last_mut() {
            Some(batch) if size <= room && batch.iter().all(|other| other.bucket != group.bucket) => {
                room -= size;
                batch.push(group);
            }
            _ => {
                room = bytes.saturating_sub(size);
                batches.push(vec![group]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use crv_core::tables::TableId;
    use jiff::Timestamp;

    use super::*;
    use crate::paths::{CommitNumber, PartId};
    use crate::ticks::TickSpan;

    /// A table with parts of these sizes, bucket by bucket.
    fn state(buckets: &[&[u64]]) -> TableState {
        let now = Timestamp::UNIX_EPOCH;
        let mut state = TableState::new(TableId::HOLDINGS, Some(10), CommitNumber::new(1), now);
        let mut id = 0;
        for (bucket, sizes) in buckets.iter().enumerate() {
            for bytes in *sizes {
                id += 1;
                let ticks = TickSpan { min: 10 * bucket as i64, max: 10 * bucket as i64 + 9 };
                let part = Part {
                    id: PartId::new(id),
                    rows: 1,
                    bytes: *bytes,
                    ticks,
                    created_at: now,
                    crc32c: None,
                    provisional: false,
                };
                state.add(BucketId::new(bucket as u64), part);
            }
        }
        state
    }

    /// The ids in each group.
    fn planned(state: &TableState, which: Which) -> Vec<Vec<u128>> {
        let ids = |group: Group| {
            let digits = |part: &Part| u128::from_str_radix(&part.id.digits(), 16).unwrap();
            group.parts.iter().map(digits).collect()
        };
        plan(state, which).into_iter().map(ids).collect()
    }

    #[test]
    fn neighbours_in_a_bucket_are_merged_and_single_parts_are_not() {
        let state = state(&[&[5, 5, 5], &[5], &[5, 5]]);
        assert_eq!(planned(&state, Which::Ticks(TickRange::ALL)), [vec![1, 2, 3], vec![5, 6]]);
        assert_eq!(planned(&state, Which::Ticks((0..=9).into())), [vec![1, 2, 3]]);
        assert_eq!(planned(&state, Which::Ticks((10..=19).into())), Vec::<Vec<u128>>::new());
    }

    #[test]
    fn full_parts_stay_and_nothing_is_merged_across_them() {
        let state = state(&[&[1, 1, FULL, 1, 1, FULL + 1, 1]]);
        assert_eq!(planned(&state, Which::Ticks(TickRange::ALL)), [vec![1, 2], vec![4, 5]]);
    }

    #[test]
    fn a_merged_part_is_bounded() {
        let state = state(&[&[FULL - 1; 5]]);
        assert_eq!(planned(&state, Which::Ticks(TickRange::ALL)), [vec![1, 2], vec![3, 4]]);
    }

    #[test]
    fn only_buckets_before_the_newest_are_sealed() {
        let state = state(&[&[5, 5], &[5, 5], &[5, 5]]);
        assert_eq!(planned(&state, Which::Sealed), [vec![1, 2], vec![3, 4]]);
    }

    #[test]
    fn a_large_sealed_part_is_not_rewritten_for_a_few_late_rows() {
        let few: Vec<u64> = std::iter::once(1_000).chain([1; 7]).collect();
        let many: Vec<u64> = std::iter::once(1_000).chain([1; 8]).collect();
        let large: Vec<u64> = vec![1_000, 500];
        let found = planned(&state(&[&few, &many, &large, &[1]]), Which::Sealed);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [9, 2]);
    }

    #[test]
    fn a_batch_has_each_bucket_once_and_a_bounded_size() {
        let group = |bucket, bytes: u64| {
            let mut groups = plan(&state(&[&[bytes, 0]]), Which::Ticks(TickRange::ALL));
            let mut group = groups.remove(0);
            group.bucket = BucketId::new(bucket);
            group
        };
        let groups = vec![group(1, 60), group(2, 30), group(2, 5), group(3, 200), group(4, 1)];
        let sizes: Vec<Vec<u64>> =
            batches(groups, 100).iter().map(|batch| batch.iter().map(Group::bytes).collect()).collect();
        assert_eq!(sizes, [vec![60, 30], vec![5], vec![200], vec![1]]);
    }
}
