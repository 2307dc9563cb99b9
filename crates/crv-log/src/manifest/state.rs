//! The state of a table as of a commit, and how a commit changes it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crv_core::tables::TableId;
use jiff::{SignedDuration, Timestamp};

use crate::paths::{BucketId, CommitNumber, PartId};
use crate::ticks::{TickRange, TickSpan};
use crv_schema::schema::{Descriptor, TableSchema};

/// How long a vacuumed part is remembered: no commit that began before the vacuum may name it.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A part: one immutable Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its id, which is its file name.
    pub id: PartId,
    /// How many rows it holds; at least 1.
    pub rows: u64,
    /// The size of the file.
    pub bytes: u64,
    /// The first and last tick of its rows.
    pub ticks: TickSpan,
    /// When it was created; of a merged part, when its merge was committed.
    pub created_at: Timestamp,
    /// CRC-32C of the whole file; `None` for parts written by an implementation that keeps none.
    pub crc32c: Option<u32>,
    /// Whether it holds lists whose item type was not known yet. Other readers may misread such a part or refuse it.
    pub provisional: bool,
}

/// The parts of a table in one bucket, in the order they were appended. Counts are derived, never stored.
#[derive(Debug, Clone, Default)]
pub struct Partition {
    parts: Vec<Part>,
    /// The first and last tick of all parts: most reads need few partitions, and skip the others.
    ticks: Option<TickSpan>,
    /// The index of each part in the list; computed on first use, which most partitions never have.
    places: OnceLock<HashMap<PartId, usize>>,
}

impl PartialEq for Partition {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Partition {}

impl Partition {
    /// A partition of these parts. The error is a part that is there twice.
    fn of(parts: Vec<Part>) -> Result<Self, PartId> {
        let mut ids: Vec<PartId> = parts.iter().map(|part| part.id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(twice[0]),
            None => Ok(Self { ticks: span(&parts), parts, places: OnceLock::new() }),
        }
    }

    fn places(&self) -> &HashMap<PartId, usize> {
        self.places
            .get_or_init(|| self.parts.iter().enumerate().map(|(place, part)| (part.id, place)).collect())
    }

    /// The parts, in the order they were appended.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Rows of all parts.
    pub fn rows(&self) -> u64 {
        total(self.parts.iter().map(|part| part.rows))
    }

    /// Bytes of all parts.
    pub fn bytes(&self) -> u64 {
        total(self.parts.iter().map(|part| part.bytes))
    }

    /// The first and last tick; `None` without parts.
    pub fn ticks(&self) -> Option<TickSpan> {
        self.ticks
    }

    fn add(&mut self, part: Part) -> bool {
        let Some(place) = self.places().get(&part.id).copied() else {
            if let Some(places) = self.places.get_mut() {
                places.insert(part.id, self.parts.len());
            }
            self.ticks = Some(self.ticks.map_or(part.ticks, |ticks| ticks.union(part.ticks)));
            self.parts.push(part);
            return true;
        };
        // Already known from a manifest that another implementation wrote back without our keys: complete it.
        if let Some(known) = self.parts.get_mut(place) {
            known.crc32c = known.crc32c.or(part.crc32c);
            known.provisional |= part.provisional;
        }
        false
    }

    /// Replaces the parts in `ids` by `parts`, at the place of the first of them. Returns how many were added, and
    /// removed.
    fn replace(&mut self, ids: &HashSet<PartId>, parts: Vec<Part>) -> (u64, u64) {
        let mut new: Vec<Part> =
            parts.into_iter().filter(|part| !self.places().contains_key(&part.id)).collect();
        let added = new.len() as u64;
        let at = self.parts.iter().position(|part| ids.contains(&part.id)).unwrap_or(self.parts.len());
        let rest = self.parts.split_off(at);
        let before = rest.len();
        self.parts.append(&mut new);
        let kept = self.parts.len();
        self.parts.extend(rest.into_iter().filter(|part| !ids.contains(&part.id)));
        self.places = OnceLock::new();
        self.ticks = span(&self.parts);
        (added, (before + kept - self.parts.len()) as u64)
    }

