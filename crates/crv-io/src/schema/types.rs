//! What a field can hold, in words that do not depend on how a producer laid it out in memory.

use std::fmt;

/// How deep a schema may nest: a column is at level 1, each list and each struct adds one.
///
/// Two JSON levels per struct keep the deepest schema, inside a commit file, below the 128 levels that a JSON reader
/// accepts.
pub const MAX_DEPTH: usize = 48;

/// The placeholder field of a struct without fields, which Parquet cannot store.
pub const EMPTY_FIELD: &str = "_crv_empty";

/// A field: a column of a table, or a member of a payload struct.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, as the producer wrote it.
    pub name: String,
    /// What it holds.
    pub ty: FieldType,
    /// Present and never null, in every part so far. Only columns are ever required; fields inside payloads are not.
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
    /// Nothing but nulls so far; becomes whatever comes.
    Null,
    /// True or false.
    Bool,
    /// A 64-bit integer. `wide` once a value came that a float cannot hold exactly: such a field cannot become
    /// [`FieldType::Float`] any more, since a cast never changes a value.
    Int {
        /// A value beyond what a float holds exactly has been written.
        wide: bool,
    },
    /// A 64-bit float.
    Float,
    /// Text.
    Str,
    /// Bytes.
    Binary,
    /// A day.
    Date,
    /// A time of day, in microseconds.
    Time,
    /// An instant (with a zone) or a wall-clock time (without), in microseconds.
    Timestamp {
        /// The time zone's name.
        zone: Option<String>,
    },
    /// A span of time, in microseconds.
    Duration,
    /// A decimal number.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// A list of one type.
    List(Box<FieldType>),
    /// Named fields, in the order in which they first appeared.
    Struct(Vec<Field>),
}

impl FieldType {
    /// A 64-bit integer that fits a float so far.
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
            FieldType::Str => f.write_str("str"),
            FieldType::Binary => f.write_str("binary"),
            FieldType::Date => f.write_str("date"),
            FieldType::Time => f.write_str("time"),
            FieldType::Timestamp { zone: None } => f.write_str("timestamp"),
            FieldType::Timestamp { zone: Some(zone) } => write!(f, "timestamp[{zone}]"),
            FieldType::Duration => f.write_str("duration"),
            FieldType::Decimal { precision, scale } => write!(f, "decimal[{precision},{scale}]"),
            FieldType::List(item) => write!(f, "list[{item}]"),
            // The members would bury the word in a message; paths lead to the member that matters.
            FieldType::Struct(_) => f.write_str("struct"),
        }
    }
}
