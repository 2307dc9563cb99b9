//! The JSON form of a schema in manifests and commit files:
//! `{"fields": [{"name": "tick", "type": "i64", "required": true}, {"name": "additional_payload", "type": "struct",
//! "fields": [{"name": "legs", "type": "list", "item": {"type": "i64"}}]}]}`.
//!
//! Documents are not trusted: depth, names and types are checked. Unknown keys are ignored.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::arrow::decimal_fits;
use super::finder::first_duplicate;
use super::path::FieldPath;
use super::types::{EMPTY_FIELD, MAX_DEPTH, Width};
use super::{Field, FieldType, SchemaError, TableSchema};

#[derive(Serialize, Deserialize)]
struct WireSchema {
    fields: Vec<WireField>,
}

/// A field, or (without a name) the item of a list.
#[derive(Default, Serialize, Deserialize)]
struct WireField {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type")]
    word: String,
    #[serde(default, skip_serializing_if = "is_false")]
    required: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    wide: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    precision: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<i8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<Box<WireField>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<WireField>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Serialize for TableSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireSchema { fields: self.fields.iter().map(to_wire).collect() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TableSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireSchema::deserialize(deserializer)?;
        let fields = from_wire_fields(wire.fields, None).map_err(serde::de::Error::custom)?;
        Ok(TableSchema { fields })
    }
}

fn to_wire(field: &Field) -> WireField {
    WireField { name: Some(field.name.clone()), required: field.required, ..type_to_wire(&field.ty) }
}

fn type_to_wire(ty: &FieldType) -> WireField {
    let word = |word: &str| WireField { word: word.to_owned(), ..WireField::default() };
    match ty {
        FieldType::Null => word("null"),
        FieldType::Bool => word("bool"),
        FieldType::Int { wide } => WireField { wide: *wide, ..word("i64") },
        FieldType::Float => word("f64"),
        FieldType::Number(width) => word(width.as_str()),
        FieldType::Str => word("str"),
        FieldType::Binary => word("binary"),
        FieldType::Date => word("date"),
        FieldType::Time => word("time"),
        FieldType::Timestamp { zone } => WireField { zone: zone.clone(), ..word("timestamp") },
        FieldType::Duration => word("duration"),
        FieldType::Decimal { precision, scale } => {
            WireField { precision: Some(*precision), scale: Some(*scale), ..word("decimal") }
        }
        FieldType::List(item) => WireField { item: Some(Box::new(type_to_wire(item))), ..word("list") },
        FieldType::Struct(fields) => {
            WireField { fields: Some(fields.iter().map(to_wire).collect()), ..word("struct") }
        }
    }
}

fn from_wire_fields(
    wires: Vec<WireField>,
    parent: Option<&FieldPath<'_>>,
) -> Result<Vec<Field>, SchemaError> {
    let at = |name: &str| match parent {
        Some(parent) => parent.field(name).to_string(),
        None => name.to_owned(),
    };
    let mut fields = Vec::with_capacity(wires.len());
    for mut wire in wires {
        let name = wire
            .name
            .take()
            .ok_or_else(|| problem(at("?"), format!("a field of type {} has no name", wire.word)))?;
        let path = match parent {
            Some(parent) => parent.field(&name),
            None => FieldPath::column(&name),
        };
        let required = wire.required && parent.is_none();
        let ty = from_wire_type(wire, &path)?;
        if name == EMPTY_FIELD {
            return Err(SchemaError::Reserved { path: path.to_string() });
        }
        fields.push(Field { name, ty, required });
    }
    match first_duplicate(fields.iter().map(|field| field.name.as_str())) {
        Some(name) => Err(SchemaError::Duplicate { path: at(name) }),
        None => Ok(fields),
    }
}

fn from_wire_type(wire: WireField, path: &FieldPath<'_>) -> Result<FieldType, SchemaError> {
    if path.depth() > MAX_DEPTH {
        return Err(SchemaError::TooDeep { path: path.to_string() });
    }
    let missing = |key: &str| problem(path.to_string(), format!("`{key}` is missing"));
    Ok(match wire.word.as_str() {
        "null" => FieldType::Null,
        "bool" => FieldType::Bool,
        "i64" => FieldType::Int { wide: wire.wide },
        "f64" => FieldType::Float,
        "str" => FieldType::Str,
        "binary" => FieldType::Binary,
        "date" => FieldType::Date,
        "time" => FieldType::Time,
        "timestamp" => FieldType::Timestamp { zone: wire.zone.filter(|zone| !zone.is_empty()) },
        "duration" => FieldType::Duration,
        "decimal" => {
            let precision = wire.precision.ok_or_else(|| missing("precision"))?;
            let scale = wire.scale.ok_or_else(|| missing("scale"))?;
            if !decimal_fits(precision, scale) {
                return Err(problem(path.to_string(), format!("invalid type decimal[{precision},{scale}]")));
            }
            FieldType::Decimal { precision, scale }
        }
        "list" => {
            let item = wire.item.ok_or_else(|| missing("item"))?;
            FieldType::list(from_wire_type(*item, &path.item())?)
        }
        "struct" => {
            let fields = wire.fields.ok_or_else(|| missing("fields"))?;
            FieldType::Struct(from_wire_fields(fields, Some(path))?)
        }
        other => match Width::parse(other) {
            Some(width) => FieldType::Number(width),
            None => return Err(problem(path.to_string(), format!("unknown type {other:?}"))),
        },
    })
}

fn problem(path: String, reason: String) -> SchemaError {
    SchemaError::Document { path, reason }
}
