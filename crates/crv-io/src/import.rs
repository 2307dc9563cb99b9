//! Rows of many runs that another program wrote: [`import_runs`] makes a run of each.

use std::collections::{BTreeMap, HashMap};

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::take::take_record_batch;
use crv_core::ids::RunId;
use crv_core::suggest::nearest;
use crv_core::tables::TableId;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::config::IoSettings;
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel;
use crate::paths::normalize_run_id;
use crate::run::{ModelOptions, Outcome, RemoveOptions, Run, RunOptions, remove_run, start_run};
use crate::write::AppendOptions;

const TICK: &str = "tick";

/// Which columns of the rows say what.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The column with a row's run: a text or an integer.
    pub run_column: String,
    /// The column with a row's tick.
    pub tick_column: String,
    /// The table of the other columns.
    pub table: TableId,
    /// Columns that are parameters: each has one value in a run.
    pub params: Vec<String>,
    /// What the ids of the runs begin with, before the value of the run column.
    pub prefix: String,
    /// The sweep of the runs.
    pub sweep: Option<String>,
    /// The model of the runs.
    pub model: Option<String>,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportSummary {
    /// The table.
    pub table: TableId,
    /// Rows of all runs.
    pub rows: u64,
    /// The runs, in the order of their first rows.
    pub runs: Vec<ImportedRun>,
}

/// A run that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedRun {
    /// The run.
    pub run_id: RunId,
    /// Its rows.
    pub rows: u64,
}

/// The rows of one run: for each batch its rows.
struct Group {
    run_id: RunId,
    params: Map<String, Value>,
    rows: BTreeMap<usize, Vec<u32>>,
}

/// Makes a run of the rows of each value of the run column: one commit each, in the order of the rows. The table is declared
/// with the types of the columns.
///
/// Either all runs are made, or none: nothing is written before all rows were looked at, and after an error the runs that
/// this call made are removed. Errors are of kind [`Argument`](ErrorKind::Argument) if a column is missing, a run or a
/// tick is null, a parameter has two values in a run, or there is such a run already; of kind
/// [`Schema`](ErrorKind::Schema) if the rows do not fit a table.
pub fn import_runs(
    settings: &IoSettings,
    rows: &[RecordBatch],
    options: &ImportOptions,
) -> Result<ImportSummary> {
    let groups = groups(rows, options)?;
    for group in &groups {
        if Dataset::open(settings.clone(), group.run_id.as_str())?.exists()? {
            let text = format!("there is a run `{}` already", group.run_id);
            return Err(Error::argument(text).with_hint("choose another prefix or root, or remove the run"));
        }
    }
    let made = parallel::map(&groups, parallel::computing(), |group| {
        Ok::<_, Error>(make(settings, rows, group, options))
    })?;
    let (mut runs, mut failed) = (Vec::with_capacity(groups.len()), None);
    for (group, outcome) in groups.iter().zip(made) {
        match outcome {
            Ok(rows) => runs.push(ImportedRun { run_id: group.run_id.clone(), rows }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(error) = failed {
        for run in runs {
            // Error ignored: the first one says what is wrong.
            let _ = remove_run(settings, run.run_id.as_str(), RemoveOptions::default());
        }
        return Err(error);
    }
    Ok(ImportSummary { table: options.table, rows: runs.iter().map(|run| run.rows).sum(), runs })
}

/// Makes one run. After an error it is not there.
fn make(
    settings: &IoSettings,
    batches: &[RecordBatch],
    group: &Group,
    options: &ImportOptions,
) -> Result<u64> {
    let about = RunOptions {
        run_id: Some(group.run_id.to_string()),
        params: group.params.clone(),
        sweep: options.sweep.clone(),
        model: ModelOptions { name: options.model.clone(), ..ModelOptions::default() },
        ..RunOptions::default()
    };
    let run = start_run(settings, &about)?;
    let written = write(&run, batches, group, options).and_then(|rows| {
        run.finish(Outcome::Succeeded)?;
        Ok(rows)
    });
    written.inspect_err(|_| {
        // Errors ignored: the first one says what is wrong.
        let _ = run.finish(Outcome::Aborted);
        let _ = remove_run(settings, group.run_id.as_str(), RemoveOptions::default());
    })
}

fn write(run: &Run, batches: &[RecordBatch], group: &Group, options: &ImportOptions) -> Result<u64> {
    let mut transaction = run.dataset().transaction();
    let mut rows = 0;
    for (batch, wanted) in &group.rows {
        let Some(batch) = batches.get(*batch) else { continue };
        let taken = take_record_batch(batch, &UInt32Array::from(wanted.clone()));
        let frame =
            taken.map_err(|error| arrow(&group.run_id, &error)).and_then(|rows| table(&rows, options))?;
        rows += frame.num_rows() as u64;
        if options.table.canonical().is_none() {
            run.dataset().declare_missing(options.table, frame.schema_ref())?;
        }
        transaction.append(options.table, frame, AppendOptions::default())?;
    }
    transaction.commit()?;
    Ok(rows)
}

fn arrow(run: &RunId, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Schema, format!("run `{run}`: {error}"))
}

/// The rows as those of the table: the tick, and the columns that are neither the run nor parameters.
fn table(rows: &RecordBatch, options: &ImportOptions) -> Result<RecordBatch> {
    let ticks = ticks(rows, options)?;
    let mut fields = vec![Field::new(TICK, DataType::Int64, false)];
    let mut columns: Vec<ArrayRef> = vec![ticks];
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        let name = field.name();
        let is_said =
            *name == options.run_column || *name == options.tick_column || options.params.contains(name);
        // The type of a column without a value is not known.
        if !is_said && *field.data_type() != DataType::Null {
            fields.push(Field::new(name, field.data_type().clone(), true));
            columns.push(std::sync::Arc::clone(column));
        }
    }
    RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::new(ErrorKind::Schema, error.to_string()))
}

