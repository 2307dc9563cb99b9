//! The type of a column of a frame, from the type that the table's descriptor gives it.
//!
//! The descriptor fixes the types that it names. A struct may have further fields, in a column and inside payloads: their
//! types come from the frame, and may grow.

use arrow_array::Array;

use super::columns::Input;
use super::{ValidationError, observe};
use crate::schema::{Field, FieldPath, FieldType, Finder, Origin, TableSchema, field_name, logical_type};

/// Returns the logical type of the input for a column that the descriptor declares.
pub(super) fn refine(
    declared: &FieldType,
    input: &Input,
    table: &TableSchema,
    path: &FieldPath<'_>,
) -> Result<FieldType, ValidationError> {
    if !has_members(declared) {
        // The cast decides whether the values fit.
        return Ok(declared.clone());
    }
    let found = logical_type(&input.data_type, path, Origin::Producer)?;
    let mut ty = match merged(declared, found, path) {
        Ok(ty) => ty,
        // Only nulls: of any type.
        Err(_) if input.arrays.iter().all(|array| array.logical_null_count() == array.len()) => {
            return Ok(declared.clone());
        }
        Err(Mismatch { path, found, wanted, .. }) => {
            return Err(ValidationError::Type { path, found: found.to_string(), wanted: wanted.to_string() });
        }
    };
    let known = table.field(&path.to_string()).map(|field| &field.ty);
    observe::observe(&input.arrays, &input.data_type, &mut ty, known, path)?;
    fix(declared, &mut ty);
    // Only an all-null payload can have no type here.
    Ok(if ty == FieldType::Null { declared.clone() } else { ty })
}

/// Returns whether there are structs in the type: only they may have further fields.
fn has_members(ty: &FieldType) -> bool {
    match ty {
        FieldType::Struct(_) => true,
        FieldType::List(item) => has_members(item),
        _ => false,
    }
}

/// A value of another shape than the declared one.
struct Mismatch {
    path: String,
    found: FieldType,
    wanted: FieldType,
    /// Whether the types themselves differ, and not those of a field.
    direct: bool,
}

/// The found type with the declared types where the descriptor names them.
fn merged(declared: &FieldType, found: FieldType, path: &FieldPath<'_>) -> Result<FieldType, Mismatch> {
    match (declared, found) {
        (declared, FieldType::Null) => Ok(declared.clone()),
        (FieldType::Struct(declared), FieldType::Struct(found)) => {
            let mut finder = Finder::new(declared, field_name);
            let member = |field: Field| {
                let Some(index) = finder.find(&field.name) else { return Ok(field) };
                let ty = merged(&declared[index].ty, field.ty, &path.field(&field.name))
                    .map_err(|mismatch| Mismatch { direct: false, ..mismatch })?;
                Ok(Field { ty, ..field })
            };
            Ok(FieldType::Struct(found.into_iter().map(member).collect::<Result<_, _>>()?))
        }
        (FieldType::List(declared), FieldType::List(found)) => {
            let item = merged(declared, *found, &path.item()).map_err(|mismatch| {
                if !mismatch.direct {
                    return mismatch;
                }
                let (found, wanted) = (FieldType::list(mismatch.found), FieldType::list(mismatch.wanted));
                Mismatch { path: path.to_string(), found, wanted, direct: true }
            })?;
            Ok(FieldType::list(item))
        }
        (declared @ (FieldType::Struct(_) | FieldType::List(_)), found) => {
            Err(Mismatch { path: path.to_string(), found, wanted: declared.clone(), direct: true })
        }
        (declared, _) => Ok(declared.clone()),
    }
}

/// Clears what the values told about integers that are declared: they stay integers.
fn fix(declared: &FieldType, ty: &mut FieldType) {
    match (declared, ty) {
        (FieldType::Int { .. }, FieldType::Int { wide }) => *wide = false,
        (FieldType::List(declared), FieldType::List(item)) => fix(declared, item),
        (FieldType::Struct(declared), FieldType::Struct(members)) => {
            let mut finder = Finder::new(declared, field_name);
            for member in members {
                if let Some(index) = finder.find(&member.name) {
                    fix(&declared[index].ty, &mut member.ty);
                }
            }
        }
        _ => {}
    }
}
