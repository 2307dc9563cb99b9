//! Columns that a table is to have, as Python gives them.

use arrow_schema::Schema;
use crv_io::Error;
use crv_io::presets::Preset;
use crv_io::schema::{Field, FieldPath, FieldType, SchemaError, declared_type};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use pyo3_arrow::PySchema;

use crate::error::NativeError;
use crate::frame::Rows;

/// The columns of a table: by name, or those of an Arrow schema or a frame.
pub(crate) enum Columns {
    Named(Vec<Field>),
    Like(Schema),
}

const ACCEPTED: &str = "pass a dict of type names such as {\"agent_id\": \"i64\"}, a schema of Polars or pyarrow, a frame, \
     a dataclass or a pydantic model";

/// Structs and lists nested deeper than this are refused before the store sees them.
const MAX_DEPTH: usize = 64;

impl FromPyObject<'_, '_> for Columns {
    type Error = NativeError;

    fn extract(obj: Borrowed<'_, '_, PyAny>) -> Result<Self, NativeError> {
        if let Ok(columns) = obj.cast::<PyDict>() {
            return Ok(Self::Named(members(&columns, "", MAX_DEPTH)?));
        }
        arrow_schema(&obj).map(Self::Like)
    }
}

/// The Arrow schema of an object that exports one, or rows.
fn arrow_schema(obj: &Bound<'_, PyAny>) -> Result<Schema, NativeError> {
    let kind = obj.get_type().name()?;
    if obj.hasattr("__arrow_c_schema__")? {
        let schema: PySchema = obj.extract().map_err(|error: PyErr| {
            NativeError::argument(format!("the {kind} is not a schema of columns: {error}"), ACCEPTED)
        })?;
        return Ok(schema.into_inner().as_ref().clone());
    }
    if obj.hasattr("__arrow_c_stream__")? || obj.hasattr("__arrow_c_array__")? {
        return Ok(obj.extract::<Rows>()?.schema().as_ref().clone());
    }
    Err(NativeError::argument(format!("columns cannot be read from an object of type {kind}"), ACCEPTED))
}

fn members(columns: &Bound<'_, PyDict>, at: &str, depth: usize) -> Result<Vec<Field>, NativeError> {
    let mut fields = Vec::with_capacity(columns.len());
    for (name, spec) in columns.iter() {
        let Ok(name) = name.cast::<PyString>() else {
            let text = format!("a column has the name {}, which is no text", name.repr()?);
            return Err(NativeError::argument(text, ACCEPTED));
        };
        let name = name.to_str()?.to_owned();
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let ty = field_type(&spec, &path, depth)?;
        fields.push(Field::nullable(name, ty));
    }
    Ok(fields)
}

/// The type of one column: a name, a dict of fields, a list of one type, or `("arrow", schema of one field)`.
fn field_type(spec: &Bound<'_, PyAny>, path: &str, depth: usize) -> Result<FieldType, NativeError> {
    let refused = |error: SchemaError| {
        let error = crv_io::schema::DeclarationError::from(error);
        NativeError::Store(Error::from(error))
    };
    if depth == 0 {
        return Err(refused(SchemaError::TooDeep { path: path.to_owned() }));
    }
    if let Ok(name) = spec.cast::<PyString>() {
        return FieldType::parse(name.to_str()?, path).map_err(refused);
    }
    if let Ok(fields) = spec.cast::<PyDict>() {
        return Ok(FieldType::Struct(members(fields, path, depth - 1)?));
    }
    if let Ok(items) = spec.cast::<PyList>()
        && items.len() == 1
    {
        return Ok(FieldType::list(field_type(&items.get_item(0)?, &format!("{path}[]"), depth - 1)?));
    }
    if let Ok(arrow) = spec.cast::<PyTuple>()
        && arrow.len() == 2
    {
        let schema = arrow_schema(&arrow.get_item(1)?)?;
        if let [field] = schema.fields().as_ref() {
            return declared_type(field.data_type(), &FieldPath::column(path)).map_err(refused);
        }
    }
    let text = format!("the type of `{path}` is {}", spec.repr()?);
    Err(NativeError::argument(text, format!("name a type: {}", FieldType::names())))
}

/// A declaration: name, columns with their types, required columns.
type Named = (&'static str, Vec<(&'static str, &'static str)>, Vec<&'static str>);

/// The declarations of `crv.io.presets`: name, columns with their types, required columns.
#[pyfunction]
pub(crate) fn presets() -> Vec<Named> {
    let preset = |preset: &Preset| (preset.name, preset.columns.to_vec(), preset.required.to_vec());
    Preset::ALL.iter().map(preset).collect()
}