/// The ticks, as integers: floats that are whole become such.
fn ticks(rows: &RecordBatch, options: &ImportOptions) -> Result<ArrayRef> {
    let column = column(rows, &options.tick_column)?;
    let bad = |row: usize, why: &str| {
        Error::argument(format!("column `{}`: the tick of row {row} {why}", options.tick_column))
            .with_hint("a tick is a whole number, at least 0")
    };
    if let Some(row) = (0..column.len()).find(|row| column.is_null(*row)) {
        return Err(bad(row, "is null"));
    }
    if let Some(floats) = column.as_primitive_opt::<Float64Type>()
        && let Some(row) = floats.values().iter().position(|tick| tick.fract() != 0.0 || !tick.is_finite())
    {
        return Err(bad(row, &format!("is {}", floats.value(row))));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let ticks = cast_with_options(column, &DataType::Int64, &strict).map_err(|error| {
        Error::argument(format!("column `{}` has no ticks: {error}", options.tick_column))
            .with_hint("a tick is a whole number, at least 0")
    })?;
    let negative = ticks.as_primitive::<Int64Type>().values().iter().position(|tick| *tick < 0);
    negative.map_or_else(|| Ok(std::sync::Arc::clone(&ticks)), |row| Err(bad(row, "is negative")))
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    rows.column_by_name(name).ok_or_else(|| {
        let schema = rows.schema_ref();
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let error = Error::argument(format!("the rows have no column `{name}`"));
        match nearest(name, known.iter().copied()) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint(format!("their columns are {}", known.join(", "))),
        }
    })
}

/// The rows by their runs, in the order of the first row of each.
fn groups(batches: &[RecordBatch], options: &ImportOptions) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut ids: HashMap<RunId, String> = HashMap::new();
    for (at, batch) in batches.iter().enumerate() {
        let runs = column(batch, &options.run_column)?;
        ticks(batch, options)?;
        let params = options.params.iter().map(|name| Ok((name, column(batch, name)?)));
        let params: Vec<(&String, &ArrayRef)> = params.collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            let value = text(runs, row).ok_or_else(|| {
                Error::argument(format!(
                    "column `{}`: the run of row {row} is null, or no text and no integer",
                    options.run_column
                ))
            })?;
            let place = known.get(&value).copied().unwrap_or(groups.len());
            if place == groups.len() {
                let run_id = normalize_run_id(&format!("{}{value}", options.prefix))?;
                if let Some(other) = ids.insert(run_id.clone(), value.clone()) {
                    let text = format!("`{other}` and `{value}` would both be run `{run_id}`");
                    return Err(Error::argument(text).with_hint("give one of them another name in the file"));
                }
                groups.push(Group { run_id, params: Map::new(), rows: BTreeMap::new() });
                known.insert(value, place);
            }
            let Some(group) = groups.get_mut(place) else { continue };
            for (name, values) in &params {
                let value = json(values, row);
                match group.params.get(*name) {
                    Some(earlier) if *earlier != value => {
                        let text = format!(
                            "run `{}`: parameter `{name}` is {earlier} in one row, and {value} in row {row}",
                            group.run_id
                        );
                        return Err(Error::argument(text)
                            .with_hint("a parameter has one value in a run; leave it to the table"));
                    }
                    Some(_) => {}
                    None => drop(group.params.insert((*name).clone(), value)),
                }
            }
            group.rows.entry(at).or_default().push(row as u32);
        }
    }
    Ok(groups)
}

/// The value as text, if it is a text or an integer.
fn text(column: &ArrayRef, row: usize) -> Option<String> {
    match json(column, row) {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Number(number) => {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15)?;
            Some(format!("{float:.0}"))
        }
        _ => None,
    }
}

/// The value as JSON; what JSON cannot hold as text.
fn json(column: &ArrayRef, row: usize) -> Value {
    fn number<T: ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> Option<T::Native> {
        column.as_primitive_opt::<T>().map(|values| values.value(row))
    }
    if column.is_null(row) {
        return Value::Null;
    }
    if let Some(integer) = number::<Int64Type>(column, row) {
        return integer.into();
    }
    if let Some(float) = number::<Float64Type>(column, row) {
        return Number::from_f64(float).map_or_else(|| Value::String(float.to_string()), Value::Number);
    }
    if let Some(flags) = column.as_boolean_opt() {
        return flags.value(row).into();
    }
    let one = column.slice(row, 1);
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    for wanted in [DataType::Int64, DataType::Float64, DataType::Utf8] {
        let is_number = column.data_type().is_numeric();
        if (wanted == DataType::Utf8 || is_number)
            && let Ok(cast) = cast_with_options(&one, &wanted, &strict)
        {
            return match wanted {
                DataType::Utf8 => cast.as_string::<i32>().value(0).into(),
                _ => json(&cast, 0),
            };
        }
    }
    Value::Null
}
