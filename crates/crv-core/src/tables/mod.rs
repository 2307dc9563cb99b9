//! The canonical tables: their columns, dtypes, and which columns are required.
//!
//! Every table begins with `bucket` and `tick`. A *required* column is present and never null; every other
//! column is nullable. Descriptors are constants, one per table, and [`list_tables`] returns them in registry order.

mod descriptor;
mod id;
mod registry;

pub use descriptor::{Column, Dtype, TableDescriptor};
pub use id::{TABLE_ID_MAX_BYTES, TableId};
pub use registry::{
    DECISIONS_DESC, EXCHANGE_DESC, HOLDINGS_DESC, HOLDINGS_VALUATION_DESC, IDENTITY_EDGES_DESC,
    MESSAGES_DESC, ORACLE_CALLS_DESC, SCENARIOS_SEEN_DESC, get_table, list_tables,
};

#[cfg(test)]
mod tests;
