//! What must be in the tables: every transaction that was begun, and the outcome that its writer got.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use crv_io::{Error, ErrorKind};

/// The tables the harness writes to: one that the run declares, a canonical one, and one whose payloads differ.
pub fn tables() -> [TableId; 3] {
    [*crate::rows::AGENTS, TableId::HOLDINGS, TableId::EXCHANGE]
}

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
    /// Whether the state of the simulation came with it.
    checkpoint: bool,
    /// When it began and when it ended, on the model's clock. A crash does not change it.
    order: Span,
}

/// A truncation that was begun.
#[derive(Debug, Clone)]
struct Truncation {
    /// The last tick that is kept.
    after: i64,
    began: usize,
    told: (usize, Told),
    order: Span,
}

/// The beginning and the end of what a process did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: usize,
    to: usize,
}

/// Whether a row was taken out by a truncation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gone {
    No,
    Maybe,
    Yes,
}

/// All transactions of all writers, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The transactions.
    pub entries: Vec<Entry>,
    /// How many further columns were declared, and the moment at which that was acknowledged.
    pub grown: Vec<(usize, usize)>,
    truncations: Vec<Truncation>,
    /// The model's clock: counts beginnings and ends.
    clock: usize,
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
        self.push(rows, moment, false)
    }

    /// Records a transaction with the state of the simulation. Returns its index.
    pub fn begin_checkpoint(&mut self, rows: BTreeMap<TableId, Vec<Row>>, moment: usize) -> usize {
        self.push(rows, moment, true)
    }

    fn push(&mut self, rows: BTreeMap<TableId, Vec<Row>>, moment: usize, checkpoint: bool) -> usize {
        let (told, order) = ((usize::MAX, Told::Nothing), self.now());
        self.entries.push(Entry { rows, began: moment, told, checkpoint, order });
        self.entries.len() - 1
    }

    /// Records the outcome that its writer got at `moment`.
    pub fn tell(&mut self, entry: usize, moment: usize, told: Told) {
        self.clock += 1;
        if let Some(entry) = self.entries.get_mut(entry) {
            entry.told = (moment, told);
            entry.order.to = self.clock;
        }
    }

    /// The same, unless an outcome is recorded already.
    pub fn tell_first(&mut self, entry: usize, moment: usize, told: Told) {
        if self.entries.get(entry).is_some_and(|entry| entry.told.1 == Told::Nothing) {
            self.tell(entry, moment, told);
        }
    }

    /// Records a truncation that begins at `moment`. Returns its index.
    pub fn begin_truncation(&mut self, after: i64, moment: usize) -> usize {
        let order = self.now();
        self.truncations.push(Truncation { after, began: moment, told: (usize::MAX, Told::Nothing), order });
        self.truncations.len() - 1
    }

    /// Records the outcome of a truncation that its caller got at `moment`.
    pub fn tell_truncation(&mut self, truncation: usize, moment: usize, told: Told) {
        self.clock += 1;
        if let Some(truncation) = self.truncations.get_mut(truncation) {
            truncation.told = (moment, told);
            truncation.order.to = self.clock;
        }
    }

    /// A span that begins now and has no end yet.
    fn now(&mut self) -> Span {
        self.clock += 1;
        Span { from: self.clock, to: usize::MAX }
    }

    /// Returns whether a truncation took out this row of `entry`, as far as that is known at `moment`.
    fn gone(&self, entry: &Entry, row: Row, moment: usize) -> Gone {
        let beyond = self.truncations.iter().filter(|truncation| row.tick > truncation.after);
        beyond.map(|truncation| gone_by(truncation, entry, moment)).max().unwrap_or(Gone::No)
    }

    /// Returns how many transactions are acknowledged, and how many have begun, at `moment`.
    pub fn known_at(&self, moment: usize) -> (usize, usize) {
        let acknowledged = |entry: &&Entry| entry.told.1 == Told::Committed && entry.told.0 <= moment;
        let begun = |entry: &&Entry| entry.began <= moment;
        (self.entries.iter().filter(acknowledged).count(), self.entries.iter().filter(begun).count())
    }

    /// Returns whether any row of `table` is acknowledged at `moment`.
    pub fn must_have(&self, table: TableId, moment: usize) -> bool {
        self.entries.iter().any(|entry| {
            let rows = entry.rows.get(&table).into_iter().flatten();
            let stays = |row: &Row| self.gone(entry, *row, moment) == Gone::No;
            may(entry, moment) == May::Must && rows.clone().any(stays)
        })
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
            entry.order.to = entry.order.to.min(self.clock);
        }
        let mut truncations = self.truncations.clone();
        truncations.retain(|truncation| truncation.began <= moment);
        for truncation in &mut truncations {
            let told = if truncation.told.0 > moment { Told::Unknown } else { truncation.told.1 };
            (truncation.began, truncation.told) = (0, (0, told));
            truncation.order.to = truncation.order.to.min(self.clock);
        }
        let mut grown = self.grown.clone();
        grown.retain(|(_, told_at)| *told_at <= moment);
        for (_, told_at) in &mut grown {
            *told_at = 0;
        }
        Self { entries, grown, truncations, clock: self.clock }
    }

    /// Returns how many further columns must be declared at `moment`.
    pub fn columns_at(&self, moment: usize) -> usize {
        let told = self.grown.iter().filter(|(_, told_at)| *told_at <= moment);
        told.map(|(columns, _)| *columns).max().unwrap_or(0)
    }

    /// Records for each transaction with an unknown outcome what a reader found: it must stay so from now on.
    pub fn resolve(&mut self, found: &BTreeMap<TableId, Vec<Row>>) {
        self.resolve_truncations(found);
        for entry in &mut self.entries {
            if may(entry, usize::MAX - 1) == May::Either {
                let there = entry.rows.iter().any(|(table, rows)| {
                    found.get(table).is_some_and(|found| rows.iter().any(|row| found.contains(row)))
                });
                entry.told.1 = if there { Told::Committed } else { Told::Failed };
            }
        }
    }

    /// Records for each truncation with an unknown outcome whether rows that it would take out were found.
    fn resolve_truncations(&mut self, found: &BTreeMap<TableId, Vec<Row>>) {
        for index in 0..self.truncations.len() {
            let truncation = &self.truncations[index];
            if !matches!(truncation.told.1, Told::Unknown | Told::Nothing) {
                continue;
            }
            let model = &*self;
            let others = || model.truncations.iter().enumerate().filter(|(other, _)| *other != index);
            let is_affected = |entry: &Entry, row: &Row| {
                let mut others = others().filter(|(_, other)| row.tick > other.after);
                row.tick > truncation.after
                    && others.all(|(_, other)| gone_by(other, entry, usize::MAX - 1) == Gone::No)
            };
            let earlier = model
                .entries
                .iter()
                .filter(|entry| entry.told.1 == Told::Committed && entry.order.to <= truncation.order.from);
            let rows = earlier.flat_map(|entry| {
                let rows =
                    entry.rows.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (*table, *row)));
                rows.map(move |place| (entry, place))
            });
            let affected =
                rows.filter(|(entry, (_, row))| is_affected(entry, row)).map(|(_, place)| place).next();
            let Some((table, row)) = affected else { continue };
            let is_there = found.get(&table).is_some_and(|rows| rows.contains(&row));
            self.truncations[index].told.1 = if is_there { Told::Failed } else { Told::Committed };
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
                let gone = self.gone(entry, place.1, moment);
                match left.remove(&place) {
                    Some(_) if gone == Gone::Yes => {
                        return Err(format!(
                            "transaction {number}: row {place:?} was truncated and is there"
                        ));
                    }
                    Some(1) if gone == Gone::Maybe => {}
                    None if gone != Gone::No => {}
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

    /// Compares the checkpoints that a reader found with the rows that it found: each comes with the rows of its
    /// transaction, and the last one that was acknowledged is there unless a truncation took it out.
    pub fn compare_checkpoints(
        &self,
        found: &BTreeMap<TableId, Vec<Row>>,
        checkpoints: &[Row],
        moment: usize,
    ) -> Result<(), String> {
        for (at, checkpoint) in checkpoints.iter().enumerate() {
            if checkpoints[..at].contains(checkpoint) {
                return Err(format!("checkpoint {checkpoint:?} is there twice"));
            }
            if !found.values().flatten().any(|row| row == checkpoint) {
                return Err(format!("checkpoint {checkpoint:?} is there, and the rows of its tick are not"));
            }
        }
        let of_checkpoints = || self.entries.iter().filter(|entry| entry.checkpoint);
        for entry in of_checkpoints().filter(|entry| may(entry, moment) == May::Must) {
            let is_dropped = of_checkpoints()
                .filter(|other| other.order != entry.order)
                .any(|other| may(other, moment) != May::MustNot && other.order.to > entry.order.from);
            let mut rows = entry.rows.values().flatten();
            let lost = rows.find(|row| {
                self.gone(entry, **row, moment) == Gone::No && !checkpoints.contains(row) && !is_dropped
            });
            if let Some(row) = lost {
                return Err(format!("checkpoint {row:?} was acknowledged and is lost"));
            }
        }
        Ok(())
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

fn gone_by(truncation: &Truncation, entry: &Entry, moment: usize) -> Gone {
    let is_earlier = entry.order.to <= truncation.order.from;
    let is_later = entry.order.from >= truncation.order.to;
    match truncation.told {
        _ if truncation.began > moment || is_later => Gone::No,
        (told_at, _) if told_at > moment => Gone::Maybe,
        (_, Told::Failed) => Gone::No,
        (_, Told::Committed) if is_earlier => Gone::Yes,
        _ => Gone::Maybe,
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
    fn a_truncated_row_must_be_gone_and_a_later_one_must_stay() {
        let row = |tick, id| BTreeMap::from([(HOLDINGS, vec![Row { tick, id }])]);
        let mut model = Model::default();
        for (tick, id) in [(1, 1), (5, 2)] {
            let entry = model.begin(row(tick, id), 0);
            model.tell(entry, 1, Told::Committed);
        }
        let truncation = model.begin_truncation(3, 2);
        model.compare(&BTreeMap::from([(HOLDINGS, vec![Row { tick: 1, id: 1 }])]), 2).unwrap();
        model.tell_truncation(truncation, 4, Told::Committed);
        let entry = model.begin(row(5, 3), 5);
        model.tell(entry, 6, Told::Committed);
        let rows = |ids: &[(i64, i64)]| {
            BTreeMap::from([(HOLDINGS, ids.iter().map(|(tick, id)| Row { tick: *tick, id: *id }).collect())])
        };
        model.compare(&rows(&[(1, 1), (5, 3)]), 6).unwrap();
        assert!(model.compare(&rows(&[(1, 1), (5, 2), (5, 3)]), 6).unwrap_err().contains("was truncated"));
        assert!(model.compare(&rows(&[(1, 1)]), 6).unwrap_err().contains("is lost"));
        assert!(model.compare(&rows(&[(5, 3)]), 6).unwrap_err().contains("is lost"));
        // After a crash before its end, the truncation took out both rows or none.
        let mut crashed = model.stopped_at(3);
        crashed.compare(&rows(&[(1, 1), (5, 2)]), 0).unwrap();
        crashed.compare(&rows(&[(1, 1)]), 0).unwrap();
        crashed.resolve(&rows(&[(1, 1)]));
        assert!(crashed.compare(&rows(&[(1, 1), (5, 2)]), 0).unwrap_err().contains("was truncated"));
    }

    #[test]
    fn a_checkpoint_comes_with_its_rows_and_the_last_one_stays() {
        let row = |tick, id| Row { tick, id };
        let mut model = Model::default();
        for (tick, id) in [(1, 1), (2, 2)] {
            let entry = model.begin_checkpoint(BTreeMap::from([(HOLDINGS, vec![row(tick, id)])]), 0);
            model.tell(entry, 1, Told::Committed);
        }
        let found = BTreeMap::from([(HOLDINGS, vec![row(1, 1), row(2, 2)])]);
        let compare = |model: &Model, checkpoints: &[Row]| model.compare_checkpoints(&found, checkpoints, 2);
        compare(&model, &[row(1, 1), row(2, 2)]).unwrap();
        compare(&model, &[row(2, 2)]).unwrap();
        assert!(compare(&model, &[row(1, 1)]).unwrap_err().contains("is lost"));
        assert!(compare(&model, &[row(2, 2), row(2, 2)]).unwrap_err().contains("is there twice"));
        assert!(compare(&model, &[row(2, 2), row(3, 3)]).unwrap_err().contains("of its tick are not"));
        let truncation = model.begin_truncation(1, 2);
        compare(&model, &[]).unwrap();
        model.tell_truncation(truncation, 2, Told::Failed);
        assert!(compare(&model, &[]).unwrap_err().contains("is lost"));
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
