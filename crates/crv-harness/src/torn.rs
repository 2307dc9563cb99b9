//! A tick that is torn by the bound of a buffered writer, and what its caller does after a failed write.

use std::collections::BTreeMap;

use crv_core::tables::TableId;
use crv_io::{AppendOptions, Dataset, Error, ErrorKind, Writer, WriterOptions};

use crate::machine::Machine;
use crate::model::{Row, Told, tables};
use crate::rows;

/// A tick with a row for each table, through a writer that buffers at most two rows: the third append flushes the
/// rows of the first two tables, in the middle of the tick.
#[derive(Debug)]
pub struct Torn {
    writer: Writer,
    rows: BTreeMap<TableId, Vec<Row>>,
    /// The commits of the tick in the model: its first two tables, and the third.
    entries: [usize; 2],
    /// Whether the first is committed.
    is_out: bool,
}

impl Torn {
    /// Begins the tick.
    pub fn begin(machine: &Machine, dataset: &Dataset, tick: i64) -> Result<Self, Error> {
        if matches!(dataset.descriptor(*rows::AGENTS), Err(error) if error.kind() == ErrorKind::NotFound) {
            rows::declare(dataset, 0)?;
        }
        let rows = machine.rows(&tables(), &[tick]);
        let of = |range: &[TableId]| {
            let of = rows.iter().filter(|(table, _)| range.contains(table));
            of.map(|(table, rows)| (*table, rows.clone())).collect::<BTreeMap<_, _>>()
        };
        let tables = tables();
        let (first, second) = tables.split_at(2);
        let moment = machine.moment();
        let entries = [first, second].map(|tables| machine.model().begin(of(tables), moment));
        let writer = dataset.writer(WriterOptions::default().with_max_rows(2)?);
        Ok(Self { writer, rows, entries, is_out: false })
    }

    /// Writes the tick, or what is left of it, and records the outcome in the model. After an error with a known
    /// outcome, the rows of the tick that are still buffered are abandoned.
    pub fn go_on(&mut self, machine: &Machine) -> Result<(), Error> {
        if !self.is_out {
            let outcome = self.first();
            self.tell(machine, 0, &outcome)?;
            self.is_out = true;
        }
        let outcome = self.second();
        self.tell(machine, 1, &outcome)
    }

    fn first(&mut self) -> Result<(), Error> {
        if self.writer.in_doubt().is_some() {
            // When this succeeds, the rows are in the store, once.
            return self.writer.flush().map(drop);
        }
        tables().into_iter().try_for_each(|table| self.append(table))
    }

    fn second(&mut self) -> Result<(), Error> {
        // The row of the third table is buffered if its append met the bound. It is not after an abandoned tick, or
        // if that append failed with an unknown outcome.
        if self.writer.in_doubt().is_none() && self.writer.buffered_rows() == 0 {
            self.append(tables()[2])?;
        }
        self.writer.flush().map(drop)
    }

    fn append(&mut self, table: TableId) -> Result<(), Error> {
        let rows = self.rows.get(&table).map_or(&[][..], Vec::as_slice);
        let frame = rows::frame(table, rows)
            .map_err(|error| Error::new(ErrorKind::Argument, format!("the harness: {error}")))?;
        self.writer.append(table, frame, AppendOptions::default()).map(drop)
    }

    fn tell(&mut self, machine: &Machine, entry: usize, outcome: &Result<(), Error>) -> Result<(), Error> {
        let told = Told::of(outcome);
        let moment = machine.moment();
        machine.model().tell(self.entries[entry], moment, told);
        let Err(error) = outcome else { return Ok(()) };
        if told == Told::Failed {
            self.writer.abandon_tick();
            if self.writer.buffered_rows() > 0 {
                let text =
                    format!("{} rows are left of a tick that was abandoned", self.writer.buffered_rows());
                return Err(Error::new(ErrorKind::Schema, text));
            }
        }
        Err(Error::new(error.kind(), error.to_string()))
    }
}
