//! Converts an array to another type without changing a value. Structs and lists are rebuilt around their buffers;
//! leaves are cast by [`super::leaf`].

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, GenericListArray, OffsetSizeTrait, StructArray, new_null_array,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field as ArrowField, Fields};
use arrow_select::nullif::nullif;

use super::ValidationError;
use super::leaf::{leaf, never_fails};
use crate::schema::{FieldPath, Finder, list_item, unpacked};

/// Which casts between scalar types are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Casts {
    /// For a column whose type the descriptor fixes: all casts that keep every value, including text to numbers.
    Lossless,
    /// For a field whose type comes from its producers: only widening, and other layouts of the same type.
    Widening,
}

/// Makes an Arrow cast fail instead of writing nulls.
const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow_cast::display::FormatOptions::new() };

/// Converts the array to that type. Returns the same array if it has that type already.
pub(super) fn convert(
    array: &ArrayRef,
    to: &DataType,
    casts: Casts,
    path: &FieldPath<'_>,
) -> Result<ArrayRef, ValidationError> {
    let from = array.data_type();
    if from == to {
        return Ok(Arc::clone(array));
    }
    if *from == DataType::Null {
        return Ok(new_null_array(to, array.len()));
    }
    if let DataType::Dictionary(..) | DataType::RunEndEncoded(..) = from {
        return convert(&unpack(array, path)?, to, casts, path);
    }
    match (from, to) {
        (_, DataType::Dictionary(_, values)) => arrow_cast(&convert(array, values, casts, path)?, to, path),
        (DataType::Struct(_), DataType::Struct(fields)) => structs(array.as_struct(), fields, path),
        (_, DataType::List(item)) if list_item(from).is_some() => lists::<i32>(array, item, path),
        (_, DataType::LargeList(item)) if list_item(from).is_some() => lists::<i64>(array, item, path),
        _ => leaf(array, to, casts, path),
    }
}

/// Casts by Arrow, between types that Arrow supports.
pub(super) fn arrow_cast(
    array: &dyn Array,
    to: &DataType,
    path: &FieldPath<'_>,
) -> Result<ArrayRef, ValidationError> {
    cast_with_options(array, to, &STRICT).map_err(|error| ValidationError::arrow(path, &error))
}

/// Decodes a dictionary or runs to one value per row.
pub(super) fn unpack(array: &ArrayRef, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError> {
    match array.data_type() {
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) => {
            arrow_cast(array, unpacked(array.data_type()), path)
        }
        _ => Ok(Arc::clone(array)),
    }
}

/// Returns whether converting a value can fail. If so, values under a null must be hidden first, and the conversion
/// must precede all writes.
pub(super) fn fallible(from: &DataType, to: &DataType, casts: Casts) -> bool {
    if from == to || *from == DataType::Null {
        return false;
    }
    if let DataType::Dictionary(..) | DataType::RunEndEncoded(..) = from {
        return fallible(unpacked(from), to, casts);
    }
    match (from, to) {
        (DataType::Struct(from), DataType::Struct(to)) => {
            let mut finder = Finder::new(from, arrow_name);
            to.iter().any(|field| {
                finder.find(field.name()).is_some_and(|index| {
                    fallible(from[index].data_type(), field.data_type(), Casts::Widening)
                })
            })
        }
        (from, DataType::List(to) | DataType::LargeList(to)) => {
            list_item(from).is_none_or(|from| fallible(from.data_type(), to.data_type(), Casts::Widening))
        }
        _ => !never_fails(from, to, casts),
    }
}

pub(super) fn arrow_name(field: &Arc<ArrowField>) -> &str {
    field.name()
}

/// Selects members by name, in the order of `to`: others are dropped, missing ones are null.
fn structs(array: &StructArray, to: &Fields, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError> {
    if to.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(array.len(), array.nulls().cloned())));
    }
    let mut finder = Finder::new(array.fields(), arrow_name);
    let mut members = Vec::with_capacity(to.len());
    for field in to {
        let member = match finder.find(field.name()) {
            None => new_null_array(field.data_type(), array.len()),
            Some(index) => {
                let path = path.field(field.name());
                let member = array.column(index);
                let member = if fallible(member.data_type(), field.data_type(), Casts::Widening) {
                    hide(member, array.nulls(), &path)?
                } else {
                    Arc::clone(member)
                };
                convert(&member, field.data_type(), Casts::Widening, &path)?
            }
        };
        members.push(member);
    }
    let built = StructArray::try_new(to.clone(), members, array.nulls().cloned());
    Ok(Arc::new(built.map_err(|error| ValidationError::arrow(path, &error))?))
}

