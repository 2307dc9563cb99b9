//! The layout of a frame's columns: present, missing and unknown ones.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema};

use super::{PrepareOptions, ValidationError};
use crate::frame::Frame;
use crate::schema::{Descriptor, Field, Finder, first_duplicate};

/// Computed from the tick at every append; the frame's values are ignored.
pub(super) const BUCKET: &str = "bucket";
/// The tick of a row.
pub(super) const TICK: &str = "tick";

/// A column to write, and its index in the frame.
pub(super) enum Slot<'a> {
    /// A column of the descriptor; missing ones are written as nulls.
    Known(&'a Field, Option<usize>),
    /// A column that the table does not have, kept because the settings allow it.
    Extra(&'a str, usize),
}

/// The columns to write, in table order, extra ones last.
pub(super) fn layout<'a>(
    descriptor: &'a Descriptor,
    schema: &'a Schema,
    options: PrepareOptions,
) -> Result<Vec<Slot<'a>>, ValidationError> {
    let given = schema.fields();
    let mut used = vec![false; given.len()];
    let mut missing = Vec::new();
    let mut slots = Vec::with_capacity(given.len().max(descriptor.columns().len()));
    let mut finder = Finder::new(given, super::convert::arrow_name);
    for column in descriptor.columns() {
        let index = finder.find(&column.name);
        if let Some(index) = index {
            used[index] = true;
        } else if column.required && column.name != BUCKET {
            missing.push(column.name.clone());
        }
        slots.push(Slot::Known(column, index));
    }
    // A second column with the name of a column of the table is a duplicate, not an unknown column.
    let extra = |index: usize| !used[index] && descriptor.column(given[index].name()).is_none();
    let extras = (0..given.len()).filter(|index| extra(*index));
    let unknown: Vec<String> = if options.strict && options.validate_schema {
        extras.clone().map(|index| given[index].name().clone()).collect()
    } else {
        Vec::new()
    };
    if options.validate_schema && !(missing.is_empty() && unknown.is_empty()) {
        return Err(ValidationError::Columns { missing, unknown });
    }
    if missing.iter().any(|name| name == TICK) {
        return Err(ValidationError::NoTick);
    }
    if let Some(name) = first_duplicate(given.iter().map(|field| field.name().as_str())) {
        return Err(ValidationError::DuplicateColumn { column: name.to_owned() });
    }
    slots.extend(extras.map(|index| Slot::Extra(given[index].name(), index)));
    Ok(slots)
}

/// A column of the frame, one array per batch.
pub(super) struct Input {
    pub(super) data_type: DataType,
    pub(super) arrays: Vec<ArrayRef>,
}

impl Input {
    pub(super) fn of(frame: &Frame, index: usize) -> Self {
        Input {
            data_type: frame.schema().field(index).data_type().clone(),
            arrays: frame.batches().iter().map(|batch| Arc::clone(batch.column(index))).collect(),
        }
    }

    /// The number of nulls, and the first row with one; `None` if there are none.
    pub(super) fn nulls(&self) -> Option<(usize, usize)> {
        let mut count = 0;
        let mut first = None;
        let mut base = 0;
        for array in &self.arrays {
            if let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
                count += nulls.null_count();
                first =
                    first.or_else(|| (0..nulls.len()).find(|row| nulls.is_null(*row)).map(|row| base + row));
            }
            base += array.len();
        }
        first.map(|first| (count, first))
    }
}
