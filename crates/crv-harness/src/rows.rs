//! Converts rows to frames, and reads them back.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::ArrowError;
use crv_core::tables::TableId;
use crv_io::schema::{DeclarationError, Field, FieldType, SchemaError};
use crv_io::{Dataset, Error, ErrorKind, presets};

use crate::model::{Row, tables};

/// The table that the run declares.
pub static AGENTS: LazyLock<TableId> =
    LazyLock::new(|| presets::AGENTS.name.parse().unwrap_or(TableId::HOLDINGS));

/// Columns that are declared beside the others, one after the other.
pub const GROWTH: [&str; 4] = ["mood", "age", "wage", "debt"];

/// Declares the table of agents with the first `more` columns of [`GROWTH`], and columns of narrow types.
pub fn declare(dataset: &Dataset, more: usize) -> Result<(), Error> {
    let column = |name: &str, ty: &str| {
        Ok::<_, Error>(Field::nullable(name, FieldType::parse(ty, name).map_err(declared)?))
    };
    let mut columns = vec![column("agent_id", "i64")?, column("wealth", "f32")?, column("state", "str")?];
    for name in GROWTH.iter().take(more) {
        columns.push(column(name, "u8")?);
    }
    // Another process may have declared more columns since.
    match dataset.declare_columns(*AGENTS, columns, &["agent_id"]) {
        Err(error) if error.kind() == ErrorKind::Schema => Ok(()),
        other => other.map(drop),
    }
}

fn declared(error: SchemaError) -> Error {
    DeclarationError::from(error).into()
}

/// Converts rows to a frame of `table`. The fields of the payloads of `exchange` depend on the id.
pub fn frame(table: TableId, rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let ticks: ArrayRef = Arc::new(rows.iter().map(|row| row.tick).collect::<Int64Array>());
    let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.id).collect::<Int64Array>());
    let floats: ArrayRef = Arc::new(rows.iter().map(|row| row.id as f64).collect::<Float64Array>());
    let text = |text: &str| Arc::new(StringArray::from(vec![text; rows.len()])) as ArrayRef;
    match table {
        table if table == *AGENTS => RecordBatch::try_from_iter([
            ("tick", ticks),
            ("agent_id", numbers),
            ("wealth", floats),
            ("state", text("S")),
        ]),
        TableId::HOLDINGS => RecordBatch::try_from_iter([
            ("tick", ticks),
            ("agent_id", text("A0")),
            ("token_id", text("T0")),
            ("quantity", numbers),
        ]),
        TableId::EXCHANGE => {
            let field = format!("note_{}", rows.first().map_or(0, |row| row.id % 5));
            let payload = StructArray::try_from(vec![(field.as_str(), Arc::clone(&numbers))])?;
            RecordBatch::try_from_iter([
                ("tick", ticks),
                ("venue_id", text("V0")),
                ("token_id", text("T0")),
                ("exchange_event_type", text("trade")),
                ("quantity", floats),
                ("additional_payload", Arc::new(payload)),
            ])
        }
        other => Err(ArrowError::NotYetImplemented(format!("the harness writes no rows of `{other}`"))),
    }
}

/// Reads every row of `table`; `None` if it was never written.
pub fn read(dataset: &Dataset, table: TableId) -> Result<Option<Vec<Row>>, String> {
    let scan = match dataset.scan(table) {
        Ok(scan) => scan,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("`{table}` cannot be read: {error}")),
    };
    let name = if table == *AGENTS { "agent_id" } else { "quantity" };
    let scan = scan.columns(&["tick", name]).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for batch in scan.batches() {
        let batch = batch.map_err(|error| format!("`{table}` cannot be read: {error}"))?;
        let ticks = batch.column_by_name("tick").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let column = batch.column_by_name(name);
        let whole = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
        let float = column.and_then(|column| column.as_primitive_opt::<Float64Type>());
        let ids: Vec<i64> = match (whole, float) {
            (Some(ids), _) => ids.values().to_vec(),
            (None, Some(ids)) => ids.values().iter().map(|id| *id as i64).collect(),
            (None, None) => return Err(format!("`{table}` has no numbers in `{name}`")),
        };
        let ticks = ticks.ok_or_else(|| format!("`{table}` has no ticks"))?.values();
        rows.extend(ticks.iter().zip(ids).map(|(tick, id)| Row { tick: *tick, id }));
    }
    Ok(Some(rows))
}

/// Reads every checkpoint of the simulation's state: its tick, and the number that [`state`] made it from.
pub fn checkpoints(dataset: &Dataset) -> Result<Vec<Row>, String> {
    let table = TableId::MODEL_STATE;
    let scan = match dataset.scan(table) {
        Ok(scan) => scan,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("`{table}` cannot be read: {error}")),
    };
    let mut found = Vec::new();
    for batch in scan.batches() {
        let batch = batch.map_err(|error| format!("`{table}` cannot be read: {error}"))?;
        let ticks = batch.column_by_name("tick").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let states = batch.column_by_name("state").and_then(|column| column.as_binary_opt::<i32>());
        let (Some(ticks), Some(states)) = (ticks, states) else {
            return Err(format!("`{table}` has other columns"));
        };
        for (tick, state) in ticks.values().iter().zip(states) {
            let number = state.and_then(|state| state.try_into().ok()).map(i64::from_le_bytes);
            found
                .push(Row { tick: *tick, id: number.ok_or_else(|| format!("`{table}` has another state"))? });
        }
    }
    let latest = dataset.latest_checkpoint().map_err(|error| format!("no latest checkpoint: {error}"))?;
    if latest.map(|latest| latest.tick) != found.iter().map(|row| row.tick).max() {
        return Err("the latest checkpoint is not the one of the last tick".to_owned());
    }
    Ok(found)
}

/// The state of a simulation, made from a number.
pub fn state(number: i64) -> [u8; 8] {
    number.to_le_bytes()
}

/// Returns the first of the first `must` columns of [`GROWTH`] that is not declared.
pub fn missing_column(dataset: &Dataset, must: usize) -> Result<Option<&'static str>, String> {
    let Some(first) = GROWTH.first().filter(|_| must > 0) else { return Ok(None) };
    let declared = match dataset.descriptor(*AGENTS) {
        Ok(declared) => declared,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(first)),
        Err(error) => return Err(format!("the declaration cannot be read: {error}")),
    };
    Ok(GROWTH.into_iter().take(must).find(|name| declared.column(name).is_none()))
}

/// Reads every row of every table that was written.
pub fn read_all(dataset: &Dataset) -> Result<BTreeMap<TableId, Vec<Row>>, String> {
    let mut found = BTreeMap::new();
    for table in tables() {
        if let Some(rows) = read(dataset, table)? {
            found.insert(table, rows);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crv_io::config::FsProtocol;
    use crv_io::{AppendOptions, IoSettings};

    use super::*;

    #[test]
    fn rows_come_back_from_every_table() {
        let settings = IoSettings::default().with_fs_protocol(FsProtocol::Memory);
        let dataset = Dataset::open(settings.with_root_dir("harness-rows").unwrap(), "run").unwrap();
        let rows = [Row { tick: 3, id: 12 }, Row { tick: 150, id: 13 }];
        for table in tables() {
            assert_eq!(read(&dataset, table).unwrap(), None);
            if table == *AGENTS {
                declare(&dataset, 0).unwrap();
            }
            dataset.append(table, frame(table, &rows).unwrap(), AppendOptions::default()).unwrap();
            assert_eq!(read(&dataset, table).unwrap().unwrap(), rows);
        }
        assert_eq!(read_all(&dataset).unwrap().len(), 3);
    }
}
