//! The lineage of a merged part: the parts it was merged from, and those that these were merged from.
//!
//! The log has it too, until it is pruned. If the log and the manifest are both lost, only footers are left: a rebuild
//! must not add rows twice, and a vacuum must tell a part that was replaced from one that waits for its commit.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;

use crv_core::tables::TableId;
use crv_schema::schema::{Descriptor, TableSchema};

use crate::error::Result;
use crate::paths::{PartId, StorePath};
use crate::store::Store;

/// Reads the footers of parts for the log, which does not know their format.
pub trait FooterReader: fmt::Debug + Send + Sync {
    /// Reads the columns and the lineage of the part of `table` at `path`.
    fn schema(&self, store: &dyn Store, path: &StorePath, table: TableId) -> Result<PartSchema>;

    /// Reads the parts that the part at `path` was merged from; none if it was appended.
    fn lineage(&self, store: &dyn Store, path: &StorePath) -> Result<Vec<PartId>>;
}

/// The columns of a part.
#[derive(Debug)]
pub struct PartSchema {
    /// The columns, in the order of the file.
    pub schema: TableSchema,
    /// The declaration of its table, as of when it was written; `None` for a part of a canonical table.
    pub declared: Option<Descriptor>,
    /// Whether it has lists of unknown item type.
    pub provisional: bool,
    /// The parts that it was merged from.
    pub merged_from: Vec<PartId>,
}

/// Returns those of `parts`, all of one bucket and each with the parts it was merged from, whose rows another of them
/// holds as well: they are to be left out. The error names two parts that share rows while neither holds all rows of
/// the other.
pub(super) fn superseded(parts: &[(PartId, &[PartId])]) -> Result<HashSet<PartId>, (PartId, PartId)> {
    let mut merged: Vec<&(PartId, &[PartId])> = parts.iter().filter(|(_, from)| !from.is_empty()).collect();
    // Those merged from most parts come first; of two with the same rows, either may stay.
    merged.sort_by_key(|(id, from)| (Reverse(from.len()), *id));
    let mut held_by: HashMap<PartId, PartId> = HashMap::new();
    let mut left_out = HashSet::new();
    for (id, from) in merged {
        let holder = |part: &PartId| held_by.get(part).copied();
        if holder(id).is_some() || from.iter().all(|part| holder(part).is_some()) {
            left_out.insert(*id);
            continue;
        }
        if let Some(other) = from.iter().find_map(holder) {
            return Err((other, *id));
        }
        held_by.extend(from.iter().map(|part| (*part, *id)));
    }
    let appended = parts.iter().filter(|(_, from)| from.is_empty()).map(|(id, _)| *id);
    left_out.extend(appended.filter(|id| held_by.contains_key(id)));
    Ok(left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(parts: &[(u128, &[u128])]) -> Result<Vec<u128>, (PartId, PartId)> {
        let owned: Vec<(PartId, Vec<PartId>)> = parts
            .iter()
            .map(|(id, from)| (PartId::new(*id), from.iter().copied().map(PartId::new).collect()))
            .collect();
        let borrowed: Vec<(PartId, &[PartId])> =
            owned.iter().map(|(id, from)| (*id, from.as_slice())).collect();
        let mut found: Vec<u128> =
            superseded(&borrowed)?.iter().map(|id| u128::from_str_radix(&id.digits(), 16).unwrap()).collect();
        found.sort_unstable();
        Ok(found)
    }

    #[test]
    fn what_a_merged_part_was_made_from_is_left_out() {
        assert_eq!(left_out(&[(1, &[]), (2, &[]), (3, &[]), (9, &[1, 2])]), Ok(vec![1, 2]));
        assert_eq!(left_out(&[(1, &[]), (2, &[])]), Ok(vec![]));
    }

    #[test]
    fn of_merges_of_merges_the_last_counts() {
        let parts: [(u128, &[u128]); 5] =
            [(1, &[]), (3, &[]), (8, &[1, 2]), (9, &[8, 3, 1, 2]), (7, &[1, 2])];
        assert_eq!(left_out(&parts), Ok(vec![1, 3, 7, 8]));
    }

    #[test]
    fn of_two_that_hold_the_same_one_counts() {
        assert_eq!(left_out(&[(5, &[1, 2]), (4, &[1, 2]), (1, &[])]), Ok(vec![1, 5]));
    }

    #[test]
    fn two_that_overlap_cannot_be_told_apart() {
        let told = left_out(&[(5, &[1, 2]), (4, &[2, 3]), (1, &[])]);
        assert_eq!(told, Err((PartId::new(4), PartId::new(5))));
    }
}
