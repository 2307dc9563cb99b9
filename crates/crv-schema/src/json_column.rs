//! A column that is built from JSON values, and whose type follows from them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{Array as _, ArrayRef, ListArray, NullArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{Field, Fields};
use serde_json::{Map, Number, Value};

use crate::schema::exact_float;

/// The values of one column so far. All-null columns have no type yet; integers become floats when a float is
/// appended, if floats hold every one of them exactly; no other type changes.
pub enum Column {
    /// So many nulls.
    Null(usize),
    /// Booleans.
    Bool(BooleanBuilder),
    /// Integers of 64 bits.
    Int(Int64Builder),
    /// Floats of 64 bits.
    Float(Float64Builder),
    /// Text.
    Text(StringBuilder),
    /// Lists of one type.
    List(Box<List>),
    /// Objects.
    Struct(Struct),
}

/// Lists, whose items are a column.
pub struct List {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    items: Column,
}

/// Fields in the order they were first seen; each is padded with nulls only when it is touched again.
#[derive(Default)]
pub struct Struct {
    rows: usize,
    nulls: Vec<bool>,
    names: HashMap<String, usize>,
    fields: Vec<(String, Column)>,
}

/// A value that does not fit its column.
#[derive(Debug)]
pub struct Misfit {
    /// Field names from the inside out.
    path: Vec<String>,
    reason: String,
}

impl Misfit {
    fn new(reason: impl Into<String>) -> Self {
        Self { path: Vec::new(), reason: reason.into() }
    }

    /// The same, in this field of another value.
    #[must_use]
    pub fn inside(mut self, field: &str) -> Self {
        self.path.push(field.to_owned());
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        write!(f, "`{}` {}", path.join("."), self.reason)
    }
}

impl Column {
    fn len(&self) -> usize {
        use arrow_array::builder::ArrayBuilder as _;
        match self {
            Self::Null(rows) => *rows,
            Self::Bool(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::List(list) => list.nulls.len(),
            Self::Struct(fields) => fields.rows,
        }
    }

    /// Appends a value.
    pub fn push(&mut self, value: &Value) -> Result<(), Misfit> {
        if value.is_null() {
            self.push_nulls(1);
            return Ok(());
        }
        if let Self::Null(rows) = *self {
            *self = Self::for_value(value)?;
            self.push_nulls(rows);
        }
        match (&mut *self, value) {
            (Self::Bool(values), Value::Bool(value)) => values.append_value(*value),
            (Self::Int(values), Value::Number(number)) => {
                if let Some(value) = integer(number)? {
                    values.append_value(value);
                } else {
                    let mut floats = widen(values)?;
                    floats.append_value(float(number)?);
                    *self = Self::Float(floats);
                }
            }
            (Self::Float(values), Value::Number(number)) => values.append_value(float(number)?),
            (Self::Text(values), Value::String(text)) => values.append_value(text),
            (Self::List(list), Value::Array(items)) => list.push(items)?,
            (Self::Struct(fields), Value::Object(object)) => fields.push(object)?,
            (column, value) => {
                let reason = format!("is {} here and {} in a row before", kind(value), column.kind());
                return Err(Misfit::new(reason));
            }
        }
        Ok(())
    }

    /// Appends nulls.
    pub fn push_nulls(&mut self, count: usize) {
        match self {
            Self::Null(rows) => *rows += count,
            Self::Bool(values) => values.append_nulls(count),
            Self::Int(values) => values.append_nulls(count),
            Self::Float(values) => values.append_nulls(count),
            Self::Text(values) => (0..count).for_each(|_| values.append_null()),
            Self::List(list) => {
                list.nulls.append_n_nulls(count);
                let end = list.items.len() as i32;
                list.offsets.resize(list.offsets.len() + count, end);
            }
            Self::Struct(fields) => {
                fields.rows += count;
                fields.nulls.resize(fields.rows, false);
            }
        }
    }

    /// The finished column.
    pub fn finish(self) -> ArrayRef {
        match self {
            Self::Null(rows) => Arc::new(NullArray::new(rows)),
            Self::Bool(mut values) => Arc::new(values.finish()),
            Self::Int(mut values) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::List(mut list) => {
                let items = list.items.finish();
                let field = Arc::new(Field::new("item", items.data_type().clone(), true));
                let offsets = OffsetBuffer::new(ScalarBuffer::from(list.offsets));
                Arc::new(ListArray::new(field, offsets, items, list.nulls.finish()))
            }
            Self::Struct(fields) => Arc::new(fields.finish()),
        }
    }

    /// An empty column that takes values like this one.
    fn for_value(value: &Value) -> Result<Self, Misfit> {
        Ok(match value {
            Value::Null => Self::Null(0),
            Value::Bool(_) => Self::Bool(BooleanBuilder::new()),
            Value::Number(number) if integer(number)?.is_some() => Self::Int(Int64Builder::new()),
            Value::Number(_) => Self::Float(Float64Builder::new()),
            Value::String(_) => Self::Text(StringBuilder::new()),
            Value::Array(_) => Self::List(Box::new(List {
                offsets: vec![0],
                nulls: NullBufferBuilder::new(0),
                items: Self::Null(0),
            })),
            Value::Object(_) => Self::Struct(Struct::default()),
        })
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Null(_) => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Struct(_) => "an object",
        }
    }
}