/// Returns the values with those under a null of `outer` replaced by nulls.
pub(super) fn hide(
    values: &ArrayRef,
    outer: Option<&NullBuffer>,
    path: &FieldPath<'_>,
) -> Result<ArrayRef, ValidationError> {
    let Some(outer) = outer.filter(|outer| outer.null_count() > 0) else { return Ok(Arc::clone(values)) };
    let values = unpack(values, path)?;
    let hidden = BooleanArray::new(!outer.inner(), None);
    nullif(&values, &hidden).map_err(|error| ValidationError::arrow(path, &error))
}

/// Converts any list to one with these offsets and items.
fn lists<O: OffsetSizeTrait>(
    array: &ArrayRef,
    to: &Arc<ArrowField>,
    path: &FieldPath<'_>,
) -> Result<ArrayRef, ValidationError> {
    let plain = plain_list(array, path)?;
    let parts = match plain.data_type() {
        DataType::LargeList(_) => ListParts::of(plain.as_list::<i64>()),
        _ => ListParts::of(plain.as_list::<i32>()),
    };
    let path_of_items = path.item();
    let mut items = Arc::clone(&parts.items);
    if fallible(items.data_type(), to.data_type(), Casts::Widening) {
        items = hide(&items, parts.holes().as_ref(), &path_of_items)?;
    }
    let items = convert(&items, to.data_type(), Casts::Widening, &path_of_items)
        .map_err(|error| error.map_row(|item| parts.row_of(item)))?;
    let offsets = parts.offsets_as::<O>(path)?;
    let built = GenericListArray::try_new(Arc::clone(to), offsets, items, parts.nulls);
    Ok(Arc::new(built.map_err(|error| ValidationError::arrow(path, &error))?))
}

/// Converts list views and fixed-size lists to lists with offsets.
pub(super) fn plain_list(array: &ArrayRef, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError> {
    match array.data_type() {
        DataType::ListView(item) | DataType::FixedSizeList(item, _) => {
            arrow_cast(array, &DataType::List(Arc::clone(item)), path)
        }
        DataType::LargeListView(item) => arrow_cast(array, &DataType::LargeList(Arc::clone(item)), path),
        _ => Ok(Arc::clone(array)),
    }
}

/// The items that a list array's rows refer to, and offsets into them.
pub(super) struct ListParts {
    /// The items from the first row's first to the last row's last.
    pub(super) items: ArrayRef,
    offsets: Vec<usize>,
    nulls: Option<NullBuffer>,
}

impl ListParts {
    pub(super) fn of<O: OffsetSizeTrait>(list: &GenericListArray<O>) -> Self {
        let offsets = list.value_offsets();
        let start = offsets.first().map_or(0, |offset| offset.as_usize());
        let end = offsets.last().map_or(0, |offset| offset.as_usize());
        ListParts {
            items: list.values().slice(start, end - start),
            offsets: offsets.iter().map(|offset| offset.as_usize() - start).collect(),
            nulls: list.nulls().cloned(),
        }
    }

    /// Marks the items under a null list, if there are any: they are not values.
    pub(super) fn holes(&self) -> Option<NullBuffer> {
        let nulls = self.nulls.as_ref().filter(|nulls| nulls.null_count() > 0)?;
        let mut seen = BooleanBufferBuilder::new(self.items.len());
        let mut hidden = 0;
        for (row, bounds) in self.offsets.windows(2).enumerate() {
            let len = bounds[1] - bounds[0];
            let valid = nulls.is_valid(row);
            hidden += if valid { 0 } else { len };
            seen.append_n(len, valid);
        }
        (hidden > 0).then(|| NullBuffer::new(seen.finish()))
    }

    /// The row whose list an item is in.
    pub(super) fn row_of(&self, item: usize) -> usize {
        self.offsets.partition_point(|offset| *offset <= item).saturating_sub(1)
    }

    fn offsets_as<O: OffsetSizeTrait>(
        &self,
        path: &FieldPath<'_>,
    ) -> Result<OffsetBuffer<O>, ValidationError> {
        let too_long = || ValidationError::Arrow {
            path: path.to_string(),
            reason: format!("too many list items in one batch: {}", self.items.len()),
        };
        let offset = |offset: &usize| O::from_usize(*offset).ok_or_else(too_long);
        let offsets: Vec<O> = self.offsets.iter().map(offset).collect::<Result<_, _>>()?;
        Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
    }
}
