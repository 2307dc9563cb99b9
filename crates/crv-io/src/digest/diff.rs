//! [`diff`]: where two runs part.

use std::collections::HashMap;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use crv_core::ids::RunId;
use crv_core::tables::TableId;
use serde::Serialize;

use super::encode;
use super::ticks::{Path, TickDigest, Ticks, paths_of};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::read::Scan;

/// What [`diff`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunDiff {
    /// The first run.
    pub left: RunId,
    /// The second run.
    pub right: RunId,
    /// Whether they have the same rows.
    pub equal: bool,
    /// The earliest difference: the lowest tick, and of several tables the first by name.
    pub first: Option<Difference>,
    /// Every table that one of them has, sorted by name.
    pub tables: Vec<TableDiff>,
}

/// A table of two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDiff {
    /// The table.
    pub table: TableId,
    /// Its first difference; `None` if the rows are equal.
    pub first: Option<Difference>,
}

/// The first tick of a table at which two runs differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The table.
    pub table: TableId,
    /// The tick. All earlier ones are equal.
    pub tick: i64,
    /// Rows of the first run at that tick.
    pub left_rows: u64,
    /// Rows of the second run at that tick.
    pub right_rows: u64,
    /// The first row that differs, counted from 0 within the tick, in the order of appending. If one run has more rows, and
    /// they begin equally, it is the first that the other does not have.
    pub row: u64,
    /// The columns and fields in which that row differs; empty if only one run has the row.
    pub columns: Vec<ColumnDifference>,
}

/// The values of a column, or of a field in it, in a row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDifference {
    /// Its path: `additional_payload.price`.
    pub column: String,
    /// The value in the first run, as text.
    pub left: String,
    /// The value in the second run.
    pub right: String,
}

/// Compares the rows of two runs, each as of its newest commit, whatever their layouts: equal means that their digests are
/// equal. The rows of a table are read up to its first difference, those of both runs side by side, in bounded memory.
pub fn diff(left: &Dataset, right: &Dataset) -> Result<RunDiff> {
    let (of_left, of_right) = (left.digested_tables()?, right.digested_tables()?);
    let mut names: Vec<TableId> = of_left.iter().chain(&of_right).copied().collect();
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    let scans = |run: &Dataset, tables: &[TableId]| -> Result<HashMap<TableId, Scan>> {
        Ok(tables.iter().copied().zip(run.scans_at_once(tables)?).collect())
    };
    let (left_scans, right_scans) = (scans(left, &of_left)?, scans(right, &of_right)?);
    let mut tables = Vec::with_capacity(names.len());
    for table in names {
        tables
            .push(TableDiff { table, first: first(table, left_scans.get(&table), right_scans.get(&table))? });
    }
    let differences = tables.iter().filter_map(|table| table.first.as_ref());
    let first = differences.min_by_key(|difference| difference.tick).cloned();
    Ok(RunDiff {
        left: left.run_id().clone(),
        right: right.run_id().clone(),
        equal: first.is_none(),
        first,
        tables,
    })
}

/// The first difference of a table.
fn first(table: TableId, left: Option<&Scan>, right: Option<&Scan>) -> Result<Option<Difference>> {
    let ticks = |scan: Option<&Scan>| scan.map(|scan| Ticks::new(scan.clone()));
    let (mut of_left, mut of_right) = (ticks(left), ticks(right));
    let next = |ticks: &mut Option<Ticks>| match ticks {
        Some(ticks) => ticks.next(),
        None => Ok(None),
    };
    loop {
        let tick = match (next(&mut of_left)?, next(&mut of_right)?) {
            (None, None) => return Ok(None),
            (Some(one), Some(other)) if is_same(one, other) => continue,
            (one, other) => one.into_iter().chain(other).map(|tick| tick.tick).min().unwrap_or_default(),
        };
        // Both stop here: what they read ahead is not needed.
        drop((of_left, of_right));
        return at(table, tick, left, right).map(Some);
    }
}

fn is_same(one: TickDigest, other: TickDigest) -> bool {
    one.tick == other.tick && one.digest == other.digest
}

