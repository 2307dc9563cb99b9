//! [`TableId`]: the name of a table, canonical or declared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::GrammarError;
use crate::grammar::{TableName, Vocabulary, assert_lower_snake};

/// The longest name of a declared table in bytes.
pub const TABLE_ID_MAX_BYTES: usize = 63;

/// The name of a table of a run: a canonical table, or one that the run declares.
///
/// Invariant: the text is lower_snake and has at most [`TABLE_ID_MAX_BYTES`] bytes. Canonical tables come first, in the
/// registry's order, then all others by name.
///
/// ```
/// use crv_core::grammar::TableName;
/// use crv_core::tables::TableId;
///
/// let agents: TableId = "agents".parse()?;
/// assert_eq!(agents.as_str(), "agents");
/// assert_eq!(agents.canonical(), None);
/// assert_eq!("holdings".parse(), Ok(TableId::HOLDINGS));
/// assert_eq!(TableId::HOLDINGS.canonical(), Some(TableName::Holdings));
/// assert!(TableId::HOLDINGS < agents);
/// for refused in ["", "Agents", "my agents", "a/b", "a__b"] {
///     assert!(refused.parse::<TableId>().is_err(), "{refused:?}");
/// }
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(Name);

/// The order of the variants is the order of tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Canonical(TableName),
    Declared(Text),
}

/// A text without a copy on the heap; the bytes after it are zero, so that comparing arrays compares texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Text {
    bytes: [u8; TABLE_ID_MAX_BYTES],
    length: u8,
}

impl Text {
    fn of(text: &str) -> Option<Self> {
        let mut bytes = [0; TABLE_ID_MAX_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        // Always valid: copied from a `str`.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The text of a name that is known to be valid.
    const fn literal(name: &'static str) -> Self {
        let mut bytes = [0; TABLE_ID_MAX_BYTES];
        let mut at = 0;
        while at < name.len() && at < TABLE_ID_MAX_BYTES {
            bytes[at] = name.as_bytes()[at];
            at += 1;
        }
        Self { bytes, length: at as u8 }
    }
}

impl TableId {
    /// `model_state`: the declared table with the checkpoints of a simulation's own state.
    pub const MODEL_STATE: Self = Self(Name::Declared(Text::literal("model_state")));

    /// The id of a canonical table.
    pub const fn of(table: TableName) -> Self {
        Self(Name::Canonical(table))
    }

    /// Checks the name of a table.
    ///
    /// # Errors
    /// [`GrammarError::NotLowerSnake`] or [`GrammarError::InvalidId`].
    pub fn new(name: &str) -> Result<Self, GrammarError> {
        if let Ok(table) = TableName::parse(name) {
            return Ok(Self::of(table));
        }
        if !name.is_empty() && name.len() <= TABLE_ID_MAX_BYTES {
            assert_lower_snake(name, "a table name")?;
        }
        let reason = match name.len() {
            0 => "it is empty".to_owned(),
            length => format!("it has {length} bytes, at most {TABLE_ID_MAX_BYTES} are allowed"),
        };
        Text::of(name).filter(|_| !name.is_empty()).map(|text| Self(Name::Declared(text))).ok_or_else(|| {
            GrammarError::InvalidId {
                what: "table name",
                value: name.chars().take(80).collect(),
                reason,
                hint: "use lower-case letters, digits and single underscores between them",
            }
        })
    }

    /// The canonical table of this name; `None` for a table that a run declares.
    pub const fn canonical(self) -> Option<TableName> {
        match self.0 {
            Name::Canonical(table) => Some(table),
            Name::Declared(_) => None,
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Canonical(table) => table.as_str(),
            Name::Declared(text) => text.as_str(),
        }
    }
}

impl From<TableName> for TableId {
    fn from(table: TableName) -> Self {
        Self::of(table)
    }
}

impl PartialEq<TableName> for TableId {
    fn eq(&self, other: &TableName) -> bool {
        self.canonical() == Some(*other)
    }
}

impl FromStr for TableId {
    type Err = GrammarError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TableId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TableId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl serde::de::Visitor<'_> for Name {
            type Value = TableId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a table")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<TableId, E> {
                TableId::new(name).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn canonical_tables_come_first_and_keep_the_order_of_the_registry() {
        let mut names: Vec<TableId> = ["zebra", "a", "holdings_valuation", "exchange", "ab", "messages"]
            .map(|name| name.parse().unwrap())
            .into();
        names.sort_unstable();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["exchange", "messages", "holdings_valuation", "a", "ab", "zebra"]);
    }

    #[test]
    fn a_literal_is_the_name_it_is_written_as() {
        assert_eq!(TableId::new("model_state").unwrap(), TableId::MODEL_STATE);
    }

    #[test]
    fn names_that_are_too_long_or_not_lower_snake_are_refused() {
        assert!(TableId::new(&"a".repeat(TABLE_ID_MAX_BYTES)).is_ok());
        let error = TableId::new(&"a".repeat(TABLE_ID_MAX_BYTES + 1)).unwrap_err().to_string();
        assert!(error.contains("it has 64 bytes, at most 63 are allowed"), "{error}");
        let error = TableId::new("Agents").unwrap_err().to_string();
        assert!(error.starts_with("a table name must be lower_snake, got `Agents`"), "{error}");
    }

    proptest! {
        #[test]
        fn a_name_is_read_back_and_ordered_as_text(a in "[a-z0-9]{1,6}(_[a-z0-9]{1,6}){0,3}", b in "[a-z0-9]{1,9}") {
            let (left, right) = (TableId::new(&a).unwrap(), TableId::new(&b).unwrap());
            prop_assert_eq!(left.as_str(), &a);
            let json = serde_json::to_string(&left).unwrap();
            prop_assert_eq!(serde_json::from_str::<TableId>(&json).unwrap(), left);
            if left.canonical().is_none() && right.canonical().is_none() {
                prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            }
        }
    }
}
