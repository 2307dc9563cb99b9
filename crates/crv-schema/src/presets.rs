//! Ready-made declarations of tables that many simulations need.
//!
//! ```
//! use crv_schema::presets::LLM_CALLS;
//!
//! let calls = LLM_CALLS.descriptor()?;
//! assert_eq!(calls.column("latency_ms").unwrap().ty.to_string(), "f64");
//! # Ok::<(), crv_schema::schema::DeclarationError>(())
//! ```

use crv_core::tables::TableId;

use crate::schema::{DeclarationError, Descriptor, Field, FieldType};

/// A table, ready to be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name of the table.
    pub name: &'static str,
    /// The columns and their types.
    pub columns: &'static [(&'static str, &'static str)],
    /// The columns that are never null.
    pub required: &'static [&'static str],
}

/// The state of each agent at each tick.
pub const AGENTS: Preset = Preset {
    name: "agents",
    columns: &[("agent_id", "i64"), ("x", "f64"), ("y", "f64"), ("state", "str")],
    required: &["agent_id"],
};

/// One row for each tick, with figures of the whole model: further columns are declared by the simulation.
pub const MODEL: Preset = Preset { name: "model", columns: &[("tick", "i64")], required: &[] };

/// Calls of a language model. `cost` is in the currency of the provider's price list.
pub const LLM_CALLS: Preset = Preset {
    name: "llm_calls",
    columns: &[
        ("agent_id", "str"),
        ("model", "str"),
        ("purpose", "str"),
        ("prompt", "str"),
        ("response", "str"),
        ("tool_calls", "list[struct]"),
        ("parameters", "struct"),
        ("tokens_in", "i64"),
        ("tokens_out", "i64"),
        ("cost", "f64"),
        ("latency_ms", "f64"),
        ("cache_hit", "bool"),
        ("error", "str"),
    ],
    required: &["model"],
};

/// The state of the simulation itself at some ticks, from which it can be continued. Written by checkpoints of a
/// transaction.
pub const MODEL_STATE: Preset =
    Preset { name: "model_state", columns: &[("state", "binary")], required: &["state"] };

impl Preset {
    /// Every preset that a simulation declares, by name.
    pub const ALL: [Self; 3] = [AGENTS, LLM_CALLS, MODEL];

    /// The declaration.
    ///
    /// # Errors
    /// None for the presets of this module: a test declares each.
    pub fn descriptor(&self) -> Result<Descriptor, DeclarationError> {
        let column = |(name, ty): &(&str, &str)| Ok(Field::nullable(*name, FieldType::parse(ty, name)?));
        let columns = self.columns.iter().map(column).collect::<Result<_, DeclarationError>>()?;
        Descriptor::requiring(TableId::new(self.name)?, columns, self.required)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_table_that_can_be_declared() {
        for preset in Preset::ALL.into_iter().chain([MODEL_STATE]) {
            let descriptor = preset.descriptor().unwrap();
            assert_eq!(descriptor.id().as_str(), preset.name);
            for name in preset.required {
                assert!(descriptor.column(name).unwrap().required, "{name}");
            }
        }
    }
}
