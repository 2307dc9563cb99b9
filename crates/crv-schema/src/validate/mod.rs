//! Converts frames to rows that a table can hold, and parts back to the table's schema.
//!
//! [`prepare`] checks a frame against its table; its errors are as precise as possible. It avoids copies. Casts that
//! can fail are done at once, on whole columns, since an append must fail before anything is written. All others are
//! deferred until [`Prepared::slice`] or [`Prepared::take`] cuts out the rows of one part.
//!
//! [`conform`] is the reverse: it converts rows of a part, as read from Parquet, to the table's current schema.
//!
//! A cast never changes a value and never makes a null.

mod columns;
mod conform;
mod convert;
pub(crate) mod dates;
mod declared;
mod error;
mod keep;
mod leaf;
mod merged;
mod observe;
mod physical;
mod prepared;
mod rows;
mod strings;
mod temporal;
mod text;

#[cfg(test)]
mod tests;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::{DataType, Field as ArrowField, Fields, Schema};

pub use conform::conform;
pub use error::ValidationError;
pub use merged::MergedLayout;
pub use observe::outgrows_floats;
pub use prepared::Prepared;

use crate::frame::Frame;
use crate::schema::{
    Descriptor, Field, FieldPath, FieldType, Origin, SchemaError, TableSchema, logical_type,
};
use columns::{BUCKET, Input, Slot, TICK};
use convert::{Casts, convert, fallible};

/// What to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// Refuse columns that the table does not have. If `false`, they are kept.
    pub strict: bool,
    /// Check that required columns are present and without nulls, and (if strict) that there are no unknown columns.
    pub validate_schema: bool,
    /// Check the table's rules on values.
    pub validate_rows: bool,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        PrepareOptions { strict: true, validate_schema: true, validate_rows: false }
    }
}

