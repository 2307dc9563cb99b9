//! What the Parquet writer gets: the layout that a frame's columns have already, as far as Parquet can store it.
//!
//! Parquet stores the same bytes for all three layouts of text and for both widths of list offsets, so that those pass
//! as they are. A struct without fields gets a placeholder field. A field that is nothing but nulls, with no type, is
//! not written; readers insert it. Inside a list there is nothing to leave out: such a list is written with untyped
//! items, and the part is *provisional*.

use arrow_schema::{DataType, Field as ArrowField, Fields};

use crate::schema::{
    EMPTY_FIELD, Field, FieldType, Finder, arrow_type, field_name, is_string, list_item, unpacked,
};

/// The name Parquet's specification gives to the items of a list.
const LIST_ITEM: &str = "element";

/// The type to write a column or field of type `from` as, which the table holds as `ty`.
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
            // All null here and of no type in the table either: nothing to write.
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

/// Whether an untyped null is written somewhere.
pub(super) fn has_untyped(data_type: &DataType) -> bool {
    any_leaf(data_type, &|leaf| *leaf == DataType::Null)
}

/// Whether Parquet's own types say too little to read a column back: it knows instants but no zones, and no durations.
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