impl List {
    fn push(&mut self, items: &[Value]) -> Result<(), Misfit> {
        for item in items {
            self.items.push(item).map_err(|misfit| misfit.inside("item"))?;
        }
        // A frame holds far fewer bytes of text than an offset can count.
        self.offsets.push(self.items.len() as i32);
        self.nulls.append_non_null();
        Ok(())
    }
}

impl Struct {
    /// Appends an object.
    pub fn push(&mut self, object: &Map<String, Value>) -> Result<(), Misfit> {
        for (name, value) in object {
            let at = if let Some(at) = self.names.get(name) {
                *at
            } else {
                self.names.insert(name.clone(), self.fields.len());
                self.fields.push((name.clone(), Column::Null(0)));
                self.fields.len() - 1
            };
            let column = &mut self.fields[at].1;
            column.push_nulls(self.rows - column.len());
            column.push(value).map_err(|misfit| misfit.inside(name))?;
        }
        self.rows += 1;
        self.nulls.push(true);
        Ok(())
    }

    /// Number of objects so far.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The finished columns, in the order they were first seen.
    pub fn finish_fields(self) -> (Fields, Vec<ArrayRef>) {
        let rows = self.rows;
        let finished = self.fields.into_iter().map(|(name, mut column)| {
            column.push_nulls(rows - column.len());
            let array = column.finish();
            (Field::new(name, array.data_type().clone(), true), array)
        });
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = finished.unzip();
        (fields.into(), arrays)
    }

    fn finish(self) -> StructArray {
        let rows = self.rows;
        let nulls = self.nulls.contains(&false).then(|| self.nulls.clone().into());
        let (fields, arrays) = self.finish_fields();
        if fields.is_empty() {
            return StructArray::new_empty_fields(rows, nulls);
        }
        StructArray::new(fields, arrays, nulls)
    }
}

/// The kind of a value, for messages.
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The number as an integer; none if it is written as a float.
fn integer(number: &Number) -> Result<Option<i64>, Misfit> {
    let text = number.to_string();
    if text.contains(['.', 'e', 'E']) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Misfit::new(format!("is {text}, which does not fit a 64-bit integer")))
}

/// The number as a float; a float must hold an integer exactly.
fn float(number: &Number) -> Result<f64, Misfit> {
    if let Some(value) = integer(number)? {
        return exact(value);
    }
    let text = number.to_string();
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| Misfit::new(format!("is {text}, which does not fit a 64-bit float")))
}

fn exact(value: i64) -> Result<f64, Misfit> {
    exact_float(value).ok_or_else(|| {
        Misfit::new(format!(
            "has both floats and the integer {value}, which no 64-bit float can hold exactly"
        ))
    })
}

fn widen(integers: &mut Int64Builder) -> Result<Float64Builder, Misfit> {
    let integers = integers.finish();
    let mut floats = Float64Builder::with_capacity(integers.len());
    for value in &integers {
        floats.append_option(value.map(exact).transpose()?);
    }
    Ok(floats)
}
