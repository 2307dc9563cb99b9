//! The invariants of descriptors, and the contract's columns, literally.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::*;
use crate::grammar::{TableName, is_lower_snake};
use crate::versioning::SCHEMA_V;

/// The tables as the contract writes them: `!` marks required columns.
const CONTRACT: &str = "\
exchange: venue_id str!, token_id str!, exchange_event_type str!, side str, quantity f64, price f64, \
actor_agent_id str, counterparty_agent_id str, baseline_value f64, additional_payload struct!
identity_edges: observer_agent_id str!, edge_kind str!, subject_id str, object_id str, related_agent_id str, \
token_id str, edge_weight f64!, edge_sign i64
scenarios_seen: observer_agent_id str!, token_id str, owner_status str, peer_alignment_label str, \
group_label str, visibility_scope str, channel_name str, salient_agent_pairs list[struct]!, \
exchange_snapshot struct!, recent_affect_index f64, salient_other_agent_id str, context_hash str!
messages: sender_agent_id str!, channel_name str!, visibility_scope str!, audience struct!, speech_act str!, \
topic_label str!, stance_label str, claims struct!, style struct!
decisions: agent_id str!, chosen_action struct!, action_candidates list[struct]!, \
token_value_estimates struct!
oracle_calls: agent_id str!, engine str!, signature_id str!, persona_id str!, persona_hash str!, \
representation_hash str!, context_hash str!, value_json str!, latency_ms i64!, cache_hit i64!, \
n_tool_calls i64!, tool_seq struct!
holdings: agent_id str!, token_id str!, quantity i64!
holdings_valuation: agent_id str!, token_id str!, quantity i64!, avg_unit_cost f64, cost_value f64, \
mark_price f64, mark_value f64, realized_pnl f64, unrealized_pnl f64, price_source str, accounting_method str
";

#[test]
fn columns_dtypes_and_marks_are_the_contracts() {
    let mut written = String::new();
    for table in list_tables() {
        let columns: Vec<_> = table.columns()[2..]
            .iter()
            .map(|column| {
                format!("{} {}{}", column.name, column.dtype, if column.required { "!" } else { "" })
            })
            .collect();
        writeln!(written, "{}: {}", table.name(), columns.join(", ")).unwrap();
    }
    assert_eq!(written, CONTRACT);
}

#[test]
fn every_table_begins_with_bucket_and_tick_required() {
    for table in list_tables() {
        let key = |name| Column { name, dtype: Dtype::I64, required: true };
        assert_eq!(table.columns()[..2], [key("bucket"), key("tick")], "{}", table.name());
        assert_eq!(table.partitioning(), ["bucket"]);
        assert_eq!(table.version(), SCHEMA_V);
    }
}

#[test]
fn column_names_are_lower_snake_and_distinct() {
    for table in list_tables() {
        let names: BTreeSet<_> = table.columns().iter().map(|column| column.name).collect();
        assert_eq!(names.len(), table.columns().len(), "{}", table.name());
        assert!(names.into_iter().all(is_lower_snake), "{}", table.name());
    }
}

#[test]
fn required_and_nullable_share_out_the_columns() {
    for table in list_tables() {
        assert_eq!(table.required().count() + table.nullable().count(), table.columns().len());
        assert!(table.required().all(|column| column.required));
        assert!(table.nullable().all(|column| !column.required));
    }
}

#[test]
fn a_column_is_found_by_name_at_its_place() {
    for table in list_tables() {
        for (place, column) in table.columns().iter().enumerate() {
            assert_eq!(table.index_of(column.name), Some(place));
            assert_eq!(table.column(column.name), Some(column));
        }
        assert_eq!((table.column("Tick"), table.index_of("")), (None, None));
    }
}

#[test]
fn the_registry_has_every_table_once_in_the_enums_order() {
    assert_eq!(list_tables().map(TableDescriptor::name), TableName::ALL);
    for name in TableName::ALL {
        assert_eq!(get_table(*name).name(), *name);
    }
}
