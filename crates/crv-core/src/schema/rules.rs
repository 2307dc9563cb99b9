//! The rules beyond the type of one field. The store checks columns with the same rules.

use serde::{Deserialize, Deserializer};

use crate::error::SchemaError;
use crate::grammar::RepresentationEdgeKind;

/// The columns of `identity_edges` with what an edge connects, in table order.
pub const EDGE_SLOTS: [&str; 4] = ["subject_id", "object_id", "related_agent_id", "token_id"];

/// Returns which of [`EDGE_SLOTS`] must have a non-empty text for this kind.
pub fn needed_slots(kind: RepresentationEdgeKind) -> [bool; 4] {
    EDGE_SLOTS.map(|slot| kind.required_slots().contains(&slot))
}

/// Returns whether a slot has a value. An empty text is not a value.
pub const fn is_filled(slot: Option<&str>) -> bool {
    matches!(slot, Some(text) if !text.is_empty())
}

/// The rule of a kind of edge, for messages.
pub fn edge_rule(kind: RepresentationEdgeKind) -> String {
    format!("`edge_kind` {kind} requires fields {}", kind.required_slots().join(", "))
}

/// Checks the combination rule of `identity_edges`: each slot that the kind requires is present and not empty. The
/// values are in the order of [`EDGE_SLOTS`].
///
/// ```
/// use crv_core::grammar::RepresentationEdgeKind;
/// use crv_core::schema::check_edge_slots;
///
/// let kind = RepresentationEdgeKind::AgentToObject;
/// check_edge_slots(kind, [Some("A1"), None, None, Some("T0")])?;
/// assert_eq!(
///     check_edge_slots(kind, [Some("A1"), None, None, Some("")]).unwrap_err().to_string(),
///     "`edge_kind` agent_to_object requires fields subject_id, token_id; without a value: token_id"
/// );
/// # Ok::<(), crv_core::error::SchemaError>(())
/// ```
///
/// # Errors
/// [`SchemaError::EdgeSlots`].
pub fn check_edge_slots(kind: RepresentationEdgeKind, values: [Option<&str>; 4]) -> Result<(), SchemaError> {
    let needed = needed_slots(kind);
    let missing: Vec<&'static str> = EDGE_SLOTS
        .into_iter()
        .zip(values)
        .zip(needed)
        .filter_map(|((slot, value), needed)| (needed && !is_filled(value)).then_some(slot))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(SchemaError::EdgeSlots { kind, missing }) }
}

/// Converts the integer of a column, 0 or 1, to a flag.
///
/// # Errors
/// [`SchemaError::Flag`].
pub fn flag_from_integer(column: &str, value: i64) -> Result<bool, SchemaError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(SchemaError::Flag { column: column.to_owned(), value: other.to_string() }),
    }
}

/// Parses a flag: a JSON boolean, or the column's integer.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Integer(i64),
    }
    match Flag::deserialize(deserializer)? {
        Flag::Bool(value) => Ok(value),
        Flag::Integer(value) => flag_from_integer("cache_hit", value).map_err(serde::de::Error::custom),
    }
}
