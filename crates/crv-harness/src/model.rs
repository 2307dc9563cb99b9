//! What must be in the tables: every transaction that was begun, and the outcome that its writer got.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use crv_io::{Error, ErrorKind};

/// The tables the harness writes to: plain ones, and one whose payloads differ.
pub const TABLES: [TableId; 3] = [TableId::IDENTITY_EDGES, TableId::HOLDINGS, TableId::EXCHANGE];

/// A row: its tick, and a number that is unique in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// The tick.
    pub tick: i64,
    /// The number.
    pub id: i64,
}

/// The outcome that a writer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// Committed.
    Committed,
    /// Failed, without any effect.
    Failed,
    /// Unknown outcome.
    Unknown,
}

impl Told {
    /// Classifies the result of a commit.
    pub fn of<T>(outcome: &Result<T, Error>) -> Self {
        match outcome {
            Ok(_) => Self::Committed,
            Err(error) if error.kind() == ErrorKind::UnknownOutcome => Self::Unknown,
            Err(_) => Self::Failed,
        }
    }
}

/// A transaction that was begun.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its rows, table by table.
    pub rows: BTreeMap<TableId, Vec<Row>>,
    /// The moment at which it was begun.
    pub began: usize,
    /// The moment at which its writer got the outcome, and the outcome.
    pub told: (usize, Told),
}

/// All transactions of all writers, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The transactions.
    pub entries: Vec<Entry>,
}

/// What a reader may find of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// All of it must be there.
    Must,
    /// None of it may be there.
    MustNot,
    /// All of it or none of it.
    Either,
}

impl Model {
    /// Records a transaction that begins at `moment`. Returns its index.
    pub fn begin(&mut self, rows: BTreeMap<TableId, Vec<Row>>, moment: usize) -> usize {
        self.entries.push(Entry { rows, began: moment, told: (usize::MAX, Told::Nothing) });
        self.entries.len() - 1
    }

    /// Records the outcome that its writer got at `moment`.
    pub fn tell(&mut self, entry: usize, moment: usize, told: Told) {
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.told = (moment, told);
        }
    }

    /// Returns how many transactions are acknowledged, and how many have begun, at `moment`.
    pub fn known_at(&self, moment: usize) -> (usize, usize) {
        let acknowledged = |entry: &&Entry| entry.told.1 == Told::Committed && entry.told.0 <= moment;
        let begun = |entry: &&Entry| entry.began <= moment;
        (self.entries.iter().filter(acknowledged).count(), self.entries.iter().filter(begun).count())
    }

    /// Returns whether any row of `table` is acknowledged at `moment`.
    pub fn must_have(&self, table: TableId, moment: usize) -> bool {
        self.entries.iter().any(|entry| may(entry, moment) == May::Must && entry.rows.contains_key(&table))
    }

    /// Returns the model of a run that stopped at `moment`: without later transactions, and with an unknown outcome
    /// for those that had none yet.
    #[must_use]
    pub fn stopped_at(&self, moment: usize) -> Self {
        let mut entries = self.entries.clone();
        entries.retain(|entry| entry.began <= moment);
        for entry in &mut entries {
            let told = if entry.told.0 > moment { Told::Unknown } else { entry.told.1 };
            (entry.began, entry.told) = (0, (0, told));
        }
        Self { entries }
    }

    /// Records for each transaction with an unknown outcome what a reader found: it must stay so from now on.
    pub fn resolve(&mut self, found: &BTreeMap<TableId, Vec<Row>>) {
        for entry in &mut self.entries {
            if may(entry, usize::MAX - 1) == May::Either {
                let there = entry.rows.iter().any(|(table, rows)| {
                    found.get(table).is_some_and(|found| rows.iter().any(|row| found.contains(row)))
                });
                entry.told.1 = if there { Told::Committed } else { Told::Failed };
            }
        }
    }

    /// Compares the rows that a reader found with those that it may find in a run that stopped at `moment`.
    pub fn compare(&self, found: &BTreeMap<TableId, Vec<Row>>, moment: usize) -> Result<(), String> {
        let mut left: BTreeMap<(TableId, Row), usize> = BTreeMap::new();
        for (table, rows) in found {
            for row in rows {
                *left.entry((*table, *row)).or_default() += 1;
            }
        }
        for (number, entry) in self.entries.iter().enumerate() {
            let all = entry.rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (*table, *row)));
            let mut there = Vec::new();
            let mut absent = Vec::new();
            for place in all {
                match left.remove(&place) {
                    Some(1) => there.push(place),
                    Some(times) => {
                        return Err(format!("transaction {number}: row {place:?} is there {times} times"));
                    }
                    None => absent.push(place),
                }
            }
            match may(entry, moment) {
                May::Must if !absent.is_empty() => {
                    return Err(format!(
                        "transaction {number} was acknowledged and is lost: {} of its rows are missing, {absent:?}",
                        absent.len()
                    ));
                }
                May::MustNot if !there.is_empty() => {
                    return Err(format!("transaction {number} failed, and rows of it are there: {there:?}"));
                }
                May::Either if !there.is_empty() && !absent.is_empty() => {
                    return Err(format!(
                        "transaction {number} is there in part: {} of its rows are there, {} are missing",
                        there.len(),
                        absent.len()
                    ));
                }
                _ => {}
            }
        }
        match left.keys().next() {
            Some(place) => Err(format!("row {place:?} is there, and no transaction wrote it")),
            None => Ok(()),
        }
    }
}

