//! [`PatchOp`]: edits of an agent's representation graph.

use super::vocabulary::vocabulary;

vocabulary! {
    /// An edit of an agent's representation graph.
    PatchOp, "patch operation" {
        /// Gives an edge a weight.
        SetIdentityEdgeWeight = "set_identity_edge_weight", "SET_IDENTITY_EDGE_WEIGHT";
        /// Adds to the weight of an edge.
        AdjustIdentityEdgeWeight = "adjust_identity_edge_weight", "ADJUST_IDENTITY_EDGE_WEIGHT";
        /// Lets the weights of a scope of edges decay.
        DecayIdentityEdges = "decay_identity_edges", "DECAY_IDENTITY_EDGES";
        /// Takes an edge away.
        RemoveIdentityEdge = "remove_identity_edge", "REMOVE_IDENTITY_EDGE";
    }
}
