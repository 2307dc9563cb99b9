//! Payloads and rows as types: the values that components of the model exchange, and the rows of the tables.
//!
//! A value of one of these types is always valid. The types of fields allow only values of the contract
//! ([`UnitInterval`], [`RowTick`], the enums of [`grammar`](crate::grammar)); the only rule over several fields, that
//! of [`IdentityEdgeRow`], is checked when the row is made. Parsing from JSON refuses unknown fields, requires the
//! exact spelling of kinds, and normalises the case of sides, visibilities and envelope words.
//!
//! The rules are also functions ([`check_edge_slots`], [`normalize_side`], [`patch_op_from_value`], …): the store
//! checks columns with them, and the Python models call them.
//!
//! ```
//! use crv_core::schema::{ExchangeRow, Side};
//!
//! let row: ExchangeRow = serde_json::from_str(
//!     r#"{"tick": 3, "venue_id": "V0", "token_id": "T0", "exchange_event_type": "trade", "side": "BUY"}"#,
//! )?;
//! assert_eq!(row.side, Some(Side::Buy));
//! assert!(row.additional_payload.is_empty());
//! # Ok::<(), serde_json::Error>(())
//! ```

mod cell;
mod context;
mod decisions;
mod edges;
mod edits;
mod model;
mod payloads;
mod rows;
mod rules;
mod tick;
mod unit;
mod words;

pub use cell::Cell;
pub use context::{EventEnvelopeRow, ScenarioContext};
pub use decisions::{ActionCandidate, DecisionHead};
pub use edges::{IdentityEdgeFields, IdentityEdgeRow};
pub use edits::{GraphEdit, RepresentationPatch};
pub use model::{Model, ModelInfo, TableRow};
pub use payloads::{AffectState, AppraisalVector, Interpretation, Persona, Utterance};
pub use rows::{
    DecisionRow, ExchangeRow, HoldingsRow, HoldingsValuationRow, MessageRow, OracleCallRow, ScenarioRow,
};
pub use rules::{EDGE_SLOTS, check_edge_slots, edge_rule, flag_from_integer, is_filled, needed_slots};
pub use tick::RowTick;
pub use unit::UnitInterval;
pub use words::{
    EnvelopeKind, EnvelopeStatus, Side, normalize_envelope_kind, normalize_envelope_status, normalize_side,
    patch_op_from_value,
};

/// Every model as data, in the order of the contract.
pub fn models() -> Vec<ModelInfo> {
    vec![
        ModelInfo::of::<Utterance>(),
        ModelInfo::of::<Interpretation>(),
        ModelInfo::of::<AppraisalVector>(),
        ModelInfo::of::<GraphEdit>(),
        ModelInfo::of::<RepresentationPatch>(),
        ModelInfo::of::<ActionCandidate>(),
        ModelInfo::of::<DecisionHead>(),
        ModelInfo::of::<ScenarioContext>(),
        ModelInfo::of::<Persona>(),
        ModelInfo::of::<AffectState>(),
        ModelInfo::of::<EventEnvelopeRow>(),
        ModelInfo::of::<MessageRow>(),
        ModelInfo::of::<ExchangeRow>(),
        ModelInfo::of::<IdentityEdgeRow>(),
        ModelInfo::of::<ScenarioRow>(),
        ModelInfo::of::<DecisionRow>(),
        ModelInfo::of::<OracleCallRow>(),
        ModelInfo::of::<HoldingsRow>(),
        ModelInfo::of::<HoldingsValuationRow>(),
    ]
}

#[cfg(test)]
mod tests;
