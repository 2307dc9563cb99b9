//! [`Datum`]: a value of a record, and the serializer that makes it.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::{Map, Number, Value};

use super::RecordsError;

/// A value. Floats may be NaN, which JSON cannot hold; integers may be unsigned.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Datum>),
    Object(Vec<(String, Datum)>),
}

impl Datum {
    /// Its kind, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub(super) fn as_integer(&self) -> Option<i128> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }

    pub(super) fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(value) = self { Some(value) } else { None }
    }

    /// Converts a payload to JSON; `path` is for the error.
    pub(super) fn into_json(self, path: &str) -> Result<Value, RecordsError> {
        let refused =
            |what: String| RecordsError::new(format!("`{path}` is {what}, which no payload can hold"));
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => value.into(),
            Self::Int(value) => i64::try_from(value).map_err(|_| refused(value.to_string()))?.into(),
            Self::Float(value) => {
                Value::Number(Number::from_f64(value).ok_or_else(|| refused(value.to_string()))?)
            }
            Self::Text(value) => value.into(),
            Self::Bytes(_) => return Err(refused("bytes".to_owned())),
            Self::List(items) => {
                let path = format!("{path}[]");
                items.into_iter().map(|item| item.into_json(&path)).collect::<Result<_, _>>()?
            }
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, value) in fields {
                    let path = format!("{path}.{name}");
                    let value = value.into_json(&path)?;
                    if object.insert(name, value).is_some() {
                        return Err(RecordsError::new(format!("`{path}` is there twice")));
                    }
                }
                Value::Object(object)
            }
        })
    }
}

/// Makes a [`Datum`] of any value.
pub(super) struct Serializer;

type Result<T, E = RecordsError> = std::result::Result<T, E>;

impl serde::Serializer for Serializer {
    type Ok = Datum;
    type Error = RecordsError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    fn serialize_bool(self, value: bool) -> Result<Datum> {
        Ok(Datum::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_i128(self, value: i128) -> Result<Datum> {
        Ok(Datum::Int(value))
    }

    fn serialize_u8(self, value: u8) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Result<Datum> {
        Ok(Datum::Int(value.into()))
    }

    fn serialize_f32(self, value: f32) -> Result<Datum> {
        Ok(Datum::Float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<Datum> {
        Ok(Datum::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<Datum> {
        Ok(Datum::Text(value.into()))
    }

    fn serialize_str(self, value: &str) -> Result<Datum> {
        Ok(Datum::Text(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Datum> {
        Ok(Datum::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Result<Datum> {
        Ok(Datum::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Datum> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Datum> {
        Ok(Datum::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Datum> {
        Ok(Datum::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Datum> {
        Ok(Datum::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Datum> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Datum> {
        Ok(in_variant(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items> {
        // A length is a hint that a type may get wrong.
        Ok(Items { variant: None, items: Vec::with_capacity(length.unwrap_or(0).min(1_024)) })
    }

    fn serialize_tuple(self, length: usize) -> Result<Items> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items> {
        Ok(Items { variant: Some(variant), items: Vec::new() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members> {
        Ok(Members::default())
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Members> {
        Ok(Members { fields: Vec::with_capacity(length), ..Members::default() })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members> {
        Ok(Members { variant: Some(variant), ..Members::default() })
    }
}

/// The value of an enum's variant is an object with the name of the variant.
fn in_variant(variant: Option<&'static str>, value: Datum) -> Datum {
    match variant {
        Some(variant) => Datum::Object(vec![(variant.to_owned(), value)]),
        None => value,
    }
}

/// The items of a list.
pub(super) struct Items {
    variant: Option<&'static str>,
    items: Vec<Datum>,
}

impl Items {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.items.push(value.serialize(Serializer)?);
        Ok(())
    }

    fn finish(self) -> Datum {
        in_variant(self.variant, Datum::List(self.items))
    }
}

/// Implements a trait of serde whose method has this name.
macro_rules! items {
    ($($of:ident $method:ident),+) => {$(
        impl $of for Items {
            type Ok = Datum;
            type Error = RecordsError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.add(value)
            }

            fn end(self) -> Result<Datum> {
                Ok(self.finish())
            }
        }
    )+};
}

items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

/// The fields of a struct or a map.
#[derive(Default)]
pub(super) struct Members {
    variant: Option<&'static str>,
    key: Option<String>,
    fields: Vec<(String, Datum)>,
}

/// The field in which `serde_json` hands over a number as text, where it keeps every digit.
const NUMBER: &str = "$serde_json::private::Number";

impl Members {
    fn finish(self) -> Datum {
        if let [(name, Datum::Text(digits))] = self.fields.as_slice()
            && name == NUMBER
        {
            return number(digits);
        }
        in_variant(self.variant, Datum::Object(self.fields))
    }
}

fn number(digits: &str) -> Datum {
    let integer = digits.parse().map(Datum::Int);
    let float = || digits.parse().map(Datum::Float);
    integer.ok().or_else(|| float().ok()).unwrap_or_else(|| Datum::Text(digits.to_owned()))
}

impl SerializeMap for Members {
    type Ok = Datum;
    type Error = RecordsError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = Some(match key.serialize(Serializer)? {
            Datum::Text(text) => text,
            Datum::Int(integer) => integer.to_string(),
            other => {
                return Err(RecordsError::new(format!("a key of a map is {}, and not text", other.kind())));
            }
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let key = self.key.take().ok_or_else(|| RecordsError::new("a value of a map has no key"))?;
        self.fields.push((key, value.serialize(Serializer)?));
        Ok(())
    }

    fn end(self) -> Result<Datum> {
        Ok(self.finish())
    }
}

/// The same for structs.
macro_rules! members {
    ($($of:ident),+) => {$(
        impl $of for Members {
            type Ok = Datum;
            type Error = RecordsError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
                self.fields.push((name.to_owned(), value.serialize(Serializer)?));
                Ok(())
            }

            fn end(self) -> Result<Datum> {
                Ok(self.finish())
            }
        }
    )+};
}

members!(SerializeStruct, SerializeStructVariant);