    /// Puts each added part at the place of the one that it replaces, at the end if that is not there, in one pass.
    /// Returns how many were added, and removed.
    fn cut(&mut self, cut: Cut) -> (u64, u64) {
        let mut known: HashSet<PartId> = self.parts.iter().map(|part| part.id).collect();
        let mut at_a_place: HashMap<PartId, Part> = HashMap::new();
        let mut at_the_end = Vec::new();
        let mut added = 0;
        for (place, part) in cut.add {
            let is_free = |place: &PartId| known.contains(place) && !at_a_place.contains_key(place);
            let place = place.filter(is_free);
            if !known.insert(part.id) {
                continue;
            }
            added += 1;
            match place {
                Some(place) => drop(at_a_place.insert(place, part)),
                None => at_the_end.push(part),
            }
        }
        let before = self.parts.len() as u64;
        let old = std::mem::take(&mut self.parts);
        self.parts.reserve(old.len());
        let mut removed = 0;
        for part in old {
            if cut.remove.contains(&part.id) {
                removed += 1;
                self.parts.extend(at_a_place.remove(&part.id));
            } else {
                self.parts.push(part);
            }
        }
        self.parts.append(&mut at_the_end);
        debug_assert_eq!(self.parts.len() as u64, before + added - removed, "a part has one place");
        self.places = OnceLock::new();
        self.ticks = span(&self.parts);
        (added, removed)
    }

    /// Removes these parts in one pass. Returns how many were there.
    fn remove(&mut self, ids: &HashSet<PartId>) -> u64 {
        let before = self.parts.len();
        self.parts.retain(|part| !ids.contains(&part.id));
        let removed = before - self.parts.len();
        if removed > 0 {
            self.places = OnceLock::new();
            self.ticks = span(&self.parts);
        }
        removed as u64
    }
}

/// What a truncation does to a partition.
#[derive(Default)]
struct Cut {
    remove: HashSet<PartId>,
    /// Each with the part whose place it takes.
    add: Vec<(Option<PartId>, Part)>,
}

/// A table as of commit [`commit`](TableState::commit).
#[derive(Debug, Clone, PartialEq)]
pub struct TableState {
    /// The table.
    pub table: TableId,
    /// When its manifest was first created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Ticks per bucket; `None` in manifests of an implementation that does not say.
    pub tick_bucket_size: Option<u64>,
    /// The declaration of a table that is not canonical; `None` until its first commit.
    pub declared: Option<Descriptor>,
    /// The union of what was written; `None` until the first commit.
    pub schema: Option<Arc<TableSchema>>,
    /// The last commit this state includes.
    pub commit: CommitNumber,
    partitions: BTreeMap<BucketId, Arc<Partition>>,
    part_count: u64,
    /// Parts whose removal a vacuum has announced, and when: no later commit may name them.
    vacuumed: BTreeMap<(BucketId, PartId), Timestamp>,
    /// Parts that a commit other than a compaction took out, and when: their files are kept for readers of earlier
    /// snapshots. A part that was merged has no record: the creation time of the part that replaced it says when.
    removed: BTreeMap<(BucketId, PartId), Timestamp>,
}

impl TableState {
    /// A table without rows.
    pub fn new(table: TableId, tick_bucket_size: Option<u64>, commit: CommitNumber, now: Timestamp) -> Self {
        Self {
            table,
            created_at: now,
            updated_at: now,
            tick_bucket_size,
            declared: None,
            schema: None,
            commit,
            partitions: BTreeMap::new(),
            part_count: 0,
            vacuumed: BTreeMap::new(),
            removed: BTreeMap::new(),
        }
    }

    /// The buckets that hold parts, in order.
    pub fn partitions(&self) -> &BTreeMap<BucketId, Arc<Partition>> {
        &self.partitions
    }

    /// How many parts there are.
    pub fn part_count(&self) -> u64 {
        self.part_count
    }

    /// Whether nothing was ever committed to this table: its manifest was created, and no first append succeeded yet.
    pub fn is_unwritten(&self) -> bool {
        self.schema.is_none() && self.partitions.is_empty()
    }

