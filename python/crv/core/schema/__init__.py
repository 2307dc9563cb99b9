"""Payloads, and rows of the tables, as pydantic models.

Kinds must match exactly; sides, visibilities, envelope kinds and statuses are accepted in any case and normalised;
unknown fields are refused. The rules are those of the Rust core. A broken rule raises ``pydantic.ValidationError``,
whose ``__cause__`` is the ``GrammarError`` or ``SchemaError``.

>>> ExchangeRow(tick=3, venue_id="V0", token_id="T0", exchange_event_type="trade", side="BUY").side
'buy'
"""

from __future__ import annotations

from crv.core.schema._base import Model, TableRow
from crv.core.schema._context import EventEnvelopeRow, ScenarioContext
from crv.core.schema._decisions import ActionCandidate, DecisionHead
from crv.core.schema._edges import IdentityEdgeRow
from crv.core.schema._edits import GraphEdit, RepresentationPatch
from crv.core.schema._payloads import AffectState, AppraisalVector, Interpretation, Persona, Utterance
from crv.core.schema._rows import (
    DecisionRow,
    ExchangeRow,
    HoldingsRow,
    HoldingsValuationRow,
    MessageRow,
    OracleCallRow,
    ScenarioRow,
)

__all__ = [
    "ActionCandidate",
    "AffectState",
    "AppraisalVector",
    "DecisionHead",
    "DecisionRow",
    "EventEnvelopeRow",
    "ExchangeRow",
    "GraphEdit",
    "HoldingsRow",
    "HoldingsValuationRow",
    "IdentityEdgeRow",
    "Interpretation",
    "MessageRow",
    "Model",
    "OracleCallRow",
    "Persona",
    "RepresentationPatch",
    "ScenarioContext",
    "ScenarioRow",
    "TableRow",
    "Utterance",
]
