//! How schemas grow: the union of two schemas, and whether one covers the other.

use super::finder::Finder;
use super::path::FieldPath;
use super::{Field, FieldType, TableSchema};

/// Two types of one field that have no common type without changing a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{path}` is {left} on one side and {right} on the other")]
pub struct SchemaConflict {
    /// The field, from its column down: `additional_payload.legs[].price`.
    pub path: String,
    /// Its type in the first schema.
    pub left: FieldType,
    /// Its type in the second schema.
    pub right: FieldType,
}

impl TableSchema {
    /// Returns the smallest schema that covers both: fields in order of first appearance, integers widened to floats if
    /// the other side has floats, all-null fields with the other side's type, structs and lists joined recursively.
    pub fn union(&self, other: &TableSchema) -> Result<TableSchema, SchemaConflict> {
        let fields = union_fields(&self.fields, &other.fields, None)?;
        Ok(TableSchema { fields })
    }

    /// The union with the schema of one of the table's parts, where a column that the part lacks counts as null in it.
    pub fn union_with_part(&self, part: &TableSchema) -> Result<TableSchema, SchemaConflict> {
        let mut schema = self.union(part)?;
        let mut finder = Finder::new(&part.fields, field_name);
        for field in &mut schema.fields {
            field.required &= finder.find(&field.name).is_some();
        }
        Ok(schema)
    }

    /// Returns whether the union with the other schema is this schema.
    pub fn covers(&self, other: &TableSchema) -> bool {
        fields_cover(&self.fields, &other.fields)
    }
}

/// The name of a field, for a [`Finder`](super::Finder).
pub fn field_name(field: &Field) -> &str {
    &field.name
}

fn union_fields(
    left: &[Field],
    right: &[Field],
    at: Option<&FieldPath<'_>>,
) -> Result<Vec<Field>, SchemaConflict> {
    let mut fields = left.to_vec();
    let mut finder = Finder::new(left, field_name);
    for field in right {
        let Some(index) = finder.find(&field.name) else {
            fields.push(field.clone());
            continue;
        };
        let path = match at {
            Some(parent) => parent.field(&field.name),
            None => FieldPath::column(&field.name),
        };
        if let Some(ty) = union_types(&left[index].ty, &field.ty, &path)? {
            fields[index].ty = ty;
        }
        fields[index].required = left[index].required && field.required;
    }
    Ok(fields)
}

/// Returns the union, or `None` if it equals the left type.
fn union_types(
    left: &FieldType,
    right: &FieldType,
    path: &FieldPath<'_>,
) -> Result<Option<FieldType>, SchemaConflict> {
    if type_covers(left, right) {
        return Ok(None);
    }
    Ok(Some(match (left, right) {
        (FieldType::Null, _) => right.clone(),
        (FieldType::Int { .. }, FieldType::Int { wide }) => FieldType::Int { wide: *wide },
        (FieldType::Int { wide: false }, FieldType::Float) => FieldType::Float,
        (FieldType::List(left), FieldType::List(right)) => {
            let item = union_types(left, right, &path.item())?.unwrap_or_else(|| (**left).clone());
            FieldType::list(item)
        }
        (FieldType::Struct(left), FieldType::Struct(right)) => {
            FieldType::Struct(union_fields(left, right, Some(path))?)
        }
        _ => {
            return Err(SchemaConflict { path: path.to_string(), left: left.clone(), right: right.clone() });
        }
    }))
}

/// Returns whether the left type holds every value of the right one unchanged.
fn type_covers(left: &FieldType, right: &FieldType) -> bool {
    match (left, right) {
        (_, FieldType::Null)
        | (FieldType::Int { wide: true }, FieldType::Int { .. })
        | (FieldType::Float, FieldType::Int { wide: false }) => true,
        (FieldType::List(left), FieldType::List(right)) => type_covers(left, right),
        (FieldType::Struct(left), FieldType::Struct(right)) => fields_cover(left, right),
        _ => left == right,
    }
}

fn fields_cover(left: &[Field], right: &[Field]) -> bool {
    let mut finder = Finder::new(left, field_name);
    right.iter().all(|field| {
        finder.find(&field.name).is_some_and(|index| {
            (field.required || !left[index].required) && type_covers(&left[index].ty, &field.ty)
        })
    })
}
