//! Runs as a table of Arrow columns.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_ord::sort::{SortColumn, lexsort_to_indices};
use arrow_schema::{DataType, Field, Fields, Schema, SortOptions};
use crv_core::suggest::nearest;
use serde_json::Value;

use super::row::RunRow;
use crate::error::{Error, ErrorKind, Result};
use crate::json_column::Column;
use crate::stamp;

/// Other names of columns, as users say them.
const ALIASES: [(&str, &str); 4] =
    [("id", "run_id"), ("status", "state"), ("created", "created_at"), ("ended", "ended_at")];

/// What the columns of parameters begin with.
pub(super) const PARAMS: &str = "params.";

/// The rows as a table: see [`Catalog::frame`](super::Catalog::frame).
pub(super) fn of(rows: &[&RunRow]) -> Result<RecordBatch> {
    some(rows, |_| true)
}

/// Those columns of the table that one of these names may stand for, beside the ids.
pub(super) fn named(rows: &[&RunRow], names: &[&str]) -> Result<RecordBatch> {
    let alias = |name: &str| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, column)| *column);
    some(rows, |column| {
        let bare = column.strip_prefix(PARAMS);
        column == "run_id"
            || names.iter().any(|name| *name == column || Some(*name) == bare || alias(name) == Some(column))
    })
}

fn some(rows: &[&RunRow], wanted: impl Fn(&str) -> bool) -> Result<RecordBatch> {
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut add = |name: &str, column: &dyn Fn() -> ArrayRef| {
        if wanted(name) {
            columns.push((name.to_owned(), column()));
        }
    };
    let created = || rows.iter().map(|row| row.created_at.as_deref().and_then(micros));
    let ended = || rows.iter().map(|row| row.ended_at.as_deref().and_then(micros));
    let durations = || -> ArrayRef {
        let between = created().zip(ended()).map(|(from, to)| Some((to? - from?) as f64 / 1e6));
        Arc::new(between.collect::<Float64Array>())
    };
    add("run_id", &|| texts(rows, |row| Some(row.run_id.as_str())));
    add("state", &|| texts(rows, |row| row.state.map(super::RunCondition::as_str)));
    add("created_at", &|| instants(created().collect()));
    add("ended_at", &|| instants(ended().collect()));
    add("duration_s", &durations);
    add("seed", &|| seeds(rows));
    add("sweep", &|| texts(rows, |row| row.sweep.as_deref()));
    add("tags", &|| lists(rows, |row| row.tags.iter().map(String::as_str).collect()));
    for name in params(rows) {
        add(&format!("{PARAMS}{name}"), &|| param(rows, name));
    }
    add("tables", &|| lists(rows, |row| row.tables.iter().map(|table| table.table.as_str()).collect()));
    add("rows", &|| integers(rows, |row| i64::try_from(row.rows).ok()));
    add("bytes", &|| integers(rows, |row| i64::try_from(row.bytes).ok()));
    add("tick_min", &|| integers(rows, |row| row.tick_min));
    add("tick_max", &|| integers(rows, |row| row.tick_max));
    add("commit", &|| integers(rows, |row| i64::try_from(row.commit).ok()));
    add("model", &|| texts(rows, |row| row.model.as_deref()));
    add("model_version", &|| texts(rows, |row| row.model_version.as_deref()));
    add("model_commit", &|| texts(rows, |row| row.model_commit.as_deref()));
    add("problem", &|| texts(rows, |row| row.problem.as_deref()));
    let fields = columns.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Error::new(ErrorKind::Read, format!("the runs are no table: {error}")))
}

