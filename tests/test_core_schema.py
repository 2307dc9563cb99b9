"""The payload and row models: defaults, refusals, normalisation."""

from typing import Any

import pytest
from pydantic import ValidationError

from crv.core import schema
from crv.core.errors import GrammarError, SchemaError
from crv.core.grammar import ActionKind, PatchOp, RepresentationEdgeKind, Visibility
from crv.core.schema import (
    ActionCandidate,
    AffectState,
    AppraisalVector,
    DecisionHead,
    DecisionRow,
    EventEnvelopeRow,
    ExchangeRow,
    GraphEdit,
    HoldingsRow,
    IdentityEdgeRow,
    Interpretation,
    MessageRow,
    Model,
    OracleCallRow,
    RepresentationPatch,
    ScenarioContext,
    ScenarioRow,
    Utterance,
)

SLOTS = ("subject_id", "object_id", "related_agent_id", "token_id")

EXCHANGE: dict[str, Any] = {"tick": 0, "venue_id": "V0", "token_id": "T0", "exchange_event_type": "trade"}
EDIT: dict[str, Any] = {"operation": "remove_identity_edge", "edge_kind": "self_to_object"}
ENVELOPE: dict[str, Any] = {"time_created": 0, "scheduled_step": 1, "envelope_kind": "action", "status": "pending"}
MESSAGE: dict[str, Any] = {
    "tick": 0,
    "sender_agent_id": "A0",
    "channel_name": "town",
    "visibility_scope": "public",
    "speech_act": "claim",
    "topic_label": "price",
}
CALL: dict[str, Any] = {
    "tick": 0,
    "agent_id": "A0",
    "engine": "e",
    "signature_id": "s",
    "persona_id": "p",
    "persona_hash": "h",
    "representation_hash": "r",
    "context_hash": "c",
    "value_json": "{}",
    "latency_ms": 0,
    "cache_hit": False,
    "n_tool_calls": 0,
    "tool_seq": {},
}


def refused(model: type[Model], fields: dict[str, Any], cause: type[ValueError], words: str) -> None:
    with pytest.raises(ValidationError) as made:
        model(**fields)
    with pytest.raises(ValidationError) as validated:
        model.model_validate(fields)
    for caught in (made, validated):
        assert type(caught.value.__cause__) is cause
        assert words in str(caught.value.__cause__)


def test_defaults() -> None:
    said = Utterance(act="claim", topic="price")
    assert (said.stance, said.claims, said.style, said.audience) == (None, [], {}, [])
    assert Interpretation(event_type="e", salience=1).model_dump() == {
        "event_type": "e",
        "targets": [],
        "inferred": {},
        "salience": 1.0,
    }
    assert AffectState().model_dump() == {"valence": 0.5, "arousal": 0.5, "stress": 0.0}
    assert RepresentationPatch().model_dump() == {"edits": [], "energy_delta": None}
    assert DecisionHead().model_dump() == {
        "token_value_estimates": {},
        "action_candidates": [],
        "abstain": False,
        "temperature": 0.0,
    }
    row = MessageRow(**MESSAGE)
    assert (row.audience, row.claims, row.style, row.stance_label) == ({}, {}, {}, None)
    scenario = ScenarioRow(tick=0, observer_agent_id="A0", context_hash="c")
    assert (scenario.salient_agent_pairs, scenario.exchange_snapshot) == ([], {})
    with pytest.raises(ValidationError, match="chosen_action"):
        DecisionRow(tick=0, agent_id="A0", action_candidates=[], token_value_estimates={})  # type: ignore[call-arg]


def test_defaults_are_not_shared() -> None:
    first, second = ExchangeRow(**EXCHANGE), ExchangeRow(**EXCHANGE)
    first.additional_payload["a"] = 1
    assert second.additional_payload == {}


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_what_lies_between_0_and_1_is_checked(value: float) -> None:
    half = dict.fromkeys(AppraisalVector.model_fields, 0.5)
    for field in half:
        refused(AppraisalVector, half | {field: value}, SchemaError, f"`{field}` must lie in [0, 1]")
    for field in AffectState.model_fields:
        refused(AffectState, {field: value}, SchemaError, f"`{field}` must lie in [0, 1]")
    refused(Interpretation, {"event_type": "e", "salience": value}, SchemaError, "`salience`")
    refused(GraphEdit, EDIT | {"decay_lambda": value}, SchemaError, "`decay_lambda`")


def test_the_ends_lie_between_0_and_1() -> None:
    assert AffectState(valence=0, arousal=1).model_dump() == {"valence": 0.0, "arousal": 1.0, "stress": 0.0}


def test_operations_and_kinds_are_exact() -> None:
    for operation in PatchOp:
        assert GraphEdit(**EDIT | {"operation": operation}).operation == operation.value
        refused(GraphEdit, EDIT | {"operation": f"{operation.value}_o2o"}, GrammarError, "is an older name")
    refused(GraphEdit, EDIT | {"operation": "Remove_Identity_Edge"}, GrammarError, "unknown patch operation")
    refused(GraphEdit, EDIT | {"edge_kind": "likes"}, GrammarError, "unknown edge kind `likes`")
    refused(ExchangeRow, EXCHANGE | {"exchange_event_type": "Trade"}, GrammarError, "unknown exchange kind `Trade`")
    candidate = {"score": 1.0, "key": "gift_token", "action_type": ActionKind.GIFT_TOKEN}
    assert ActionCandidate(**candidate).action_type == "gift_token"
    refused(ActionCandidate, candidate | {"action_type": "GIFT_TOKEN"}, GrammarError, "unknown action kind")