    /// The columns that the table is defined to have. Of a table that is neither canonical nor declared, only `bucket` and
    /// `tick` are known.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(self.table, self.declared.as_ref())
    }

    /// Whether it is known what columns the table has.
    pub fn is_defined(&self) -> bool {
        self.declared.is_some() || self.table.canonical().is_some()
    }

    /// Takes the declaration that a part was written with, unless the state has it, or a later one.
    pub fn learn_declaration(&mut self, of_part: Option<&Descriptor>) {
        let Some(found) = of_part.filter(|_| self.table.canonical().is_none()) else { return };
        self.declared = match &self.declared {
            None => Some(found.clone()),
            // A later declaration has every column of an earlier one.
            Some(known) => match found.grown(known) {
                Ok(_) => return,
                Err(_) => match known.grown(found) {
                    Ok(Some(grown)) => Some(grown),
                    _ => return,
                },
            },
        };
    }

    /// Every part, in bucket order and then in the order they were appended.
    pub fn parts(&self) -> impl Iterator<Item = (BucketId, &Part)> {
        let partitions = self.partitions.iter();
        partitions.flat_map(|(bucket, partition)| partition.parts.iter().map(move |part| (*bucket, part)))
    }

    /// The parts that may hold rows of `range`, in bucket order and then in the order they were appended.
    /// Pure: every read selects its parts with this.
    pub fn parts_in(&self, range: TickRange) -> impl Iterator<Item = (BucketId, &Part)> {
        let wanted = move |ticks: &TickSpan| range.overlaps(*ticks);
        let partitions =
            self.partitions.iter().filter(move |(_, partition)| partition.ticks.as_ref().is_some_and(wanted));
        let parts = partitions
            .flat_map(|(bucket, partition)| partition.parts.iter().map(move |part| (*bucket, part)));
        parts.filter(move |(_, part)| wanted(&part.ticks))
    }

    /// Whether this part is live.
    pub fn contains(&self, bucket: BucketId, id: PartId) -> bool {
        self.partitions.get(&bucket).is_some_and(|partition| partition.places().contains_key(&id))
    }

    /// Adds a part. Idempotent: a part is its bucket and its id.
    pub fn add(&mut self, bucket: BucketId, part: Part) {
        self.removed.remove(&(bucket, part.id));
        if Arc::make_mut(self.partitions.entry(bucket).or_default()).add(part) {
            self.part_count += 1;
        }
    }

    /// Adds all parts of a bucket that has none yet. The error is a part that is there twice.
    pub(super) fn add_partition(&mut self, bucket: BucketId, parts: Vec<Part>) -> Result<(), PartId> {
        let count = parts.len() as u64;
        let partition = Partition::of(parts)?;
        if count > 0 {
            self.part_count += count;
            self.partitions.insert(bucket, Arc::new(partition));
        }
        Ok(())
    }

    /// Removes parts. Idempotent.
    pub fn remove(&mut self, parts: impl IntoIterator<Item = (BucketId, PartId)>) {
        let mut by_bucket: BTreeMap<BucketId, HashSet<PartId>> = BTreeMap::new();
        for (bucket, id) in parts {
            by_bucket.entry(bucket).or_default().insert(id);
        }
        for (bucket, ids) in by_bucket {
            let Some(partition) = self.partitions.get_mut(&bucket) else { continue };
            let partition = Arc::make_mut(partition);
            self.part_count -= partition.remove(&ids);
            if partition.parts.is_empty() {
                self.partitions.remove(&bucket);
            }
        }
    }

    /// Replaces parts by others, bucket by bucket, at the place of the first that is removed. Idempotent.
    pub fn replace(&mut self, remove: &[(BucketId, PartId)], add: &[(BucketId, Part)]) {
        let mut by_bucket: BTreeMap<BucketId, (HashSet<PartId>, Vec<Part>)> = BTreeMap::new();
        for (bucket, id) in remove {
            by_bucket.entry(*bucket).or_default().0.insert(*id);
        }
        for (bucket, part) in add {
            let (removed, added) = by_bucket.entry(*bucket).or_default();
            // A part that is also removed is not added; one that is given twice is added once.
            if !removed.contains(&part.id) && !added.iter().any(|known| known.id == part.id) {
                self.removed.remove(&(*bucket, part.id));
                added.push(part.clone());
            }
        }
        for (bucket, (ids, parts)) in by_bucket {
            self.change(bucket, |partition| partition.replace(&ids, parts));
        }
    }

