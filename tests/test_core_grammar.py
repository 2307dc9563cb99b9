"""The vocabularies: strict, ordered, and spelt as in the contract."""

from __future__ import annotations

import copy
import enum
import pickle

import pytest

from crv.core import grammar
from crv.core.errors import GrammarError
from crv.core.grammar import (
    ActionKind,
    ChannelType,
    ExchangeKind,
    PatchOp,
    RepresentationEdgeKind,
    TableName,
    TopologyEdgeKind,
    Visibility,
)
from crv.core.grammar._vocabulary import Vocabulary

ENUMS: list[type[Vocabulary]] = [
    ActionKind,
    ChannelType,
    Visibility,
    PatchOp,
    RepresentationEdgeKind,
    TopologyEdgeKind,
    ExchangeKind,
    TableName,
]
MEMBERS = [member for enum_ in ENUMS for member in enum_]

VALUES = {
    ActionKind: """acquire_token relinquish_token relate_agent relate_other_agents endorse_token
        coendorse_token_with_agents expose_signal_about_token declare_cooccurrence_between_tokens
        propose_peer_exchange accept_peer_exchange reject_peer_exchange settle_peer_exchange
        post_order_to_venue cancel_order_at_venue settle_trade_from_venue swap_at_venue cast_vote_at_venue
        publish_vote_outcome_from_venue gift_token send_chat_message publish_announcement""",
    ChannelType: "public group room dm",
    Visibility: "public group room dm",
    PatchOp: """set_identity_edge_weight adjust_identity_edge_weight decay_identity_edges
        remove_identity_edge""",
    RepresentationEdgeKind: """self_to_positive_valence self_to_negative_valence self_to_object self_to_agent
        agent_to_positive_valence agent_to_negative_valence agent_to_object agent_to_agent
        agent_pair_to_object object_to_positive_valence object_to_negative_valence object_to_object""",
    TopologyEdgeKind: "is_neighbor follows in_group connects_room",
    ExchangeKind: """trade order_post order_cancel swap gift peer_offer peer_accept peer_reject cast_vote
        vote_outcome""",
    TableName: """exchange identity_edges scenarios_seen messages decisions oracle_calls holdings
        holdings_valuation""",
}


@pytest.mark.parametrize("enum_", ENUMS)
def test_values_and_order_are_the_contracts(enum_: type[Vocabulary]) -> None:
    assert [member.value for member in enum_] == VALUES[enum_].split()


def test_member_names_are_the_values_in_upper_case_but_for_two() -> None:
    odd = {member.name: member.value for member in MEMBERS if member.name != member.value.upper()}
    assert odd == {
        "DECLARE_COOCCURRENCE": "declare_cooccurrence_between_tokens",
        "PUBLISH_VOTE_OUTCOME": "publish_vote_outcome_from_venue",
    }


@pytest.mark.parametrize("member", MEMBERS, ids=str)
def test_a_value_finds_its_member_and_nothing_else_does(member: enum.Enum) -> None:
    enum_ = type(member)
    assert enum_(member.value) is member
    for refused in (
        member.value.upper(),
        f" {member.value}",
        f"{member.value}\n",
        f"{member.value}_",
        "",
        None,
        1,
    ):
        with pytest.raises(GrammarError):
            enum_(refused)


@pytest.mark.parametrize("member", MEMBERS, ids=str)
def test_members_survive_pickling_and_copying(member: enum.Enum) -> None:
    assert pickle.loads(pickle.dumps(member)) is member
    assert copy.deepcopy(member) is member


def test_an_unknown_value_is_named_with_the_allowed_ones_and_the_nearest() -> None:
    with pytest.raises(ValueError) as caught:
        TableName("identity_edge")
    assert str(caught.value) == (
        "unknown table name `identity_edge`: expected one of exchange, identity_edges, scenarios_seen, "
        "messages, decisions, oracle_calls, holdings, holdings_valuation\n"
        "hint: did you mean `identity_edges`?"
    )
    with pytest.raises(GrammarError) as caught_far:
        TableName("zzzzzzzz")
    assert "hint" not in str(caught_far.value)


@pytest.mark.parametrize(
    ("enum_", "words"),
    [
        (PatchOp, "patch operation"),
        (RepresentationEdgeKind, "edge kind"),
        (TopologyEdgeKind, "topology edge kind"),
    ],
)
def test_messages_call_a_vocabulary_by_its_words(enum_: type[enum.Enum], words: str) -> None:
    with pytest.raises(GrammarError, match=f"^unknown {words} `nope`: "):
        enum_("nope")


