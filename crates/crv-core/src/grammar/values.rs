//! Conversions between values and members, as functions.

use std::fmt::{Display, Write};

use super::{ActionKind, ChannelType, ExchangeKind, RepresentationEdgeKind, Visibility, Vocabulary};
use crate::error::GrammarError;

/// The value of an action kind.
pub const fn action_value(kind: ActionKind) -> &'static str {
    kind.as_str()
}

/// The value of an exchange kind.
pub const fn exchange_value(kind: ExchangeKind) -> &'static str {
    kind.as_str()
}

/// The value of an edge kind.
pub const fn edge_value(kind: RepresentationEdgeKind) -> &'static str {
    kind.as_str()
}

/// The action kind with exactly this value.
///
/// # Errors
/// [`GrammarError::UnknownValue`].
pub fn action_kind_from_value(value: &str) -> Result<ActionKind, GrammarError> {
    ActionKind::parse(value)
}

/// The exchange kind with exactly this value.
///
/// # Errors
/// [`GrammarError::UnknownValue`].
pub fn exchange_kind_from_value(value: &str) -> Result<ExchangeKind, GrammarError> {
    ExchangeKind::parse(value)
}

/// The edge kind with exactly this value.
///
/// # Errors
/// [`GrammarError::UnknownValue`].
pub fn edge_kind_from_value(value: &str) -> Result<RepresentationEdgeKind, GrammarError> {
    RepresentationEdgeKind::parse(value)
}

/// The visibility with this value in any case.
///
/// ```
/// use crv_core::grammar::{Visibility, normalize_visibility};
///
/// assert_eq!(normalize_visibility("Public")?, Visibility::Public);
/// let refused = normalize_visibility("secret").unwrap_err();
/// assert!(refused.to_string().contains("public, group, room, dm"));
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
///
/// # Errors
/// [`GrammarError::UnknownValue`], listing what is allowed.
pub fn normalize_visibility(value: &str) -> Result<Visibility, GrammarError> {
    Visibility::parse_ignoring_case(value)
}

/// The channel type with this value in any case.
///
/// # Errors
/// [`GrammarError::UnknownValue`], listing what is allowed.
pub fn normalize_channel_type(value: &str) -> Result<ChannelType, GrammarError> {
    ChannelType::parse_ignoring_case(value)
}

/// A readable label for an action and its parameters, which are sorted by name and joined with `|`.
///
/// The label is for logs and dashboards. Nothing is escaped, so it cannot be parsed back. Of a parameter that is given
/// twice, the last value is used.
///
/// ```
/// use crv_core::grammar::{ActionKind, canonical_action_key};
///
/// let key = canonical_action_key(ActionKind::AcquireToken, [("token_id", "Alpha"), ("mode", "buy")]);
/// assert_eq!(key, "acquire_token:mode=buy|token_id=Alpha");
/// let bare = canonical_action_key(ActionKind::GiftToken, [] as [(&str, &str); 0]);
/// assert_eq!(bare, "gift_token");
/// ```
pub fn canonical_action_key<Name, Given>(
    kind: ActionKind,
    params: impl IntoIterator<Item = (Name, Given)>,
) -> String
where
    Name: Into<String>,
    Given: Display,
{
    let sorted: std::collections::BTreeMap<String, Given> =
        params.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let mut key = kind.as_str().to_owned();
    for (position, (name, value)) in sorted.iter().enumerate() {
        key.push(if position == 0 { ':' } else { '|' });
        // Writing to a String cannot fail.
        let _ = write!(key, "{name}={value}");
    }
    key
}
