//! The closed vocabularies of the model, and their common spelling rules.
//!
//! Every enum here is a list of lower_snake *values* in a fixed order. The value is stored; the *member* is its
//! UPPER_SNAKE name in Python. [`Vocabulary`] is the trait of all these enums. [`ebnf`] is the grammar of actions and
//! patches with their arguments.
//!
//! ```
//! use crv_core::grammar::{ActionKind, Vocabulary};
//!
//! let kind: ActionKind = "gift_token".parse()?;
//! assert_eq!(kind, ActionKind::GiftToken);
//! assert_eq!(kind.to_string(), "gift_token");
//! assert_eq!(kind.member_name(), "GIFT_TOKEN");
//! assert!("Gift_Token".parse::<ActionKind>().is_err());
//! # Ok::<(), crv_core::error::GrammarError>(())
//! ```

mod actions;
mod channels;
pub mod ebnf;
mod edges;
mod exchanges;
mod patches;
mod spelling;
mod table_names;
mod values;
mod vocabulary;

pub use actions::ActionKind;
pub use channels::{ChannelType, Visibility};
pub use ebnf::{EBNF_GRAMMAR, parsed_grammar};
pub use edges::{RepresentationEdgeKind, TopologyEdgeKind};
pub use exchanges::ExchangeKind;
pub use patches::PatchOp;
pub use spelling::{assert_lower_snake, ensure_all_enum_values_lower_snake, is_lower_snake};
pub use table_names::TableName;
pub use values::{
    action_kind_from_value, action_value, canonical_action_key, edge_kind_from_value, edge_value,
    exchange_kind_from_value, exchange_value, normalize_channel_type, normalize_visibility,
};
pub(crate) use vocabulary::vocabulary;
pub use vocabulary::{EnumInfo, Vocabulary};

/// Every enum of the grammar, in the contract's order.
///
/// ```
/// use crv_core::grammar::{ENUMS, ensure_all_enum_values_lower_snake};
///
/// assert_eq!(ENUMS.len(), 8);
/// ensure_all_enum_values_lower_snake(&ENUMS)?;
/// # Ok::<(), crv_core::error::GrammarError>(())
/// ```
pub const ENUMS: [EnumInfo; 8] = [
    ActionKind::INFO,
    ChannelType::INFO,
    Visibility::INFO,
    PatchOp::INFO,
    RepresentationEdgeKind::INFO,
    TopologyEdgeKind::INFO,
    ExchangeKind::INFO,
    TableName::INFO,
];

#[cfg(test)]
mod tests;
