//! Which leaves of a part's Parquet schema hold the columns, and the fields in them, of a table's schema.

use parquet::arrow::ProjectionMask;
use parquet::basic::{ConvertedType, LogicalType};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::target::TICK;
use crate::schema::{Field, FieldType, TableSchema};

/// The leaves of the columns and fields of `wanted`, and of `tick` if `ticks`.
pub(super) fn leaves(part: &SchemaDescriptor, wanted: &TableSchema, ticks: bool) -> ProjectionMask {
    let mut leaves = Leaves { next: 0, wanted: Vec::new() };
    for column in part.root_schema().get_fields() {
        match find(&wanted.fields, column.name()) {
            Some(field) => leaves.take(column, &field.ty),
            None if ticks && column.name() == TICK => leaves.take_all(column),
            None => leaves.next += count(column),
        }
    }
    ProjectionMask::leaves(part, leaves.wanted)
}

struct Leaves {
    /// The leaf that comes next in the schema.
    next: usize,
    wanted: Vec<usize>,
}

impl Leaves {
    fn take_all(&mut self, column: &Type) {
        let end = self.next + count(column);
        self.wanted.extend(self.next..end);
        self.next = end;
    }

    /// Takes the leaves of `ty` among those of `column`.
    fn take(&mut self, column: &Type, ty: &FieldType) {
        match ty {
            FieldType::Struct(members) if !column.is_primitive() && !is_list(column) => {
                let (first, before) = (self.next, self.wanted.len());
                for field in column.get_fields() {
                    match find(members, field.name()) {
                        Some(member) => self.take(field, &member.ty),
                        None => self.next += count(field),
                    }
                }
                // The nulls of a struct are known from any of its leaves.
                if self.wanted.len() == before && self.next > first {
                    self.wanted.push(first);
                }
            }
            FieldType::List(item) => match items(column) {
                Some(items) => self.take(items, item),
                None => self.take_all(column),
            },
            _ => self.take_all(column),
        }
    }
}

fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name == name)
}

fn count(column: &Type) -> usize {
    if column.is_primitive() { 1 } else { column.get_fields().iter().map(|field| count(field)).sum() }
}

fn is_list(column: &Type) -> bool {
    let info = column.get_basic_info();
    info.logical_type_ref() == Some(&LogicalType::List) || info.converted_type() == ConvertedType::LIST
}

/// The items of a list of three levels.
fn items(column: &Type) -> Option<&Type> {
    if column.is_primitive() || !is_list(column) {
        return None;
    }
    let [repeated] = column.get_fields() else { return None };
    if repeated.is_primitive() {
        return None;
    }
    let [items] = repeated.get_fields() else { return None };
    Some(items)
}