/// The table, with JSON text in place of structs without fields.
pub(super) fn for_parquet(rows: &[&RunRow]) -> Result<RecordBatch> {
    fn is_empty_struct(data_type: &DataType) -> bool {
        match data_type {
            DataType::Struct(fields) => {
                fields.is_empty() || fields.iter().any(|field| is_empty_struct(field.data_type()))
            }
            DataType::List(item) => is_empty_struct(item.data_type()),
            _ => false,
        }
    }
    let table = of(rows)?;
    let columns = table.schema_ref().fields().iter().zip(table.columns()).map(|(field, column)| {
        let param = field.name().strip_prefix(PARAMS).filter(|_| is_empty_struct(column.data_type()));
        let column = param.map_or_else(|| Arc::clone(column), |name| json_texts(rows, name));
        (field.name().clone(), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>())
        .map_err(|error| Error::new(ErrorKind::Read, format!("the runs are no table: {error}")))
}

/// The values of a parameter as JSON text.
fn json_texts(rows: &[&RunRow], name: &str) -> ArrayRef {
    let values = rows.iter().map(|row| row.params.get(name).filter(|value| !value.is_null()));
    Arc::new(values.map(|value| value.map(ToString::to_string)).collect::<StringArray>())
}

/// The column that `name` stands for, with or without `params.`, or one of its other names; `None` if there is none.
pub(super) fn resolve(fields: &Fields, name: &str) -> Option<String> {
    let known = |name: &str| fields.iter().any(|field| field.name() == name);
    let param = format!("{PARAMS}{name}");
    match ALIASES.iter().find(|(alias, _)| *alias == name) {
        _ if known(name) => Some(name.to_owned()),
        _ if known(&param) => Some(param),
        Some((_, column)) => Some((*column).to_owned()),
        None => None,
    }
}

/// See [`Catalog::sorted`](super::Catalog::sorted).
pub(super) fn sorted(rows: Vec<RunRow>, by: &[(&str, bool)]) -> Result<Vec<RunRow>> {
    let frame = of(&rows.iter().collect::<Vec<_>>())?;
    let column = |(name, descending): &(&str, bool)| {
        let fields = frame.schema_ref().fields();
        let values = resolve(fields, name).and_then(|column| frame.column_by_name(&column).cloned());
        let values = values.ok_or_else(|| unknown(fields, name))?;
        Ok(SortColumn { values, options: Some(SortOptions { descending: *descending, nulls_first: false }) })
    };
    // Of equal runs the order is that of their ids.
    let columns = by.iter().chain([&("run_id", false)]).map(column).collect::<Result<Vec<_>>>()?;
    if rows.is_empty() {
        return Ok(rows);
    }
    let order = lexsort_to_indices(&columns, None)
        .map_err(|error| Error::argument(format!("runs cannot be sorted by these columns: {error}")))?;
    Ok(order.values().iter().filter_map(|place| rows.get(*place as usize).cloned()).collect())
}

/// The error for a name that is no column's.
pub(super) fn unknown(fields: &Fields, name: &str) -> Error {
    let error = Error::argument(format!("runs have no column `{name}`"));
    let known: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let bare = known.iter().map(|name| name.strip_prefix(PARAMS).unwrap_or(name));
    match nearest(name, bare.chain(known.iter().copied())) {
        Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
        None => error.with_hint(format!("the columns are {}", known.join(", "))),
    }
}

/// The names of all parameters, in order of appearance.
fn params<'a>(rows: &[&'a RunRow]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for name in rows.iter().flat_map(|row| row.params.keys()) {
        if known.insert(name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// The values of a parameter. Null where a run does not have it; JSON text if the values are of several types.
pub(super) fn param(rows: &[&RunRow], name: &str) -> ArrayRef {
    let values = || rows.iter().map(|row| row.params.get(name).unwrap_or(&Value::Null));
    let mut column = Column::Null(0);
    if values().all(|value| column.push(value).is_ok()) {
        return column.finish();
    }
    json_texts(rows, name)
}

fn seeds(rows: &[&RunRow]) -> ArrayRef {
    let text = |row: &RunRow| row.seed.as_ref().map(ToString::to_string);
    let short = |row: &RunRow| text(row).map(|seed| seed.parse::<i64>().ok());
    if rows.iter().all(|row| short(row) != Some(None)) {
        return integers(rows, |row| short(row).flatten());
    }
    Arc::new(rows.iter().copied().map(text).collect::<StringArray>())
}

fn texts<'a>(rows: &[&'a RunRow], of: impl Fn(&'a RunRow) -> Option<&'a str>) -> ArrayRef {
    Arc::new(rows.iter().copied().map(of).collect::<StringArray>())
}

fn integers(rows: &[&RunRow], of: impl Fn(&RunRow) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().copied().map(of).collect::<Int64Array>())
}

fn instants(times: Vec<Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
}

fn lists<'a>(rows: &[&'a RunRow], of: impl Fn(&'a RunRow) -> Vec<&'a str>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        lists.append_value(of(row).into_iter().map(Some));
    }
    Arc::new(lists.finish())
}

fn micros(time: &str) -> Option<i64> {
    stamp::parse(time).map(jiff::Timestamp::as_microsecond)
}
