//! Conversion between logical and Arrow types: of producers' columns, and for readers.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};

use super::finder::first_duplicate;
use super::path::FieldPath;
use super::types::{EMPTY_FIELD, MAX_DEPTH, Width};
use super::{Field, FieldType, SchemaError, TableSchema};

/// The origin of an Arrow schema: decides how a field named like the placeholder is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A producer; the placeholder's name is refused.
    Producer,
    /// A part on disk; the placeholder is dropped.
    Part,
}

impl TableSchema {
    /// The schema that readers get.
    pub fn to_arrow(&self) -> SchemaRef {
        let field = |field: &Field| ArrowField::new(&field.name, arrow_type(&field.ty), !field.required);
        Arc::new(Schema::new(self.fields.iter().map(field).collect::<Fields>()))
    }

    /// The logical schema of a part, from the Arrow schema that its Parquet schema maps to.
    ///
    /// Values are not considered; the schema of a part also uses the statistics of its footer.
    pub fn from_parquet_arrow(schema: &Schema) -> Result<TableSchema, SchemaError> {
        let fields = schema.fields();
        if let Some(name) = first_duplicate(fields.iter().map(|field| field.name().as_str())) {
            return Err(SchemaError::Duplicate { path: name.to_owned() });
        }
        let column = |field: &Arc<ArrowField>| {
            let path = FieldPath::column(field.name());
            Ok(Field {
                name: field.name().clone(),
                ty: logical_type(field.data_type(), &path, Origin::Part)?,
                required: !field.is_nullable(),
            })
        };
        Ok(TableSchema { fields: fields.iter().map(column).collect::<Result<_, SchemaError>>()? })
    }
}

/// The same fields, with texts as views (`Utf8View`) at every depth.
pub fn string_views(fields: &Fields) -> Fields {
    with_texts(fields, &DataType::Utf8View)
}