@pytest.mark.parametrize("text", ["a", "0", "a_b", "a1_2b", "acquire_token"])
def test_lower_snake_is_groups_joined_by_single_underscores(text: str) -> None:
    assert grammar.is_lower_snake(text)
    grammar.assert_lower_snake(text, "word")


@pytest.mark.parametrize("text", ["", "_a", "a_", "a__b", "A", "a-b", "a b", "a\n", "é", "١"])
def test_what_is_not_lower_snake_is_refused_with_what_it_is_for(text: str) -> None:
    assert not grammar.is_lower_snake(text)
    with pytest.raises(ValueError, match=r"^word must be lower_snake, got `"):
        grammar.assert_lower_snake(text, "word")


def test_every_enum_value_is_lower_snake_and_one_that_is_not_is_found() -> None:
    grammar.ensure_all_enum_values_lower_snake(ENUMS)

    class Bad(enum.Enum):
        FINE = "fine"
        NOT_FINE = "Not_fine"

    with pytest.raises(AssertionError, match=r"Bad\.NOT_FINE"):
        grammar.ensure_all_enum_values_lower_snake([*ENUMS, Bad])


def test_helpers_go_from_member_to_value_and_back() -> None:
    for action in ActionKind:
        assert grammar.action_kind_from_value(grammar.action_value(action)) is action
    for exchange in ExchangeKind:
        assert grammar.exchange_kind_from_value(grammar.exchange_value(exchange)) is exchange
    for edge in RepresentationEdgeKind:
        assert grammar.edge_kind_from_value(grammar.edge_value(edge)) is edge


@pytest.mark.parametrize(
    "parse", [grammar.action_kind_from_value, grammar.exchange_kind_from_value, grammar.edge_kind_from_value]
)
@pytest.mark.parametrize("value", ["Trade", "ACQUIRE_TOKEN", "nope", "", "is_neighbor"])
def test_strict_helpers_name_the_refused_value(parse, value: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=f"`{value}`"):
        parse(value)


@pytest.mark.parametrize("normalize", [grammar.normalize_visibility, grammar.normalize_channel_type])
def test_normalising_takes_any_case_and_lists_what_is_allowed(normalize) -> None:  # type: ignore[no-untyped-def]
    assert [normalize(text) for text in ("PUBLIC", "Group", "room", "dM")] == [
        "public",
        "group",
        "room",
        "dm",
    ]
    for refused in ("secret", "", " public", "public\n", None):
        with pytest.raises(ValueError, match="public, group, room, dm"):
            normalize(refused)


def test_action_keys_sort_parameters_and_have_no_colon_without_any() -> None:
    key = grammar.canonical_action_key
    assert key(ActionKind.ACQUIRE_TOKEN, token_id="Alpha") == "acquire_token:token_id=Alpha"
    assert key(ActionKind.ACQUIRE_TOKEN, token_id="A", mode="m", agent_id=1) == (
        "acquire_token:agent_id=1|mode=m|token_id=A"
    )
    assert key(ActionKind.ACQUIRE_TOKEN) == "acquire_token"
    assert (
        key(ActionKind.SEND_CHAT_MESSAGE, channel="group:G1, G2") == "send_chat_message:channel=group:G1, G2"
    )


def test_required_slots_are_the_contracts() -> None:
    assert {kind.value: " ".join(kind.required_slots()) for kind in RepresentationEdgeKind} == {
        "self_to_positive_valence": "",
        "self_to_negative_valence": "",
        "self_to_object": "subject_id token_id",
        "self_to_agent": "subject_id object_id",
        "agent_to_positive_valence": "subject_id",
        "agent_to_negative_valence": "subject_id",
        "agent_to_object": "subject_id token_id",
        "agent_to_agent": "subject_id object_id",
        "agent_pair_to_object": "subject_id related_agent_id token_id",
        "object_to_positive_valence": "token_id",
        "object_to_negative_valence": "token_id",
        "object_to_object": "subject_id object_id",
    }


def test_everything_public_is_exported() -> None:
    assert all(hasattr(grammar, name) for name in grammar.__all__)
    assert {enum_.__name__ for enum_ in ENUMS} <= set(grammar.__all__)