def test_sides_visibilities_and_envelope_words_are_normalised() -> None:
    assert ExchangeRow(**EXCHANGE | {"side": "BUY"}).side == "buy"
    assert ExchangeRow(**EXCHANGE).side is None
    refused(ExchangeRow, EXCHANGE | {"side": "hold"}, GrammarError, "expected one of buy, sell")
    assert MessageRow(**MESSAGE | {"visibility_scope": "DM"}).visibility_scope == "dm"
    assert MessageRow(**MESSAGE | {"visibility_scope": Visibility.ROOM}).visibility_scope == "room"
    assert ScenarioContext(visibility_scope="Group").visibility_scope == "group"
    refused(ScenarioContext, {"visibility_scope": "secret"}, GrammarError, "public, group, room, dm")
    event = EventEnvelopeRow(**ENVELOPE | {"envelope_kind": "Observation", "status": "EXECUTED"})
    assert (event.envelope_kind, event.status) == ("observation", "executed")
    refused(EventEnvelopeRow, ENVELOPE | {"envelope_kind": "thought"}, GrammarError, "action, observation")
    refused(EventEnvelopeRow, ENVELOPE | {"status": "lost"}, GrammarError, "pending, executed, rejected")


@pytest.mark.parametrize("kind", RepresentationEdgeKind)
def test_each_edge_kind_needs_its_slots_present_and_not_empty(kind: RepresentationEdgeKind) -> None:
    row = {"tick": 0, "observer_agent_id": "A0", "edge_kind": kind.value, "edge_weight": 0.5}
    needed = dict.fromkeys(kind.required_slots(), "x")
    assert IdentityEdgeRow(**row, **needed).edge_kind == kind.value
    assert IdentityEdgeRow(**row, **dict.fromkeys(SLOTS, "x")).token_id == "x"
    for slot in needed:
        for nothing in (None, ""):
            words = f"`edge_kind` {kind.value} requires fields {', '.join(needed)}; without a value: {slot}"
            refused(IdentityEdgeRow, row | needed | {slot: nothing}, SchemaError, words)


def test_a_cache_hit_is_a_bool() -> None:
    assert OracleCallRow(**CALL | {"cache_hit": 1}).cache_hit is True
    refused(OracleCallRow, CALL | {"cache_hit": 2}, SchemaError, "cache_hit")


def test_unknown_and_missing_fields_are_refused_with_a_schema_error() -> None:
    for name in schema.__all__:
        model = getattr(schema, name)
        if model.model_fields:
            refused(model, {"surprise": 1}, SchemaError, name)
    holding = {"tick": 0, "agent_id": "A", "token_id": "T", "quantity": 1}
    refused(HoldingsRow, holding | {"tick": -1}, SchemaError, "0 or more, got -1")
    refused(HoldingsRow, holding | {"quantity": 2**63}, SchemaError, "`quantity`")


@pytest.mark.parametrize("value", [float("nan"), 2**63, object(), {1: 2}, {"x": b"y"}])
def test_payloads_hold_what_json_and_tables_hold(value: object) -> None:
    payload = {"a": [{"b": value}]}
    refused(ExchangeRow, EXCHANGE | {"additional_payload": payload}, SchemaError, "`additional_payload.a.item.b")


def test_a_payload_inside_of_itself_is_refused() -> None:
    payload: dict[str, Any] = {}
    payload["again"] = payload
    refused(ExchangeRow, EXCHANGE | {"additional_payload": payload}, SchemaError, "too deep")


def test_models_are_taken_for_payloads() -> None:
    candidate = ActionCandidate(action_type="gift_token", score=1.0, key="gift_token")
    row = DecisionRow(
        tick=0,
        agent_id="A0",
        chosen_action=candidate,
        action_candidates=[candidate],
        token_value_estimates={"T0": 1.0},
    )
    assert row.chosen_action == candidate.model_dump() == row.action_candidates[0]


def test_nested_models_carry_the_cause_too() -> None:
    refused(RepresentationPatch, {"edits": [EDIT | {"edge_kind": "likes"}]}, GrammarError, "unknown edge kind `likes`")


def test_json_carries_the_cause_too() -> None:
    with pytest.raises(ValidationError) as caught:
        AffectState.model_validate_json('{"valence": 2}')
    assert isinstance(caught.value.__cause__, SchemaError)
    assert isinstance(caught.value.errors()[0]["ctx"]["error"], SchemaError)


def test_models_do_not_change_after_they_were_checked() -> None:
    with pytest.raises(ValidationError):
        AffectState().valence = 3.0  # type: ignore[misc]


def test_every_field_is_documented() -> None:
    for name in schema.__all__:
        for field, info in getattr(schema, name).model_fields.items():
            assert info.description, f"{name}.{field}"
    symbols: list[tuple[type[Model], str, str]] = [
        (IdentityEdgeRow, "edge_kind", "q_i,k,l,o"),
        (ExchangeRow, "baseline_value", "B_o(t)"),
        (DecisionHead, "token_value_estimates", "V_i(o)"),
    ]
    for model, field, symbol in symbols:
        assert symbol in str(model.model_fields[field].description)