/// How the rows of one tick differ.
fn at(table: TableId, tick: i64, left: Option<&Scan>, right: Option<&Scan>) -> Result<Difference> {
    let (left, right) = (rows_of(tick, left)?, rows_of(tick, right)?);
    let failed = |why: String| Error::new(ErrorKind::Read, format!("rows cannot be compared: {why}"));
    let both = left.rows.min(right.rows);
    let mut names: Vec<&Column> = left.columns.iter().collect();
    names.extend(right.columns.iter().filter(|column| left.find(column).is_none()));
    let mut row = both;
    let mut columns = Vec::new();
    for name in names {
        let (one, other) = (left.find(name), right.find(name));
        let found = first_row(one, other, row.saturating_add(1).min(both)).map_err(failed)?;
        let Some(found) = found else { continue };
        if found < row {
            (row, columns) = (found, Vec::new());
        }
        // A struct differs where its fields do, if both have it.
        let shown = |column: Option<&Column>| {
            column.map_or_else(|| Ok("null".to_owned()), |column| column.show(found))
        };
        columns.push(ColumnDifference {
            column: name.path.shown.clone(),
            left: shown(one)?,
            right: shown(other)?,
        });
    }
    Ok(Difference {
        table,
        tick,
        left_rows: left.rows as u64,
        right_rows: right.rows as u64,
        row: row as u64,
        columns,
    })
}

/// The rows of a tick.
#[derive(Default)]
struct Rows {
    rows: usize,
    columns: Vec<Column>,
}

/// A column or field, and where it is null.
struct Column {
    path: Path,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
}

impl Rows {
    fn find(&self, column: &Column) -> Option<&Column> {
        self.columns.iter().find(|known| known.path.name == column.path.name)
    }
}

impl Column {
    fn show(&self, row: usize) -> Result<String> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok("null".to_owned());
        }
        let options = FormatOptions::default().with_null("null");
        let values = match self.values.data_type() {
            // As it is known without a list of zones.
            DataType::Timestamp(unit, Some(_)) => {
                cast(&self.values, &DataType::Timestamp(*unit, Some("+00:00".into())))
                    .unwrap_or_else(|_| ArrayRef::clone(&self.values))
            }
            _ => ArrayRef::clone(&self.values),
        };
        let shown =
            ArrayFormatter::try_new(&*values, &options).map(|formatter| formatter.value(row).to_string());
        shown.map_err(|error| Error::new(ErrorKind::Read, format!("a value cannot be shown: {error}")))
    }

    /// What is hashed of one value.
    fn encoded(&self, row: usize) -> Result<Vec<u8>, String> {
        let nulls =
            self.nulls.as_ref().map(|nulls| nulls.slice(row, 1)).filter(|nulls| nulls.null_count() > 0);
        let mut bytes = Vec::new();
        encode::column(&self.values.slice(row, 1), nulls.as_ref(), &mut bytes)?;
        Ok(bytes)
    }
}

/// The first of `rows` rows in which the values differ. A column that is absent is null.
fn first_row(one: Option<&Column>, other: Option<&Column>, rows: usize) -> Result<Option<usize>, String> {
    const ABSENT: &[u8] = &[0];
    for row in 0..rows {
        let bytes = |column: Option<&Column>| {
            column.map_or_else(|| Ok(ABSENT.to_vec()), |column| column.encoded(row))
        };
        if bytes(one)? != bytes(other)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

fn rows_of(tick: i64, scan: Option<&Scan>) -> Result<Rows> {
    let Some(scan) = scan else { return Ok(Rows::default()) };
    let scan = scan.clone().ticks(tick..=tick);
    let schema = scan.schema();
    let batches = scan.batches().collect::<Result<Vec<RecordBatch>>>()?;
    let failed = |why: String| Error::new(ErrorKind::Read, format!("rows cannot be compared: {why}"));
    let rows = concat_batches(&schema, &batches).map_err(|error| failed(error.to_string()))?;
    let columns = paths_of(schema.fields()).into_iter().map(|path| {
        let (values, nulls) = path.column(&rows)?;
        Ok(Column { path, values, nulls })
    });
    Ok(Rows { rows: rows.num_rows(), columns: columns.collect::<Result<_, String>>().map_err(failed)? })
}
