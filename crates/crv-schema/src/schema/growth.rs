//! What a later declaration may add to an earlier one, whether written rows fit a declaration, and the types that it fixes.

use arrow_schema::DataType;

use super::arrow::{arrow_type, list_item, unpacked};
use super::finder::Finder;
use super::path::FieldPath;
use super::union::field_name;
use super::{DeclarationError, Field, FieldType};

/// The known columns or fields with what `wanted` adds to them, at the end.
pub(super) fn grown(
    known: &[Field],
    wanted: &[Field],
    at: Option<&FieldPath<'_>>,
) -> Result<Vec<Field>, DeclarationError> {
    let mut fields = known.to_vec();
    let mut finder = Finder::new(known, field_name);
    for field in wanted {
        let path = at.map_or_else(|| FieldPath::column(&field.name), |parent| parent.field(&field.name));
        let Some(index) = finder.find(&field.name) else {
            if field.required {
                return Err(DeclarationError::NewRequired { column: field.name.clone() });
            }
            fields.push(field.clone());
            continue;
        };
        if fields[index].required != field.required {
            return Err(DeclarationError::Mark {
                column: field.name.clone(),
                required: fields[index].required,
            });
        }
        fields[index].ty = grown_type(&known[index].ty, &field.ty, &path)?;
    }
    Ok(fields)
}

fn grown_type(
    known: &FieldType,
    wanted: &FieldType,
    path: &FieldPath<'_>,
) -> Result<FieldType, DeclarationError> {
    match (known, wanted) {
        (FieldType::Struct(known), FieldType::Struct(wanted)) => {
            Ok(FieldType::Struct(grown(known, wanted, Some(path))?))
        }
        (FieldType::List(known), FieldType::List(wanted)) => {
            Ok(FieldType::list(grown_type(known, wanted, &path.item())?))
        }
        (known, wanted) if known == wanted => Ok(known.clone()),
        (known, wanted) => Err(DeclarationError::Type {
            path: path.to_string(),
            known: known.clone(),
            wanted: wanted.clone(),
        }),
    }
}

/// Returns an error if any of the written fields has another type than it is declared with.
pub(super) fn fit_members(
    declared: &[Field],
    written: &[Field],
    at: Option<&FieldPath<'_>>,
) -> Result<(), DeclarationError> {
    let mut finder = Finder::new(written, field_name);
    for field in declared {
        let Some(index) = finder.find(&field.name) else { continue };
        let path = at.map_or_else(|| FieldPath::column(&field.name), |parent| parent.field(&field.name));
        fit_type(&field.ty, &written[index].ty, &path)?;
    }
    Ok(())
}

fn fit_type(declared: &FieldType, written: &FieldType, path: &FieldPath<'_>) -> Result<(), DeclarationError> {
    match (declared, written) {
        (FieldType::Struct(declared), FieldType::Struct(written)) => {
            fit_members(declared, written, Some(path))
        }
        (FieldType::List(declared), FieldType::List(written)) => fit_type(declared, written, &path.item()),
        (_, FieldType::Null)
        | (FieldType::Int { .. }, FieldType::Int { .. })
        | (FieldType::Float, FieldType::Int { wide: false }) => Ok(()),
        (declared, written) if declared == written => Ok(()),
        (declared, written) => Err(DeclarationError::Type {
            path: path.to_string(),
            known: written.clone(),
            wanted: declared.clone(),
        }),
    }
}

/// Sets the types of found fields to those that are declared, where `arrow` says that they are these types.
pub(super) fn fix_members(declared: &[Field], found: &mut [Field], arrow: &arrow_schema::Fields) {
    let mut declared_finder = Finder::new(declared, field_name);
    let mut arrow_finder = Finder::new(arrow, |field| field.name());
    for field in found {
        let declared = declared_finder.find(&field.name).map(|index| &declared[index].ty);
        let from = arrow_finder.find(&field.name).map(|index| arrow[index].data_type());
        if let (Some(declared), Some(from)) = (declared, from) {
            fix_type(declared, &mut field.ty, from);
        }
    }
}

fn fix_type(declared: &FieldType, found: &mut FieldType, from: &DataType) {
    let from = unpacked(from);
    match (declared, &mut *found) {
        (FieldType::Number(_), _) if *from == arrow_type(declared) => *found = declared.clone(),
        (FieldType::Int { .. }, FieldType::Int { wide }) => *wide = false,
        (FieldType::List(declared), FieldType::List(item)) => {
            if let Some(field) = list_item(from) {
                fix_type(declared, item, field.data_type());
            }
        }
        (FieldType::Struct(declared), FieldType::Struct(members)) => {
            if let DataType::Struct(from) = from {
                fix_members(declared, members, from);
            }
        }
        _ => {}
    }
}
