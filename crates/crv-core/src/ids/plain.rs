//! Identifiers that are the model's own words: any text, but not one for another.

/// Writes an identifier that takes any text.
macro_rules! plain_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Any text is allowed; the type only keeps it from being mistaken for another kind of id.
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

pub(crate) use plain_id;

plain_id! {
    /// Names an agent.
    AgentId
}

plain_id! {
    /// Names a token: anything that agents can hold, value or talk about.
    TokenId
}

plain_id! {
    /// Names a venue: a market, a poll, a place where exchanges are settled.
    VenueId
}

plain_id! {
    /// Names the signature of an oracle call: which question was asked.
    SignatureId
}
