//! The names of the canonical tables.

use super::vocabulary::vocabulary;

vocabulary! {
    /// A canonical table. The order is the registry's; [`get_table`](crate::tables::get_table) gives its
    /// descriptor.
    TableName, "table name" {
        /// Trades, orders, swaps, gifts, offers and votes.
        Exchange = "exchange", "EXCHANGE";
        /// The weighted edges of each agent's representation.
        IdentityEdges = "identity_edges", "IDENTITY_EDGES";
        /// The context in which an agent decided.
        ScenariosSeen = "scenarios_seen", "SCENARIOS_SEEN";
        /// What agents said.
        Messages = "messages", "MESSAGES";
        /// What agents chose, and among what.
        Decisions = "decisions", "DECISIONS";
        /// Calls to an outside model, with cost and cache use.
        OracleCalls = "oracle_calls", "ORACLE_CALLS";
        /// How much of a token an agent holds.
        Holdings = "holdings", "HOLDINGS";
        /// What those holdings cost and are worth.
        HoldingsValuation = "holdings_valuation", "HOLDINGS_VALUATION";
    }
}
