//! The contracts as one JSON document, with which tests in other languages compare their lists.

use serde_json::{Map, Value, json};

use crate::constants::{COMPRESSION, ROW_GROUP_SIZE, TICK_BUCKET_SIZE};
use crate::grammar::{EBNF_GRAMMAR, ENUMS, EnumInfo, RepresentationEdgeKind};
use crate::schema::{ModelInfo, models};
use crate::tables::{Column, TableDescriptor, list_tables};
use crate::versioning::{
    SCHEMA_COMPAT_MAJOR, SCHEMA_COMPAT_MINOR, SCHEMA_MAJOR_VERSION, SCHEMA_MINOR_VERSION, SCHEMA_V,
};

/// Returns the enums, the grammar, tables, required slots, models, versions and constants.
///
/// Ordered values are lists: `enums` of `{name, members: [[member, value], …]}`; `tables` of `{name,
/// columns: [[column, dtype], …], required, nullable, partitioning, version}`; `required_slots` of `[edge kind,
/// [column, …]]`; `models` of `{name, fields: [{name, default}, …]}`, without `default` for required fields;
/// `constants` is an object; `ebnf_grammar` is the text of [`EBNF_GRAMMAR`].
///
/// ```
/// let spec: serde_json::Value = serde_json::from_str(&crv_core::spec::spec_json())?;
/// assert_eq!(spec["tables"][0]["name"], "exchange");
/// assert_eq!(spec["constants"]["TICK_BUCKET_SIZE"], 100);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn spec_json() -> String {
    let slots = RepresentationEdgeKind::ALL.iter().map(|kind| json!([kind, kind.required_slots()]));
    json!({
        "enums": ENUMS.iter().map(enum_spec).collect::<Vec<_>>(),
        "ebnf_grammar": EBNF_GRAMMAR,
        "tables": list_tables().map(table_spec),
        "required_slots": slots.collect::<Vec<_>>(),
        "models": models().iter().map(model_spec).collect::<Vec<_>>(),
        "constants": constants(),
    })
    .to_string()
}

fn enum_spec(info: &EnumInfo) -> Value {
    json!({"name": info.name, "members": info.members})
}

fn table_spec(table: &TableDescriptor) -> Value {
    let names = |columns: &mut dyn Iterator<Item = &'static Column>| -> Value {
        columns.map(|column| column.name).collect()
    };
    json!({
        "name": table.name(),
        "columns": table.columns().iter().map(|column| json!([column.name, column.dtype.as_str()])).collect::<Vec<_>>(),
        "required": names(&mut table.required()),
        "nullable": names(&mut table.nullable()),
        "partitioning": table.partitioning(),
        "version": table.version(),
    })
}

fn model_spec(model: &ModelInfo) -> Value {
    let field = |(name, default): &(&str, Option<Value>)| match default {
        Some(default) => json!({"name": name, "default": default}),
        None => json!({"name": name}),
    };
    json!({"name": model.name, "fields": model.fields.iter().map(field).collect::<Vec<_>>()})
}

fn constants() -> Map<String, Value> {
    [
        ("TICK_BUCKET_SIZE", json!(TICK_BUCKET_SIZE)),
        ("ROW_GROUP_SIZE", json!(ROW_GROUP_SIZE)),
        ("COMPRESSION", json!(COMPRESSION)),
        ("SCHEMA_V", json!(SCHEMA_V)),
        ("SCHEMA_MAJOR_VERSION", json!(SCHEMA_MAJOR_VERSION)),
        ("SCHEMA_MINOR_VERSION", json!(SCHEMA_MINOR_VERSION)),
        ("SCHEMA_COMPAT_MAJOR", json!(SCHEMA_COMPAT_MAJOR)),
        ("SCHEMA_COMPAT_MINOR", json!(SCHEMA_COMPAT_MINOR)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_enum_table_and_kind() {
        let spec: Value = serde_json::from_str(&spec_json()).unwrap();
        assert_eq!(spec["enums"].as_array().unwrap().len(), 8);
        assert_eq!(
            spec["enums"][0]["members"][7],
            json!(["DECLARE_COOCCURRENCE", "declare_cooccurrence_between_tokens"])
        );
        assert_eq!(spec["ebnf_grammar"], EBNF_GRAMMAR);
        assert_eq!(spec["tables"].as_array().unwrap().len(), 8);
        assert_eq!(spec["tables"][1]["columns"][8], json!(["edge_weight", "f64"]));
        assert_eq!(spec["tables"][2]["columns"][9], json!(["salient_agent_pairs", "list[struct]"]));
        assert_eq!(
            spec["tables"][1]["nullable"],
            json!(["subject_id", "object_id", "related_agent_id", "token_id", "edge_sign"])
        );
        assert_eq!(spec["required_slots"].as_array().unwrap().len(), 12);
        assert_eq!(
            spec["required_slots"][8],
            json!(["agent_pair_to_object", ["subject_id", "related_agent_id", "token_id"]])
        );
        assert_eq!(spec["constants"]["SCHEMA_V"], json!({"major": 0, "minor": 1, "date": "2025-09-20"}));
    }
}