    /// Replaces the first of the removed parts by the added ones, each at the place of its own, and removes the others.
    /// Idempotent.
    pub fn cut(&mut self, remove: &[(BucketId, PartId)], add: &[(BucketId, Part)]) {
        let mut by_bucket: BTreeMap<BucketId, Cut> = BTreeMap::new();
        for (bucket, id) in remove {
            by_bucket.entry(*bucket).or_default().remove.insert(*id);
        }
        for (at, (bucket, part)) in add.iter().enumerate() {
            let cut = by_bucket.entry(*bucket).or_default();
            // A part that is also removed is not added.
            if cut.remove.contains(&part.id) {
                continue;
            }
            self.removed.remove(&(*bucket, part.id));
            let place = remove.get(at).filter(|(from, _)| from == bucket).map(|(_, id)| *id);
            cut.add.push((place, part.clone()));
        }
        for (bucket, cut) in by_bucket {
            self.change(bucket, |partition| partition.cut(cut));
        }
    }

    /// Changes the parts of a bucket; `change` returns how many were added, and removed.
    fn change(&mut self, bucket: BucketId, change: impl FnOnce(&mut Partition) -> (u64, u64)) {
        let partition = Arc::make_mut(self.partitions.entry(bucket).or_default());
        let (added, removed) = change(partition);
        let is_empty = partition.parts.is_empty();
        self.part_count = self.part_count + added - removed;
        if is_empty {
            self.partitions.remove(&bucket);
        }
    }

    /// Records that a commit of this time took these parts out. Idempotent.
    pub fn note_removed(&mut self, parts: &[(BucketId, PartId)], at: Timestamp) {
        for part in parts {
            let time = self.removed.entry(*part).or_insert(at);
            *time = at.max(*time);
        }
    }

    /// Parts that a commit other than a compaction took out, and when. A vacuum of a part ends its record.
    pub fn removed(&self) -> &BTreeMap<(BucketId, PartId), Timestamp> {
        &self.removed
    }

    /// Records that a vacuum removes these parts, and drops records older than [`REMEMBERED`]. Idempotent.
    pub fn note_vacuumed(&mut self, parts: &[(BucketId, PartId)], now: Timestamp) {
        for part in parts {
            self.removed.remove(part);
            let time = self.vacuumed.entry(*part).or_insert(now);
            *time = now.max(*time);
        }
        self.vacuumed.retain(|_, time| now.duration_since(*time) <= REMEMBERED);
    }

    /// Parts whose removal a vacuum has announced, and when.
    pub fn vacuumed(&self) -> &BTreeMap<(BucketId, PartId), Timestamp> {
        &self.vacuumed
    }

    /// Whether a vacuum has announced the removal of this part, so that no commit may name it.
    pub fn was_vacuumed(&self, bucket: BucketId, id: PartId) -> bool {
        self.vacuumed.contains_key(&(bucket, id))
    }

    /// Copies the records of vacuumed parts, and of parts that were taken out and are not live here.
    pub fn copy_notes(&mut self, other: &Self) {
        self.vacuumed.extend(other.vacuumed.iter().map(|(part, at)| (*part, *at)));
        let gone = other.removed.iter().filter(|((bucket, id), _)| !self.contains(*bucket, *id));
        let gone: Vec<_> = gone.map(|(part, at)| (*part, *at)).collect();
        self.removed.extend(gone);
    }

    /// Adds a document's record of a part that was taken out.
    pub(crate) fn remember_removed(&mut self, bucket: BucketId, id: PartId, at: Timestamp) {
        self.removed.insert((bucket, id), at);
    }

