//! Vocabularies that only the models use, and how words are parsed: kinds exactly, labels in any case.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::error::GrammarError;
use crate::grammar::vocabulary;
use crate::grammar::{PatchOp, Vocabulary};

vocabulary! {
    /// Which side of a trade the actor is on.
    Side, "side" {
        /// Takes the token.
        Buy = "buy", "BUY";
        /// Gives the token.
        Sell = "sell", "SELL";
    }
}

vocabulary! {
    /// The kind of contents of an event envelope.
    EnvelopeKind, "envelope kind" {
        /// An action that has not taken effect yet.
        Action = "action", "ACTION";
        /// An observation that has not reached its agent yet.
        Observation = "observation", "OBSERVATION";
    }
}

vocabulary! {
    /// The status of an event envelope.
    EnvelopeStatus, "envelope status" {
        /// It waits for its step.
        Pending = "pending", "PENDING";
        /// It took effect.
        Executed = "executed", "EXECUTED";
        /// It was refused.
        Rejected = "rejected", "REJECTED";
    }
}

/// The side with this value in any case.
///
/// ```
/// use crv_core::schema::{Side, normalize_side};
///
/// assert_eq!(normalize_side("BUY")?, Side::Buy);
/// assert!(normalize_side("hold").unwrap_err().to_string().contains("buy, sell"));
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
///
/// # Errors
/// [`GrammarError::UnknownValue`].
pub fn normalize_side(value: &str) -> Result<Side, GrammarError> {
    Side::parse_ignoring_case(value)
}

/// The envelope kind with this value in any case.
///
/// # Errors
/// [`GrammarError::UnknownValue`].
pub fn normalize_envelope_kind(value: &str) -> Result<EnvelopeKind, GrammarError> {
    EnvelopeKind::parse_ignoring_case(value)
}

/// The envelope status with this value in any case.
///
/// # Errors
/// [`GrammarError::UnknownValue`].
pub fn normalize_envelope_status(value: &str) -> Result<EnvelopeStatus, GrammarError> {
    EnvelopeStatus::parse_ignoring_case(value)
}

/// The former suffix of names of patch operations.
const OLDER_ENDING: &str = "_o2o";

/// The patch operation with exactly this value. An older name with the suffix `_o2o` is a separate error.
///
/// ```
/// use crv_core::schema::patch_op_from_value;
///
/// assert!(patch_op_from_value("remove_identity_edge").is_ok());
/// let refused = patch_op_from_value("remove_identity_edge_o2o").unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "patch operation `remove_identity_edge_o2o` is an older name that is no longer accepted\n\
///      hint: use one of set_identity_edge_weight, adjust_identity_edge_weight, decay_identity_edges, \
///      remove_identity_edge"
/// );
/// ```
///
/// # Errors
/// [`GrammarError::OlderName`] and [`GrammarError::UnknownValue`].
pub fn patch_op_from_value(value: &str) -> Result<PatchOp, GrammarError> {
    if value.to_ascii_lowercase().ends_with(OLDER_ENDING) {
        return Err(GrammarError::OlderName {
            what: PatchOp::WHAT,
            value: value.to_owned(),
            allowed: PatchOp::VALUES,
        });
    }
    PatchOp::parse(value)
}

pub(super) fn any_case<'de, V: Vocabulary, D: Deserializer<'de>>(deserializer: D) -> Result<V, D::Error> {
    let word = Cow::<'de, str>::deserialize(deserializer)?;
    V::parse_ignoring_case(&word).map_err(Error::custom)
}

pub(super) fn any_case_option<'de, V: Vocabulary, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<V>, D::Error> {
    let word = Option::<Cow<'de, str>>::deserialize(deserializer)?;
    word.map(|word| V::parse_ignoring_case(&word)).transpose().map_err(Error::custom)
}

pub(super) fn patch_op<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PatchOp, D::Error> {
    let word = Cow::<'de, str>::deserialize(deserializer)?;
    patch_op_from_value(&word).map_err(Error::custom)
}
