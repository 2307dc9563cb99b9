//! Refines payload types by their values: whether integers are wide, and whether a field has only nulls.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::ValidationError;
use super::convert::{ListParts, arrow_name, hide, plain_list, unpack};
use crate::schema::{
    Field, FieldPath, FieldType, Finder, exact_float, exact_float_unsigned, field_name, is_dense, list_item,
    unpacked,
};

/// Refines the type of a column from its values, one array per batch. `known` is the table's type for it.
///
/// Marks integers as wide. A field whose type conflicts with the table's becomes untyped if it has no values: it may
/// take any type.
pub(super) fn observe(
    arrays: &[ArrayRef],
    data_type: &DataType,
    ty: &mut FieldType,
    known: Option<&FieldType>,
    path: &FieldPath<'_>,
) -> Result<(), ValidationError> {
    if !worth_a_look(data_type, ty, known) {
        return Ok(());
    }
    if known.is_some_and(|known| contradicts(known, ty))
        && arrays.iter().all(|array| array.logical_null_count() == array.len())
    {
        *ty = FieldType::Null;
        return Ok(());
    }
    let arrays = arrays.iter().map(|array| unpack(array, path)).collect::<Result<Vec<_>, _>>()?;
    match ty {
        FieldType::Int { wide } => *wide = arrays.iter().any(outgrows_floats),
        FieldType::List(item) => {
            let known = match known {
                Some(FieldType::List(known)) => Some(&**known),
                _ => None,
            };
            let path = path.item();
            let items = arrays.iter().map(|array| items(array, &path)).collect::<Result<Vec<_>, _>>()?;
            let from = list_item(unpacked(data_type)).map_or(&DataType::Null, |field| field.data_type());
            observe(&items, from, item, known, &path)?;
        }
        FieldType::Struct(fields) => members(&arrays, unpacked(data_type), fields, known, path)?,
        _ => {}
    }
    Ok(())
}

fn members(
    arrays: &[ArrayRef],
    data_type: &DataType,
    fields: &mut [Field],
    known: Option<&FieldType>,
    path: &FieldPath<'_>,
) -> Result<(), ValidationError> {
    let DataType::Struct(from) = data_type else { return Ok(()) };
    let known: &[Field] = match known {
        Some(FieldType::Struct(known)) => known,
        _ => &[],
    };
    let mut known_finder = Finder::new(known, field_name);
    let mut from_finder = Finder::new(from, arrow_name);
    for field in fields {
        let Some(index) = from_finder.find(&field.name) else { continue };
        let known = known_finder.find(&field.name).map(|known_index| &known[known_index].ty);
        if !worth_a_look(from[index].data_type(), &field.ty, known) {
            continue;
        }
        let path = path.field(from[index].name());
        let values = arrays
            .iter()
            .map(|array| hide(array.as_struct().column(index), array.nulls(), &path))
            .collect::<Result<Vec<_>, _>>()?;
        observe(&values, from[index].data_type(), &mut field.ty, known, &path)?;
    }
    Ok(())
}

/// The items of a list, without those under a null list.
fn items(array: &ArrayRef, path: &FieldPath<'_>) -> Result<ArrayRef, ValidationError> {
    let plain = plain_list(array, path)?;
    let parts = match plain.data_type() {
        DataType::LargeList(_) => ListParts::of(plain.as_list::<i64>()),
        _ => ListParts::of(plain.as_list::<i32>()),
    };
    hide(&parts.items, parts.holes().as_ref(), path)
}

/// Returns whether the values can change the type. They cannot for most payloads, whose values are then not read.
fn worth_a_look(data_type: &DataType, ty: &FieldType, known: Option<&FieldType>) -> bool {
    if known.is_some_and(|known| contradicts(known, ty)) {
        return true;
    }
    let data_type = unpacked(data_type);
    match (ty, known) {
        // Wide already, or written as floats: then the cast names the first value that is not exact.
        (FieldType::Int { .. }, Some(FieldType::Int { wide: true } | FieldType::Float)) => false,
        (FieldType::Int { .. }, _) => matches!(data_type, DataType::Int64 | DataType::UInt64),
        (FieldType::List(item), known) => list_item(data_type).is_some_and(|from| {
            let known = match known {
                Some(FieldType::List(known)) => Some(&**known),
                _ => None,
            };
            worth_a_look(from.data_type(), item, known)
        }),
        // Checked again for each field, with the table's field.
        (FieldType::Struct(fields), _) => !fields.is_empty(),
        _ => false,
    }
}

/// Returns whether two types have no union, whatever their members are.
fn contradicts(known: &FieldType, ty: &FieldType) -> bool {
    use FieldType::{Float, Int, List, Null, Struct};
    match (known, ty) {
        (Null, _)
        | (_, Null)
        | (Int { .. }, Int { .. })
        | (Float, Int { .. })
        | (Int { wide: false }, Float)
        | (List(_), List(_))
        | (Struct(_), Struct(_)) => false,
        _ => known != ty,
    }
}

/// Returns whether any integer is not exact as a float.
pub fn outgrows_floats(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Int64 => {
            let integers = array.as_primitive::<Int64Type>();
            !integers.values().iter().all(|value| is_dense(value.unsigned_abs()))
                && integers.iter().flatten().any(|value| exact_float(value).is_none())
        }
        DataType::UInt64 => {
            let integers = array.as_primitive::<UInt64Type>();
            integers.iter().flatten().any(|value| exact_float_unsigned(value).is_none())
        }
        _ => false,
    }
}
