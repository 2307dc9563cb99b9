//! Rows of `identity_edges`, the only table whose columns depend on each other.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::RowTick;
use super::cell::Cell;
use super::model::{Model, TableRow, table_row};
use super::rules::check_edge_slots;
use crate::error::{ModelError, SchemaError};
use crate::grammar::{RepresentationEdgeKind, TableName};

table_row! {
    /// The fields of an [`IdentityEdgeRow`], before the combination rule is checked.
    IdentityEdgeFields, IdentityEdges, smallest
    r#"{"tick": 0, "observer_agent_id": "A0", "edge_kind": "self_to_positive_valence", "edge_weight": 0.5}"# {
        /// The tick.
        tick: RowTick,
        /// `i`: the agent whose representation has the edge.
        observer_agent_id: String,
        /// The kind of edge.
        edge_kind: RepresentationEdgeKind,
        /// The start of the edge: `j`, `k` or `o`.
        #[serde(default)]
        subject_id: Option<String>,
        /// The end of the edge: `j`, `l` or `p`.
        #[serde(default)]
        object_id: Option<String>,
        /// `l`: the other agent of a pair.
        #[serde(default)]
        related_agent_id: Option<String>,
        /// `o`: the token.
        #[serde(default)]
        token_id: Option<String>,
        /// The strength of the edge.
        edge_weight: f64,
        /// Whether it is for or against, if the kind leaves that open.
        #[serde(default)]
        edge_sign: Option<i64>,
    }
}

/// An edge of a representation, with every slot that its kind requires.
///
/// ```
/// use crv_core::schema::IdentityEdgeRow;
///
/// let text = r#"{"tick": 0, "observer_agent_id": "A0", "edge_kind": "self_to_object",
///                "subject_id": "A0", "token_id": "T0", "edge_weight": 0.5}"#;
/// let row: IdentityEdgeRow = serde_json::from_str(text)?;
/// assert_eq!(row.token_id.as_deref(), Some("T0"));
///
/// let refused = serde_json::from_str::<IdentityEdgeRow>(&text.replace("T0", "")).unwrap_err();
/// assert!(refused.to_string().contains("requires fields subject_id, token_id"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "IdentityEdgeFields", into = "IdentityEdgeFields")]
pub struct IdentityEdgeRow(IdentityEdgeFields);

impl TryFrom<IdentityEdgeFields> for IdentityEdgeRow {
    type Error = SchemaError;

    fn try_from(row: IdentityEdgeFields) -> Result<Self, SchemaError> {
        let slots = [&row.subject_id, &row.object_id, &row.related_agent_id, &row.token_id];
        check_edge_slots(row.edge_kind, slots.map(Option::as_deref))?;
        Ok(Self(row))
    }
}

impl From<IdentityEdgeRow> for IdentityEdgeFields {
    fn from(row: IdentityEdgeRow) -> Self {
        row.0
    }
}

impl Deref for IdentityEdgeRow {
    type Target = IdentityEdgeFields;

    fn deref(&self) -> &IdentityEdgeFields {
        &self.0
    }
}

impl Model for IdentityEdgeRow {
    const NAME: &'static str = "IdentityEdgeRow";
    const FIELDS: &'static [&'static str] = IdentityEdgeFields::FIELDS;
    const SMALLEST: &'static str = IdentityEdgeFields::SMALLEST;
}

impl TableRow for IdentityEdgeRow {
    const TABLE: TableName = TableName::IdentityEdges;

    fn to_cells(&self) -> Vec<Cell> {
        self.0.to_cells()
    }

    fn from_cells(cells: Vec<Cell>) -> Result<Self, ModelError> {
        Ok(Self::try_from(IdentityEdgeFields::from_cells(cells)?)?)
    }
}
