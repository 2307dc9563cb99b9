//! A setting's value before it is checked.

use std::fmt;

/// A value for a setting, from any source.
///
/// [`Text`](Self::Text) and [`Str`](Self::Str) differ: text has no type (an environment variable, a command-line flag)
/// and is parsed as the field's type; a string is a string, and is refused for a number.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// No value: null, `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// Text without a type, to be parsed as the field's type.
    Text(String),
    /// A table of settings, in their order.
    Table(Vec<(String, SettingValue)>),
    /// Any other value, as shown in messages. No field accepts it.
    Other(String),
}

impl SettingValue {
    /// The text, if this is a string or text.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("none"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Table(entries) => {
                f.write_str("a table with ")?;
                match entries.as_slice() {
                    [] => f.write_str("no keys"),
                    [(key, _)] => write!(f, "the key {key}"),
                    [(key, _), rest @ ..] => write!(f, "the key {key} and {} more", rest.len()),
                }
            }
            Self::Other(shown) => f.write_str(shown),
        }
    }
}

impl From<bool> for SettingValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for SettingValue {
    fn from(value: u64) -> Self {
        Self::Int(i128::from(value))
    }
}

impl From<usize> for SettingValue {
    fn from(value: usize) -> Self {
        Self::Int(value as i128)
    }
}

impl From<&str> for SettingValue {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for SettingValue {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl From<toml::Value> for SettingValue {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Boolean(value) => Self::Bool(value),
            toml::Value::Integer(value) => Self::Int(i128::from(value)),
            toml::Value::Float(value) => Self::Float(value),
            toml::Value::String(value) => Self::Str(value),
            toml::Value::Table(table) => {
                Self::Table(table.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
            other @ (toml::Value::Array(_) | toml::Value::Datetime(_)) => Self::Other(other.to_string()),
        }
    }
}
