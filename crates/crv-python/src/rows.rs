//! Conversion between rows of `crv.core.schema`, as dicts of their fields, and frames.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use crv_core::error::SchemaError;
use crv_core::grammar::TableName;
use crv_core::schema::Cell;
use crv_core::tables::{Column, Dtype, get_table};
use crv_core::typing::JsonDict;
use crv_io::json_column::Column as JsonColumn;
use crv_io::rows::{cells_from_frame, cells_to_frame};
use crv_io::{Error, ErrorKind, Frame};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList};
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};
use serde_json::Value;

use crate::arguments::Table;
use crate::error::{NativeError, Result};
use crate::frame::Rows;
use crate::json;
use crate::rules::Broken;

/// Rows of a table as an Arrow stream that can be read any number of times.
#[pyclass(frozen, module = "crv._native")]
pub(crate) struct RowFrame(Frame);

impl RowFrame {
    /// A frame of this schema without rows.
    pub(crate) fn empty(schema: SchemaRef) -> Self {
        Self(Frame::from(RecordBatch::new_empty(schema)))
    }
}

#[pymethods]
impl RowFrame {
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.0.schema().as_ref())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyArrowResult<Bound<'py, PyCapsule>> {
        let fields = self.0.schema().fields().clone();
        let array = |batch: RecordBatch| Ok::<_, ArrowError>(Arc::new(StructArray::from(batch)) as ArrayRef);
        let stream = ArrayIterator::new(
            self.0.batches().to_vec().into_iter().map(array),
            Arc::new(Field::new_struct("", fields, false)),
        );
        to_stream_pycapsule(py, Box::new(stream), requested_schema)
    }
}

/// Converts rows to a frame of the table.
#[pyfunction]
pub(crate) fn rows_to_arrow(py: Python<'_>, table: Table, rows: Vec<Bound<'_, PyDict>>) -> Result<RowFrame> {
    let table = table.canonical()?;
    let mut cells = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let columns = columns(table).iter().map(|column| cell(column, row));
        cells.push(
            columns.collect::<Result<Vec<_>, Broken>>().map_err(|broken| broken_row(table, at, broken))?,
        );
    }
    Ok(RowFrame(py.detach(|| cells_to_frame(table, cells)).map_err(Error::from)?))
}

/// A frame without columns and rows.
#[pyfunction]
pub(crate) fn no_rows() -> RowFrame {
    RowFrame::empty(SchemaRef::new(Schema::empty()))
}

/// Converts the values of a column, whose type follows from them, to a frame of one column.
#[pyfunction]
pub(crate) fn json_column(name: &str, values: Vec<Bound<'_, PyAny>>) -> Result<RowFrame> {
    let mut column = JsonColumn::Null(0);
    for (row, value) in values.iter().enumerate() {
        let pushed = json::from_python(name, value).map_err(|broken| broken_value(row, broken))?;
        column.push(&pushed).map_err(|misfit| {
            let misfit = misfit.inside(name);
            Error::new(ErrorKind::Schema, format!("row {row}: {misfit}"))
        })?;
    }
    let array = column.finish();
    let schema = Schema::new(vec![Field::new(name, array.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![array]);
    Ok(RowFrame(batch.map_err(|error| Error::new(ErrorKind::Schema, error.to_string()))?.into()))
}

/// Converts the rows of a frame to dicts of their fields.
#[pyfunction]
pub(crate) fn rows_from_arrow(py: Python<'_>, table: Table, frame: Rows) -> Result<Bound<'_, PyList>> {
    let table = table.canonical()?;
    let rows =
        py.detach(|| Ok::<_, NativeError>(cells_from_frame(table, &frame.read()?).map_err(Error::from)?))?;
    let list = PyList::empty(py);
    for row in rows {
        let dict = PyDict::new(py);
        for (column, cell) in columns(table).iter().zip(row) {
            dict.set_item(column.name, to_python(py, cell)?)?;
        }
        list.append(dict)?;
    }
    Ok(list)
}

fn columns(table: TableName) -> &'static [Column] {
    // A row has no `bucket`: it follows from the tick.
    get_table(table).columns().get(1..).unwrap_or_default()
}

fn cell(column: &Column, row: &Bound<'_, PyDict>) -> Result<Cell, Broken> {
    let Some(value) = row.get_item(column.name)?.filter(|value| !value.is_none()) else {
        return Ok(Cell::Null);
    };
    Ok(match column.dtype {
        Dtype::I64 => Cell::Int(value.extract()?),
        Dtype::F64 => Cell::Float(value.extract()?),
        Dtype::Str => Cell::Text(value.extract()?),
        Dtype::Struct | Dtype::ListStruct => match json::from_python(column.name, &value)? {
            Value::Object(object) => Cell::Object(object),
            Value::Array(items) => {
                Cell::Objects(items.into_iter().map(|item| object(column, item)).collect::<Result<_, _>>()?)
            }
            _ => return Err(not_payload(column)),
        },
    })
}

fn object(column: &Column, item: Value) -> Result<JsonDict, Broken> {
    if let Value::Object(object) = item { Ok(object) } else { Err(not_payload(column)) }
}

fn not_payload(column: &Column) -> Broken {
    let (column, found) = (column.name.to_owned(), "something else");
    SchemaError::CellType { column, expected: "an object or a list of objects", found }.into()
}

fn broken_value(row: usize, broken: Broken) -> NativeError {
    let reason = match broken {
        Broken::Rule(error) => error.to_string(),
        Broken::Python(error) => error.to_string(),
    };
    Error::new(ErrorKind::Schema, format!("row {row}: {reason}")).into()
}

fn broken_row(table: TableName, at: usize, broken: Broken) -> NativeError {
    let reason = match broken {
        Broken::Rule(error) => error.to_string(),
        Broken::Python(error) => error.to_string(),
    };
    Error::new(ErrorKind::Schema, format!("table `{table}`: row {at}: {reason}")).into()
}

fn to_python(py: Python<'_>, cell: Cell) -> PyResult<Bound<'_, PyAny>> {
    Ok(match cell {
        Cell::Null => py.None().into_bound(py),
        Cell::Int(value) => value.into_pyobject(py)?.into_any(),
        Cell::Float(value) => value.into_pyobject(py)?.into_any(),
        Cell::Text(value) => value.into_pyobject(py)?.into_any(),
        Cell::Object(object) => json::object_to_python(py, &object)?.into_any(),
        Cell::Objects(objects) => {
            let dicts = objects.iter().map(|object| json::object_to_python(py, object));
            PyList::new(py, dicts.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
    })
}
