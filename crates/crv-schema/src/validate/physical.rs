//! The types that the Parquet writer gets: the frame's own layout, as far as Parquet can store it.
//!
//! Parquet stores the same bytes for all three layouts of text and for both widths of list offsets, so these are passed
//! unchanged. A struct without fields gets a placeholder field. An untyped field, which has only nulls, is not written;
//! readers insert it. The items of a list cannot be left out: such a list is written with untyped items, and the part
//! is
//! *provisional*.

use arrow_schema::{DataType, Field as ArrowField, Fields};

use crate::schema::{
    EMPTY_FIELD, Field, FieldType, Finder, arrow_type, field_name, is_string, list_item, unpacked,
};

/// The name of list items in Parquet's specification.
const LIST_ITEM: &str = "element";

/// The type in the part for a column or field of type `from` whose logical type in the table is `ty`.
pub(super) fn physical_type(from: &DataType, ty: &FieldType) -> DataType {
    let from = unpacked(from);
    match ty {
        FieldType::Str if is_string(from) => from.clone(),
        FieldType::Binary if matches!(from, DataType::LargeBinary | DataType::BinaryView) => from.clone(),
        FieldType::List(item) => {
            let from_item = list_item(from).map_or(&DataType::Null, |field| field.data_type());
            let field = ArrowField::new(LIST_ITEM, physical_type(from_item, item), true);
            match from {
                DataType::LargeList(_) | DataType::LargeListView(_) => DataType::LargeList(field.into()),
                _ => DataType::List(field.into()),
            }
        }
        FieldType::Struct(fields) => match from {
            DataType::Struct(members) => physical_struct(members, fields),
            _ => placeholder(),
        },
        _ => arrow_type(ty),
    }
}

/// The members that have a type, in the frame's order.
fn physical_struct(members: &Fields, fields: &[Field]) -> DataType {
    let mut finder = Finder::new(fields, field_name);
    let mut written = Vec::with_capacity(members.len());
    for member in members {
        if *unpacked(member.data_type()) == DataType::Null {
            continue;
        }
        if let Some(index) = finder.find(member.name()) {
            // Untyped in the table too: not written.
            if fields[index].ty != FieldType::Null {
                let data_type = physical_type(member.data_type(), &fields[index].ty);
                written.push(ArrowField::new(member.name(), data_type, true));
            }
        }
    }
    if written.is_empty() { placeholder() } else { DataType::Struct(written.into()) }
}

fn placeholder() -> DataType {
    DataType::Struct(Fields::from(vec![ArrowField::new(EMPTY_FIELD, DataType::Boolean, true)]))
}

/// Returns whether any leaf is written as untyped nulls.
pub(super) fn has_untyped(data_type: &DataType) -> bool {
    any_leaf(data_type, &|leaf| *leaf == DataType::Null)
}

/// Returns whether Parquet's types are not enough to read a column back: Parquet has no zones other than UTC, and no
/// durations.
pub(super) fn needs_arrow_schema(data_type: &DataType) -> bool {
    any_leaf(data_type, &|leaf| match leaf {
        DataType::Timestamp(_, Some(zone)) => &**zone != "UTC",
        DataType::Duration(_) => true,
        _ => false,
    })
}

fn any_leaf(data_type: &DataType, test: &impl Fn(&DataType) -> bool) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| any_leaf(field.data_type(), test)),
        DataType::List(item) | DataType::LargeList(item) => any_leaf(item.data_type(), test),
        leaf => test(leaf),
    }
}
