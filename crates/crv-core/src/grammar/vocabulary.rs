//! [`Vocabulary`], the trait of the grammar's enums, and the macro that declares them.

use crate::suggest::nearest;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use crate::error::GrammarError;

/// A closed, ordered list of lower_snake values.
///
/// All enums of [`grammar`](super) implement it. [`FromStr`] is strict: exactly one of [`VALUES`](Self::VALUES),
/// in lower case and without blanks.
///
/// ```
/// use crv_core::grammar::{Visibility, Vocabulary};
///
/// fn values<V: Vocabulary>() -> String {
///     V::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(" ")
/// }
/// assert_eq!(values::<Visibility>(), "public group room dm");
/// ```
pub trait Vocabulary:
    Copy + Ord + Hash + fmt::Debug + fmt::Display + FromStr<Err = GrammarError> + 'static
{
    /// The name of the vocabulary's values in messages, such as `table name`.
    const WHAT: &'static str;
    /// Every member, in the contract's order.
    const ALL: &'static [Self];
    /// Every value, in the same order.
    const VALUES: &'static [&'static str];

    /// The lower_snake value, which is stored and sent.
    fn as_str(self) -> &'static str;

    /// The UPPER_SNAKE name of the member in Python.
    fn member_name(self) -> &'static str;

    /// The member with exactly this value.
    ///
    /// # Errors
    /// [`GrammarError::UnknownValue`] lists the allowed values, and suggests the nearest if one is near.
    fn parse(value: &str) -> Result<Self, GrammarError> {
        Self::ALL.iter().copied().find(|member| member.as_str() == value).ok_or_else(|| {
            GrammarError::UnknownValue {
                what: Self::WHAT,
                value: value.to_owned(),
                allowed: Self::VALUES,
                suggestion: nearest(value, Self::VALUES.iter().copied()),
            }
        })
    }

    /// The member with this value, ignoring case.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    fn parse_ignoring_case(value: &str) -> Result<Self, GrammarError> {
        let found = Self::ALL.iter().copied().find(|member| member.as_str().eq_ignore_ascii_case(value));
        found.map_or_else(|| Self::parse(value), Ok)
    }
}

/// An enum of the grammar as data: its name, and member name and value of each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumInfo {
    /// The name of the enum, such as `TableName`.
    pub name: &'static str,
    /// `(member name, value)` pairs, in order.
    pub members: &'static [(&'static str, &'static str)],
}

/// Declares an enum of the grammar: members with value and Python name, and its [`Vocabulary`] implementation.
macro_rules! vocabulary {
    (
        $(#[$meta:meta])*
        $name:ident, $what:literal {
            $($(#[$member_meta:meta])* $member:ident = $value:literal, $python:literal;)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$member_meta])* #[doc = concat!("\n\nStored as `", $value, "`.")] $member,)+
        }

        impl $name {
            /// Every member, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];
            /// Every value, in the same order.
            pub const VALUES: &'static [&'static str] = &[$($value),+];
            /// The enum as data.
            pub const INFO: $crate::grammar::EnumInfo = $crate::grammar::EnumInfo {
                name: stringify!($name),
                members: &[$(($python, $value)),+],
            };

            /// The lower_snake value, which is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $value,)+
                }
            }

            /// The UPPER_SNAKE name of the member in Python.
            pub const fn member_name(self) -> &'static str {
                match self {
                    $(Self::$member => $python,)+
                }
            }
        }

        impl $crate::grammar::Vocabulary for $name {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = Self::ALL;
            const VALUES: &'static [&'static str] = Self::VALUES;

            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }

            fn member_name(self) -> &'static str {
                Self::member_name(self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::GrammarError;

            fn from_str(value: &str) -> Result<Self, Self::Err> {
                $crate::grammar::Vocabulary::parse(value)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                $crate::grammar::Vocabulary::parse(&value).map_err(::serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use vocabulary;
