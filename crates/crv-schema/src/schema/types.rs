//! Logical types of fields, independent of a producer's memory layout.

use std::fmt;

/// How deeply a schema may be nested: a column is at level 1, each list and each struct adds one.
///
/// A struct takes two JSON levels, so that the deepest schema, in a commit file, stays below the 128 levels that JSON
/// readers accept.
pub const MAX_DEPTH: usize = 48;

/// The placeholder field of a struct without fields, which Parquet cannot store.
pub const EMPTY_FIELD: &str = "_crv_empty";

/// A field: a column of a table, or a member of a payload struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, as the producer wrote it.
    pub name: String,
    /// Its type.
    pub ty: FieldType,
    /// Present and never null in every part so far. Only columns can be required, not fields in payloads.
    pub required: bool,
}

impl Field {
    /// A field that may be null or absent.
    pub fn nullable(name: impl Into<String>, ty: FieldType) -> Self {
        Field { name: name.into(), ty, required: false }
    }

    /// A field that is present and never null.
    pub fn required(name: impl Into<String>, ty: FieldType) -> Self {
        Field { name: name.into(), ty, required: true }
    }
}

/// The logical type of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Only nulls so far; takes the type of the first value.
    Null,
    /// True or false.
    Bool,
    /// A 64-bit integer. `wide` after a value was written that a float cannot hold exactly: such a field can no longer
    /// become [`FieldType::Float`], since a cast never changes a value.
    Int {
        /// A value that a float cannot hold exactly has been written.
        wide: bool,
    },
    /// A 64-bit float.
    Float,
    /// A number of a narrower type, or an unsigned one. Only declared columns and fields have such a type.
    Number(Width),
    /// Text.
    Str,
    /// Bytes.
    Binary,
    /// A day.
    Date,
    /// A time of day, in microseconds.
    Time,
    /// An instant (with a zone) or a local time (without), in microseconds.
    Timestamp {
        /// The time zone's name.
        zone: Option<String>,
    },
    /// A span of time, in microseconds.
    Duration,
    /// A decimal number.
    Decimal {
        /// Digits in total.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// A list of one type.
    List(Box<FieldType>),
    /// Named fields, in the order in which they first appeared.
    Struct(Vec<Field>),
}

/// A type of numbers other than `i64` and `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// An 8-bit integer.
    I8,
    /// A 16-bit integer.
    I16,
    /// A 32-bit integer.
    I32,
    /// An unsigned 8-bit integer.
    U8,
    /// An unsigned 16-bit integer.
    U16,
    /// An unsigned 32-bit integer.
    U32,
    /// An unsigned 64-bit integer.
    U64,
    /// A 32-bit float.
    F32,
}

impl Width {
    /// Every type, in the order of the format.
    pub const ALL: [Self; 8] =
        [Self::I8, Self::I16, Self::I32, Self::U8, Self::U16, Self::U32, Self::U64, Self::F32];

    /// The type of this name in the format.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.as_str() == name)
    }

    /// Its name in the format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F32 => "f32",
        }
    }
}

impl FieldType {
    /// A 64-bit integer that is not wide.
    pub const INT: FieldType = FieldType::Int { wide: false };

    /// A list of this type.
    pub fn list(item: FieldType) -> Self {
        FieldType::List(Box::new(item))
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldType::Null => f.write_str("null"),
            FieldType::Bool => f.write_str("bool"),
            FieldType::Int { wide: false } => f.write_str("i64"),
            FieldType::Int { wide: true } => f.write_str("i64 with values that f64 cannot hold exactly"),
            FieldType::Float => f.write_str("f64"),
            FieldType::Number(width) => f.write_str(width.as_str()),
            FieldType::Str => f.write_str("str"),
            FieldType::Binary => f.write_str("binary"),
            FieldType::Date => f.write_str("date"),
            FieldType::Time => f.write_str("time"),
            FieldType::Timestamp { zone: None } => f.write_str("timestamp"),
            FieldType::Timestamp { zone: Some(zone) } => write!(f, "timestamp[{zone}]"),
            FieldType::Duration => f.write_str("duration"),
            FieldType::Decimal { precision, scale } => write!(f, "decimal[{precision},{scale}]"),
            FieldType::List(item) => write!(f, "list[{item}]"),
            // Members would make messages too long; paths name the member that matters.
            FieldType::Struct(_) => f.write_str("struct"),
        }
    }
}
