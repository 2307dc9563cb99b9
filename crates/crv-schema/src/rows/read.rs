//! Reads cells from columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use crv_core::grammar::TableName;
use crv_core::schema::Cell;
use crv_core::tables::{Dtype, get_table};
use crv_core::typing::JsonDict;
use serde_json::{Number, Value};

use super::{Result, RowsError};
use crate::frame::Frame;
use crate::schema::Descriptor;
use crate::validate::{PrepareOptions, ValidationError, conform, prepare};

/// The rows of a frame, each with its values in table order and without `bucket`.
pub(super) fn cells(table: TableName, frame: &Frame) -> Result<Vec<Vec<Cell>>> {
    let columns = arrays(table, frame).map_err(|error| {
        let hint = error.hint();
        RowsError::new(table, &error).with_optional_hint(hint).with_source(error)
    })?;
    let descriptor = get_table(table);
    let mut rows = Vec::with_capacity(frame.num_rows());
    for arrays in columns {
        for row in 0..arrays.first().map_or(0, Array::len) {
            let at = rows.len();
            let cells = descriptor.columns().iter().zip(&arrays).skip(1).map(|(column, array)| {
                cell(column.dtype, array, row).map_err(|oddity| {
                    let path = oddity.path(column.name);
                    let found = &oddity.found;
                    RowsError::new(
                        table,
                        format_args!("row {at}: `{path}` is {found}, which JSON cannot represent"),
                    )
                    .with_hint("read the table as a frame, which holds every type")
                })
            });
            rows.push(cells.collect::<Result<_>>()?);
        }
    }
    Ok(rows)
}

/// The columns of each batch, in table order, in the types that readers get.
fn arrays(table: TableName, frame: &Frame) -> Result<Vec<Vec<ArrayRef>>, ValidationError> {
    let descriptor = Descriptor::canonical(table);
    let prepared = prepare(&descriptor, frame, &PrepareOptions::default(), descriptor.schema())?;
    let schema = prepared.grown().unwrap_or(descriptor.schema());
    let arrow = schema.to_arrow();
    let batch = |at: usize| {
        let rows = prepared.slice(at, 0, prepared.ticks(at).len(), 0)?;
        Ok(conform(&rows, schema, &arrow)?.columns().to_vec())
    };
    (0..prepared.batches()).map(batch).collect()
}

/// A value that JSON cannot represent, and its path in the payload, innermost field first.
struct Oddity {
    fields: Vec<String>,
    found: String,
}

impl Oddity {
    fn new(found: impl Into<String>) -> Self {
        Self { fields: Vec::new(), found: found.into() }
    }

    fn inside(mut self, field: &str) -> Self {
        self.fields.push(field.to_owned());
        self
    }

    fn path(&self, column: &str) -> String {
        let inner = self.fields.iter().rev().map(String::as_str);
        std::iter::once(column).chain(inner).collect::<Vec<_>>().join(".")
    }
}

fn cell(dtype: Dtype, array: &ArrayRef, row: usize) -> Result<Cell, Oddity> {
    if array.is_null(row) {
        return Ok(Cell::Null);
    }
    Ok(match dtype {
        Dtype::I64 => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        Dtype::F64 => Cell::Float(array.as_primitive::<Float64Type>().value(row)),
        Dtype::Str => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
        Dtype::Struct => Cell::Object(object(array, row)?),
        Dtype::ListStruct => {
            let items = array.as_list::<i32>().value(row);
            let items = (0..items.len()).map(|item| {
                if items.is_null(item) {
                    Err(Oddity::new("null").inside("item"))
                } else {
                    object(&items, item)
                }
            });
            Cell::Objects(items.collect::<Result<_, _>>()?)
        }
    })
}

fn object(array: &ArrayRef, row: usize) -> Result<JsonDict, Oddity> {
    let mut object = JsonDict::new();
    // Lists that are all empty have untyped items.
    let Some(payload) = array.as_struct_opt() else { return Ok(object) };
    for (name, values) in payload.column_names().into_iter().zip(payload.columns()) {
        // A null is equal to a missing field.
        if !is_null(values, row) {
            object.insert(name.to_owned(), value(values, row).map_err(|oddity| oddity.inside(name))?);
        }
    }
    Ok(object)
}

fn value(array: &ArrayRef, row: usize) -> Result<Value, Oddity> {
    if is_null(array, row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => {
            let float = array.as_primitive::<Float64Type>().value(row);
            Number::from_f64(float).map(Value::Number).ok_or_else(|| Oddity::new(float.to_string()))?
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let item = |at| value(&items, at).map_err(|oddity: Oddity| oddity.inside("item"));
            (0..items.len()).map(item).collect::<Result<Vec<_>, _>>()?.into()
        }
        DataType::Struct(_) => Value::Object(object(array, row)?),
        other => return Err(Oddity::new(format!("a value of type {other}"))),
    })
}

/// Returns whether the value is null. An array of type null has no validity bits.
fn is_null(array: &ArrayRef, row: usize) -> bool {
    *array.data_type() == DataType::Null || array.is_null(row)
}
