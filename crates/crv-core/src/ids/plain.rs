//! Identifiers of the model: any text, with one type for each kind.

/// Declares an identifier that accepts any text.
macro_rules! plain_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// Any text is allowed; the type only distinguishes it from other kinds of ids.
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Makes an id of the unchanged text.
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
    /// Names a token, which agents can hold, value or talk about.
    TokenId
}

plain_id! {
    /// Names a venue, where exchanges are settled, such as a market or a poll.
    VenueId
}

plain_id! {
    /// Names the signature of an oracle call: the kind of question.
    SignatureId
}