/// The same fields, with texts as dictionaries (32-bit keys, `Utf8` values) at every depth.
pub fn string_dictionaries(fields: &Fields) -> Fields {
    with_texts(fields, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
}

fn with_texts(fields: &Fields, text: &DataType) -> Fields {
    let of_item = |item: &Arc<ArrowField>| {
        let changed = with_texts(&Fields::from([Arc::clone(item)]), text);
        changed.first().map_or_else(|| Arc::clone(item), Arc::clone)
    };
    let changed = |data_type: &DataType| match data_type {
        DataType::Utf8 | DataType::LargeUtf8 => text.clone(),
        DataType::List(item) => DataType::List(of_item(item)),
        DataType::LargeList(item) => DataType::LargeList(of_item(item)),
        DataType::Struct(members) => DataType::Struct(with_texts(members, text)),
        other => other.clone(),
    };
    let field = |field: &Arc<ArrowField>| {
        let data_type = changed(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    fields.iter().map(field).collect()
}

/// The Arrow type that readers see.
pub fn arrow_type(ty: &FieldType) -> DataType {
    match ty {
        FieldType::Null => DataType::Null,
        FieldType::Bool => DataType::Boolean,
        FieldType::Int { .. } => DataType::Int64,
        FieldType::Float => DataType::Float64,
        FieldType::Number(width) => arrow_number(*width),
        FieldType::Str => DataType::Utf8,
        FieldType::Binary => DataType::Binary,
        FieldType::Date => DataType::Date32,
        FieldType::Time => DataType::Time64(TimeUnit::Microsecond),
        FieldType::Timestamp { zone } => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_deref().map(Arc::from))
        }
        FieldType::Duration => DataType::Duration(TimeUnit::Microsecond),
        FieldType::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
        FieldType::List(item) => DataType::new_list(arrow_type(item), true),
        FieldType::Struct(fields) => {
            let field = |field: &Field| ArrowField::new(&field.name, arrow_type(&field.ty), true);
            DataType::Struct(fields.iter().map(field).collect())
        }
    }
}

fn arrow_number(width: Width) -> DataType {
    match width {
        Width::I8 => DataType::Int8,
        Width::I16 => DataType::Int16,
        Width::I32 => DataType::Int32,
        Width::U8 => DataType::UInt8,
        Width::U16 => DataType::UInt16,
        Width::U32 => DataType::UInt32,
        Width::U64 => DataType::UInt64,
        Width::F32 => DataType::Float32,
    }
}

/// The logical type of an Arrow type that a table declares: as [`logical_type`], but numbers keep their width.
pub fn declared_type(data_type: &DataType, path: &FieldPath<'_>) -> Result<FieldType, SchemaError> {
    let mut ty = logical_type(data_type, path, Origin::Producer)?;
    keep_widths(&mut ty, data_type);
    Ok(ty)
}

/// Sets the types of numbers in `ty`, the logical type of `data_type`, to those of `data_type`.
fn keep_widths(ty: &mut FieldType, data_type: &DataType) {
    let data_type = unpacked(data_type);
    match (&mut *ty, data_type) {
        (FieldType::Int { .. } | FieldType::Float, number) => {
            if let Some(width) = Width::ALL.into_iter().find(|width| arrow_number(*width) == *number) {
                *ty = FieldType::Number(width);
            }
        }
        (FieldType::List(item), list) => {
            if let Some(from) = list_item(list) {
                keep_widths(item, from.data_type());
            }
        }
        (FieldType::Struct(members), DataType::Struct(from)) => {
            members
                .iter_mut()
                .zip(from)
                .for_each(|(member, from)| keep_widths(&mut member.ty, from.data_type()));
        }
        _ => {}
    }
}

/// The logical type of an Arrow type. Integers are not wide: that depends on values.
pub fn logical_type(
    data_type: &DataType,
    path: &FieldPath<'_>,
    origin: Origin,
) -> Result<FieldType, SchemaError> {
    if path.depth() > MAX_DEPTH {
        return Err(SchemaError::TooDeep { path: path.to_string() });
    }
    Ok(match data_type {
        DataType::Null => FieldType::Null,
        DataType::Boolean => FieldType::Bool,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => FieldType::INT,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => FieldType::Float,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => FieldType::Str,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            FieldType::Binary
        }
        DataType::Date32 | DataType::Date64 => FieldType::Date,
        DataType::Time32(_) | DataType::Time64(_) => FieldType::Time,
        DataType::Timestamp(_, zone) => {
            let zone = zone.as_deref().filter(|zone| !zone.is_empty()).map(str::to_owned);
            FieldType::Timestamp { zone }
        }
        DataType::Duration(_) => FieldType::Duration,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if decimal_fits(*precision, *scale) =>
        {
            FieldType::Decimal { precision: *precision, scale: *scale }
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => {
            FieldType::list(logical_type(item.data_type(), &path.item(), origin)?)
        }
        DataType::Struct(fields) => FieldType::Struct(members(fields, path, origin)?),
        DataType::Dictionary(_, values) => logical_type(values, path, origin)?,
        DataType::RunEndEncoded(_, values) => logical_type(values.data_type(), path, origin)?,
        other => {
            let (path, found) = (path.to_string(), other.to_string());
            return Err(SchemaError::Unsupported { path, found, instead: instead_of(other) });
        }
    })
}

fn members(fields: &Fields, path: &FieldPath<'_>, origin: Origin) -> Result<Vec<Field>, SchemaError> {
    if let Some(name) = first_duplicate(fields.iter().map(|field| field.name().as_str())) {
        return Err(SchemaError::Duplicate { path: path.field(name).to_string() });
    }
    let mut members = Vec::with_capacity(fields.len());
    for field in fields {
        let path = path.field(field.name());
        if field.name() == EMPTY_FIELD {
            match origin {
                Origin::Producer => return Err(SchemaError::Reserved { path: path.to_string() }),
                Origin::Part => continue,
            }
        }
        members.push(Field::nullable(field.name(), logical_type(field.data_type(), &path, origin)?));
    }
    Ok(members)
}

/// Returns whether Parquet and a 128-bit integer can hold such a decimal.
pub(super) fn decimal_fits(precision: u8, scale: i8) -> bool {
    (1..=38).contains(&precision) && u8::try_from(scale).is_ok_and(|scale| scale <= precision)
}

fn instead_of(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Map(_, _) => "use a list of structs with the fields `key` and `value`",
        DataType::Union(_, _) => "use a struct with one field per alternative",
        DataType::Interval(_) => "use a duration, or integers",
        _ => "use a decimal of at most 38 digits and no negative scale, or text",
    }
}

/// The type of the values behind dictionaries and runs.
pub fn unpacked(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => unpacked(values),
        DataType::RunEndEncoded(_, values) => unpacked(values.data_type()),
        other => other,
    }
}

/// Whether the type is text in one of Arrow's three layouts.
pub fn is_string(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The item field of a list in any of Arrow's five layouts.
pub fn list_item(data_type: &DataType) -> Option<&Arc<ArrowField>> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => Some(item),
        _ => None,
    }
}
