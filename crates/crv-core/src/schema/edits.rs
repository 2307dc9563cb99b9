//! Edits of an agent's representation graph.

use super::UnitInterval;
use super::model::model;
use super::words::patch_op;
use crate::grammar::{PatchOp, RepresentationEdgeKind};

model! {
    /// One edit of an agent's graph.
    GraphEdit, smallest r#"{"operation": "remove_identity_edge", "edge_kind": "self_to_object"}"# {
        /// The operation.
        #[serde(deserialize_with = "patch_op")]
        operation: PatchOp,
        /// The kind of edge.
        edge_kind: RepresentationEdgeKind,
        /// The start of the edge.
        #[serde(default)]
        subject_id: Option<String>,
        /// The end of the edge.
        #[serde(default)]
        object_id: Option<String>,
        /// The other agent of a pair.
        #[serde(default)]
        related_agent_id: Option<String>,
        /// The token.
        #[serde(default)]
        token_id: Option<String>,
        /// The weight to set.
        #[serde(default)]
        new_weight: Option<f64>,
        /// The change of the weight.
        #[serde(default)]
        delta_weight: Option<f64>,
        /// The edges that decay.
        #[serde(default)]
        scope_selector: Option<String>,
        /// The share of its weight that an edge loses.
        #[serde(default)]
        decay_lambda: Option<UnitInterval>,
    }
}

model! {
    /// The edits that result from one event, in order.
    RepresentationPatch, smallest "{}" {
        /// The edits.
        #[serde(default)]
        edits: Vec<GraphEdit>,
        /// The resulting change of the graph's energy.
        #[serde(default)]
        energy_delta: Option<f64>,
    }
}