    /// Adds a document's record of a part that was vacuumed.
    pub(crate) fn remember_vacuumed(&mut self, bucket: BucketId, id: PartId, at: Timestamp) {
        self.vacuumed.insert((bucket, id), at);
    }

    /// Rows of all parts.
    pub fn rows(&self) -> u64 {
        total(self.partitions.values().map(|partition| partition.rows()))
    }

    /// Bytes of all parts.
    pub fn bytes(&self) -> u64 {
        total(self.partitions.values().map(|partition| partition.bytes()))
    }

    /// The first and last tick of the table; `None` without rows.
    pub fn ticks(&self) -> Option<TickSpan> {
        self.partitions.values().filter_map(|partition| partition.ticks()).reduce(TickSpan::union)
    }
}

/// The first and last tick of these parts.
fn span(parts: &[Part]) -> Option<TickSpan> {
    parts.iter().map(|part| part.ticks).reduce(TickSpan::union)
}

/// The sum, saturating: a document may claim counts that no store can hold.
pub(super) fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use crv_core::tables::TableId;

    use super::*;
    use crate::stamp;

    fn part(id: u128) -> Part {
        let ticks = TickSpan { min: id as i64, max: id as i64 };
        Part {
            id: PartId::new(id),
            rows: 1,
            bytes: 1,
            ticks,
            created_at: stamp::now(),
            crc32c: None,
            provisional: false,
        }
    }

    fn place(id: u128) -> (BucketId, PartId) {
        (BucketId::new((id % 3) as u64), PartId::new(id))
    }

    fn state(parts: impl Iterator<Item = u128>) -> TableState {
        let mut state = TableState::new(TableId::HOLDINGS, Some(100), CommitNumber::ZERO, stamp::now());
        parts.for_each(|id| state.add(place(id).0, part(id)));
        state
    }

    fn ids(state: &TableState) -> Vec<(BucketId, PartId)> {
        state.parts().map(|(bucket, part)| (bucket, part.id)).collect()
    }

    #[test]
    fn a_cut_part_takes_the_place_of_the_one_it_was_made_from() {
        let mut cut = state(0..40);
        let remove: Vec<_> = [30, 7, 4, 12, 39, 8].map(place).to_vec();
        let add: Vec<_> = [130, 107, 104].map(|id| (place(id - 100).0, part(id))).to_vec();
        let mut expected: Vec<_> = ids(&cut);
        for (at, from) in remove.iter().enumerate() {
            let found = expected.iter().position(|place| place == from).unwrap();
            match add.get(at) {
                Some((bucket, part)) => expected[found] = (*bucket, part.id),
                None => drop(expected.remove(found)),
            }
        }
        for _ in 0..2 {
            cut.cut(&remove, &add);
            assert_eq!(ids(&cut), expected, "the second time nothing changes");
            assert_eq!(cut.part_count(), 37);
            assert_eq!(cut.partitions()[&BucketId::new(0)].ticks(), Some(TickSpan { min: 0, max: 130 }));
        }
    }

    #[test]
    fn a_cut_that_does_not_fit_loses_no_part_and_has_none_twice() {
        let mut cut = state(0..3);
        // Replaced twice, by a part of another bucket, by one that is there, by one that is removed, and beyond the list.
        let remove = [place(0), place(0), place(1), place(50), place(2)];
        let add = [103, 106, 102, 1, 2, 109].map(|id| (place(id).0, part(id)));
        cut.cut(&remove, &add);
        assert_eq!(ids(&cut), [102, 103, 106, 109].map(place));
        assert_eq!(cut.part_count(), 4);
        cut.cut(&[103, 106, 109, 102].map(place), &[]);
        assert!(cut.partitions().is_empty() && cut.part_count() == 0);
    }

    /// One pass: with one pass per part this takes hours.
    #[test]
    fn a_cut_of_every_part_of_a_large_table_ends() {
        let count = 300_000;
        let mut cut = state(0..count);
        let remove: Vec<_> = (0..count).map(place).collect();
        let add: Vec<_> = (0..count).map(|id| (place(id).0, part(id + count))).collect();
        cut.cut(&remove, &add);
        assert_eq!(cut.part_count(), count as u64);
    }
}