/// Refuses a schema that is nested too deeply for any table. For callers that can check it before their rows are
/// produced, which may take long.
pub fn check_nesting(schema: &Schema) -> Result<(), ValidationError> {
    for field in schema.fields() {
        let path = FieldPath::column(field.name());
        // Other errors are left to `prepare`, which reports them in its order.
        if let Err(error @ SchemaError::TooDeep { .. }) =
            logical_type(field.data_type(), &path, Origin::Producer)
        {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Checks the columns of a frame without rows as [`prepare`] does, but accepts a frame without any columns: an empty
/// list of rows has none.
pub fn check_empty(
    descriptor: &Descriptor,
    frame: &Frame,
    options: PrepareOptions,
) -> Result<(), ValidationError> {
    if frame.schema().fields().is_empty() {
        return Ok(());
    }
    // Without values, no type conflicts with the table's.
    prepare(descriptor, frame, &options, descriptor.schema()).map(drop)
}

/// Checks a frame and prepares it to be written. `table_schema` is the table's schema so far.
pub fn prepare(
    descriptor: &Descriptor,
    frame: &Frame,
    options: &PrepareOptions,
    table_schema: &TableSchema,
) -> Result<Prepared, ValidationError> {
    let slots = columns::layout(descriptor, frame.schema(), *options)?;
    let ticks = ticks(frame, &slots)?;

    let mut inputs = Vec::with_capacity(slots.len());
    for slot in &slots {
        inputs.push(input(frame, slot, *options)?);
    }
    let mut fields = Vec::with_capacity(slots.len());
    for (slot, (input, has_nulls)) in slots.iter().zip(&inputs) {
        fields.push(logical_field(slot, input.as_ref(), *has_nulls, table_schema)?);
    }
    let logical = TableSchema { fields };
    let grown = if table_schema.covers(&logical) {
        None
    } else {
        Some(table_schema.union(&logical).map_err(ValidationError::Conflict)?)
    };
    let table = grown.as_ref().unwrap_or(table_schema);

    let mut physical = Vec::with_capacity(slots.len());
    let mut columns = Vec::with_capacity(slots.len());
    for ((slot, (input, _)), field) in slots.iter().zip(inputs).zip(&logical.fields) {
        let ty = table.field(&field.name).map_or(&field.ty, |field| &field.ty);
        if matches!(slot, Slot::Extra(..)) && field.ty == FieldType::Null {
            continue;
        }
        let from = input.as_ref().map_or(&DataType::Null, |input| &input.data_type);
        let data_type = physical::physical_type(from, ty);
        let column = match input {
            _ if field.name == BUCKET => prepared::Column::Bucket,
            _ if field.name == TICK => prepared::Column::Tick,
            None => prepared::Column::Absent,
            Some(input) => prepared::Column::Given(settle(slot, input, &data_type)?),
        };
        physical.push(ArrowField::new(&field.name, data_type, !field.required));
        columns.push(column);
    }
    let schema = Schema::new(Fields::from(physical));
    let prepared = Prepared::new(schema, columns, ticks, logical, grown);
    if options.validate_rows {
        rows::check(descriptor, &prepared)?;
    }
    Ok(prepared)
}

/// The ticks of each batch.
fn ticks(frame: &Frame, slots: &[Slot<'_>]) -> Result<Vec<Int64Array>, ValidationError> {
    let index = slots.iter().find_map(|slot| match slot {
        Slot::Known(column, index) if column.name == TICK => *index,
        _ => None,
    });
    let input = Input::of(frame, index.ok_or(ValidationError::NoTick)?);
    if let Some((count, row)) = input.nulls() {
        return Err(ValidationError::Nulls { column: TICK.to_owned(), count, row });
    }
    let arrays = cast_all(input.arrays, &DataType::Int64, Casts::Lossless, &FieldPath::column(TICK))?;
    let mut base = 0;
    let mut ticks = Vec::with_capacity(arrays.len());
    for array in arrays {
        let batch: &Int64Array = array.as_primitive::<Int64Type>();
        if batch.values().iter().fold(0, |sign, tick| sign | tick) < 0 {
            let row = batch.values().iter().position(|tick| *tick < 0).unwrap_or_default();
            return Err(ValidationError::NegativeTick { row: base + row, value: batch.value(row) });
        }
        base += batch.len();
        ticks.push(batch.clone());
    }
    Ok(ticks)
}

/// The column of the frame for a slot, and whether it has nulls, if that matters.
fn input(
    frame: &Frame,
    slot: &Slot<'_>,
    options: PrepareOptions,
) -> Result<(Option<Input>, bool), ValidationError> {
    match slot {
        Slot::Known(column, _) if column.name == BUCKET => Ok((None, false)),
        Slot::Known(column, None) => Ok((None, column.required)),
        Slot::Known(column, Some(index)) => {
            let input = Input::of(frame, *index);
            let nulls = if column.required { input.nulls() } else { None };
            match nulls {
                Some((count, row)) if options.validate_schema => {
                    Err(ValidationError::Nulls { column: column.name.clone(), count, row })
                }
                nulls => Ok((Some(input), nulls.is_some())),
            }
        }
        Slot::Extra(_, index) => Ok((Some(Input::of(frame, *index)), true)),
    }
}

/// The logical field of a column, from this frame alone.
fn logical_field(
    slot: &Slot<'_>,
    input: Option<&Input>,
    has_nulls: bool,
    table: &TableSchema,
) -> Result<Field, ValidationError> {
    let (name, declared, required) = match slot {
        Slot::Known(column, _) => (&*column.name, Some(&column.ty), column.required && !has_nulls),
        Slot::Extra(name, _) => (*name, None, false),
    };
    let path = FieldPath::column(name);
    let ty = match (declared, input) {
        (Some(declared), Some(input)) => declared::refine(declared, input, table, &path)?,
        (Some(declared), None) => declared.clone(),
        (None, Some(input)) => {
            let mut ty = logical_type(&input.data_type, &path, Origin::Producer)?;
            let known = table.field(name).map(|field| &field.ty);
            observe::observe(&input.arrays, &input.data_type, &mut ty, known, &path)?;
            ty
        }
        (None, None) => FieldType::Null,
    };
    Ok(Field { name: name.to_owned(), ty, required })
}

/// Returns the column after all casts that can fail.
fn settle(slot: &Slot<'_>, input: Input, to: &DataType) -> Result<Vec<ArrayRef>, ValidationError> {
    let (name, casts) = match slot {
        Slot::Known(column, _) => (&*column.name, Casts::Lossless),
        Slot::Extra(name, _) => (*name, Casts::Widening),
    };
    if !fallible(&input.data_type, to, casts) {
        return Ok(input.arrays);
    }
    cast_all(input.arrays, to, casts, &FieldPath::column(name))
}

/// Casts a column batch by batch; rows in errors are counted over the whole frame.
fn cast_all(
    arrays: Vec<ArrayRef>,
    to: &DataType,
    casts: Casts,
    path: &FieldPath<'_>,
) -> Result<Vec<ArrayRef>, ValidationError> {
    let mut base = 0;
    let mut cast = Vec::with_capacity(arrays.len());
    for array in arrays {
        cast.push(convert(&array, to, casts, path).map_err(|error| error.map_row(|row| base + row))?);
        base += array.len();
    }
    Ok(cast)
}