fn may(entry: &Entry, moment: usize) -> May {
    match entry.told {
        _ if entry.began > moment => May::MustNot,
        (told_at, _) if told_at > moment => May::Either,
        (_, Told::Committed) => May::Must,
        (_, Told::Failed) => May::MustNot,
        (_, Told::Unknown | Told::Nothing) => May::Either,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: TableId = TableId::IDENTITY_EDGES;
    const HOLDINGS: TableId = TableId::HOLDINGS;

    fn rows(ids: [i64; 2]) -> BTreeMap<TableId, Vec<Row>> {
        let [first, second] = ids.map(|id| vec![Row { tick: 0, id }]);
        BTreeMap::from([(EDGES, first), (HOLDINGS, second)])
    }

    fn model(told: Told) -> Model {
        let mut model = Model::default();
        let entry = model.begin(rows([1, 2]), 5);
        model.tell(entry, 9, told);
        model
    }

    #[test]
    fn each_way_to_be_wrong_is_told_from_the_others() {
        let whole = rows([1, 2]);
        let half = BTreeMap::from([(EDGES, vec![Row { tick: 0, id: 1 }])]);
        let none = BTreeMap::new();
        let committed = model(Told::Committed);
        committed.compare(&whole, 9).unwrap();
        assert!(committed.compare(&none, 9).unwrap_err().contains("is lost"));
        committed.compare(&none, 8).unwrap();
        committed.compare(&whole, 8).unwrap();
        assert!(committed.compare(&half, 8).unwrap_err().contains("in part"));
        assert!(committed.compare(&whole, 4).unwrap_err().contains("failed"), "not begun yet");
        let failed = model(Told::Failed);
        failed.compare(&none, 9).unwrap();
        assert!(failed.compare(&whole, 9).unwrap_err().contains("failed"));
        model(Told::Unknown).compare(&whole, 9).unwrap();
        let twice = BTreeMap::from([(EDGES, vec![Row { tick: 0, id: 1 }; 2])]);
        assert!(committed.compare(&twice, 9).unwrap_err().contains("2 times"));
        assert!(committed.compare(&rows([1, 3]), 9).is_err());
        let strange = BTreeMap::from([(EDGES, vec![Row { tick: 7, id: 7 }])]);
        assert!(failed.compare(&strange, 9).unwrap_err().contains("no transaction wrote it"));
    }
}
