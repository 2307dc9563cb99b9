//! The canonical tables, column by column.

use super::descriptor::Dtype::{F64, I64, ListStruct, Str, Struct};
use super::descriptor::{Column, Dtype, TableDescriptor};
use super::id::TableId;
use crate::grammar::TableName;

const fn required(name: &'static str, dtype: Dtype) -> Column {
    Column { name, dtype, required: true }
}

const fn nullable(name: &'static str, dtype: Dtype) -> Column {
    Column { name, dtype, required: false }
}

/// Events of ownership and opinion; `exchange_event_type` is an [`ExchangeKind`](crate::grammar::ExchangeKind) value.
pub const EXCHANGE_DESC: TableDescriptor = TableDescriptor::new(
    TableName::Exchange,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("venue_id", Str),
        required("token_id", Str),
        required("exchange_event_type", Str),
        nullable("side", Str),
        nullable("quantity", F64),
        nullable("price", F64),
        nullable("actor_agent_id", Str),
        nullable("counterparty_agent_id", Str),
        nullable("baseline_value", F64),
        required("additional_payload", Struct),
    ],
);

/// Edges of representations; `edge_kind` is a
/// [`RepresentationEdgeKind`](crate::grammar::RepresentationEdgeKind) value.
pub const IDENTITY_EDGES_DESC: TableDescriptor = TableDescriptor::new(
    TableName::IdentityEdges,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("observer_agent_id", Str),
        required("edge_kind", Str),
        nullable("subject_id", Str),
        nullable("object_id", Str),
        nullable("related_agent_id", Str),
        nullable("token_id", Str),
        required("edge_weight", F64),
        nullable("edge_sign", I64),
    ],
);

/// The context in which an agent decided; `context_hash` identifies it.
pub const SCENARIOS_SEEN_DESC: TableDescriptor = TableDescriptor::new(
    TableName::ScenariosSeen,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("observer_agent_id", Str),
        nullable("token_id", Str),
        nullable("owner_status", Str),
        nullable("peer_alignment_label", Str),
        nullable("group_label", Str),
        nullable("visibility_scope", Str),
        nullable("channel_name", Str),
        required("salient_agent_pairs", ListStruct),
        required("exchange_snapshot", Struct),
        nullable("recent_affect_index", F64),
        nullable("salient_other_agent_id", Str),
        required("context_hash", Str),
    ],
);

/// What agents said; `visibility_scope` is a [`Visibility`](crate::grammar::Visibility) value.
pub const MESSAGES_DESC: TableDescriptor = TableDescriptor::new(
    TableName::Messages,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("sender_agent_id", Str),
        required("channel_name", Str),
        required("visibility_scope", Str),
        required("audience", Struct),
        required("speech_act", Str),
        required("topic_label", Str),
        nullable("stance_label", Str),
        required("claims", Struct),
        required("style", Struct),
    ],
);

/// What agents chose, and among what.
pub const DECISIONS_DESC: TableDescriptor = TableDescriptor::new(
    TableName::Decisions,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("agent_id", Str),
        required("chosen_action", Struct),
        required("action_candidates", ListStruct),
        required("token_value_estimates", Struct),
    ],
);

/// Calls to an outside model; `cache_hit` is 0 or 1.
pub const ORACLE_CALLS_DESC: TableDescriptor = TableDescriptor::new(
    TableName::OracleCalls,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("agent_id", Str),
        required("engine", Str),
        required("signature_id", Str),
        required("persona_id", Str),
        required("persona_hash", Str),
        required("representation_hash", Str),
        required("context_hash", Str),
        required("value_json", Str),
        required("latency_ms", I64),
        required("cache_hit", I64),
        required("n_tool_calls", I64),
        required("tool_seq", Struct),
    ],
);

/// How much of a token an agent holds.
pub const HOLDINGS_DESC: TableDescriptor = TableDescriptor::new(
    TableName::Holdings,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("agent_id", Str),
        required("token_id", Str),
        required("quantity", I64),
    ],
);

/// What those holdings cost and are worth.
pub const HOLDINGS_VALUATION_DESC: TableDescriptor = TableDescriptor::new(
    TableName::HoldingsValuation,
    &[
        required("bucket", I64),
        required("tick", I64),
        required("agent_id", Str),
        required("token_id", Str),
        required("quantity", I64),
        nullable("avg_unit_cost", F64),
        nullable("cost_value", F64),
        nullable("mark_price", F64),
        nullable("mark_value", F64),
        nullable("realized_pnl", F64),
        nullable("unrealized_pnl", F64),
        nullable("price_source", Str),
        nullable("accounting_method", Str),
    ],
);

/// The ids of the canonical tables.
impl TableId {
    /// `exchange`.
    pub const EXCHANGE: Self = Self::of(TableName::Exchange);
    /// `identity_edges`.
    pub const IDENTITY_EDGES: Self = Self::of(TableName::IdentityEdges);
    /// `scenarios_seen`.
    pub const SCENARIOS_SEEN: Self = Self::of(TableName::ScenariosSeen);
    /// `messages`.
    pub const MESSAGES: Self = Self::of(TableName::Messages);
    /// `decisions`.
    pub const DECISIONS: Self = Self::of(TableName::Decisions);
    /// `oracle_calls`.
    pub const ORACLE_CALLS: Self = Self::of(TableName::OracleCalls);
    /// `holdings`.
    pub const HOLDINGS: Self = Self::of(TableName::Holdings);
    /// `holdings_valuation`.
    pub const HOLDINGS_VALUATION: Self = Self::of(TableName::HoldingsValuation);
}

/// All descriptors, in registry order.
///
/// ```
/// use crv_core::grammar::TableName;
/// use crv_core::tables::list_tables;
///
/// assert_eq!(list_tables().map(|table| table.name()), TableName::ALL);
/// ```
pub const fn list_tables() -> [&'static TableDescriptor; 8] {
    [
        &EXCHANGE_DESC,
        &IDENTITY_EDGES_DESC,
        &SCENARIOS_SEEN_DESC,
        &MESSAGES_DESC,
        &DECISIONS_DESC,
        &ORACLE_CALLS_DESC,
        &HOLDINGS_DESC,
        &HOLDINGS_VALUATION_DESC,
    ]
}

/// The descriptor of a table.
pub const fn get_table(name: TableName) -> &'static TableDescriptor {
    match name {
        TableName::Exchange => &EXCHANGE_DESC,
        TableName::IdentityEdges => &IDENTITY_EDGES_DESC,
        TableName::ScenariosSeen => &SCENARIOS_SEEN_DESC,
        TableName::Messages => &MESSAGES_DESC,
        TableName::Decisions => &DECISIONS_DESC,
        TableName::OracleCalls => &ORACLE_CALLS_DESC,
        TableName::Holdings => &HOLDINGS_DESC,
        TableName::HoldingsValuation => &HOLDINGS_VALUATION_DESC,
    }
}
