//! Buffered rows of several tables.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;

use crv_core::tables::TableId;

use super::rows::{TableRows, Taken};

/// The size of rows in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, bytes: self.bytes + other.bytes }
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Self::add)
    }
}

/// Rows of several tables. A clone shares the batches.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    tables: BTreeMap<TableId, TableRows>,
    newest: Option<i64>,
}

impl Gathered {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    pub(super) fn size(&self) -> Size {
        self.tables.values().map(TableRows::size).sum()
    }

    /// The newest tick of all rows.
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest
    }

    pub(super) fn table(&self, table: TableId) -> Option<&TableRows> {
        self.tables.get(&table)
    }

    /// The tables with rows, in registry order.
    pub(super) fn tables(&self) -> impl Iterator<Item = (TableId, &TableRows)> {
        self.tables.iter().map(|(table, rows)| (*table, rows))
    }

    /// Adds the rows of an append.
    pub(super) fn take(&mut self, table: TableId, taken: Taken) {
        self.newest = self.newest.max(Some(taken.ticks.max));
        self.tables.entry(table).or_default().extend(taken.rows);
    }

    /// Adds later rows.
    pub(super) fn extend(&mut self, later: Self) {
        self.newest = self.newest.max(later.newest);
        for (table, rows) in later.tables {
            self.tables.entry(table).or_default().extend(rows);
        }
    }

    /// Returns these rows and later ones, for a commit. Batches are shared and not joined.
    pub(super) fn and(&self, later: &Self) -> Self {
        let mut both = self.clone();
        both.newest = both.newest.max(later.newest);
        for (table, rows) in later.tables() {
            both.tables.entry(table).or_default().extend_apart(rows);
        }
        both
    }
}
