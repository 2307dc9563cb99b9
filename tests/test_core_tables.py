"""Table descriptors: the contract's columns, read-only, comparable, picklable."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pickle
from collections.abc import Mapping

import pytest

from crv.core import tables
from crv.core.errors import GrammarError
from crv.core.grammar import TableName, is_lower_snake
from crv.core.tables import TableDescriptor, get_table, list_tables
from crv.core.versioning import SCHEMA_V

# `!` marks required columns; the first columns of every table are bucket and tick.
CONTRACT = {
    "exchange": "venue_id str!, token_id str!, exchange_event_type str!, side str, quantity f64, price f64, "
    "actor_agent_id str, counterparty_agent_id str, baseline_value f64, additional_payload struct!",
    "identity_edges": "observer_agent_id str!, edge_kind str!, subject_id str, object_id str, "
    "related_agent_id str, token_id str, edge_weight f64!, edge_sign i64",
    "scenarios_seen": "observer_agent_id str!, token_id str, owner_status str, peer_alignment_label str, "
    "group_label str, visibility_scope str, channel_name str, salient_agent_pairs list[struct]!, "
    "exchange_snapshot struct!, recent_affect_index f64, salient_other_agent_id str, context_hash str!",
    "messages": "sender_agent_id str!, channel_name str!, visibility_scope str!, audience struct!, "
    "speech_act str!, topic_label str!, stance_label str, claims struct!, style struct!",
    "decisions": "agent_id str!, chosen_action struct!, action_candidates list[struct]!, "
    "token_value_estimates struct!",
    "oracle_calls": "agent_id str!, engine str!, signature_id str!, persona_id str!, persona_hash str!, "
    "representation_hash str!, context_hash str!, value_json str!, latency_ms i64!, cache_hit i64!, "
    "n_tool_calls i64!, tool_seq struct!",
    "holdings": "agent_id str!, token_id str!, quantity i64!",
    "holdings_valuation": "agent_id str!, token_id str!, quantity i64!, avg_unit_cost f64, cost_value f64, "
    "mark_price f64, mark_value f64, realized_pnl f64, unrealized_pnl f64, price_source str, "
    "accounting_method str",
}

every_table = pytest.mark.parametrize("table", list_tables(), ids=lambda table: table.name.value)


def written(table: TableDescriptor) -> str:
    marks = {name: "!" if name in table.required else "" for name in table.columns}
    return ", ".join(f"{name} {dtype}{marks[name]}" for name, dtype in table.columns.items())


def test_columns_dtypes_and_marks_are_the_contracts() -> None:
    expected = {name: f"bucket i64!, tick i64!, {columns}" for name, columns in CONTRACT.items()}
    assert {table.name.value: written(table) for table in list_tables()} == expected


def test_the_registry_has_every_table_once_in_the_enums_order() -> None:
    assert (
        [table.name for table in list_tables()] == list(TableName) == [TableName(name) for name in CONTRACT]
    )


@every_table
def test_a_table_is_found_by_member_and_by_value(table: TableDescriptor) -> None:
    assert get_table(table.name) is table
    assert get_table(table.name.value) is table


@pytest.mark.parametrize("name", ["identity_edge", "EXCHANGE", "", "exchange ", None, 3])
def test_an_unknown_table_is_an_error_that_lists_the_tables(name: object) -> None:
    with pytest.raises(GrammarError, match="expected one of exchange, identity_edges, scenarios_seen"):
        get_table(name)  # type: ignore[arg-type]


@every_table
def test_each_table_has_a_module_and_a_constant(table: TableDescriptor) -> None:
    constant = f"{table.name.value.upper()}_DESC"
    module = importlib.import_module(f"crv.core.tables.{table.name.value}")
    assert getattr(module, constant) is table
    assert getattr(tables, constant) is table
    assert constant in tables.__all__


@every_table
def test_partitioning_version_and_names_hold(table: TableDescriptor) -> None:
    assert table.partitioning == ["bucket"]
    assert table.version == SCHEMA_V
    assert list(table.columns)[:2] == ["bucket", "tick"]
    assert all(is_lower_snake(name) for name in table.columns)
    assert set(table.columns.values()) <= {"i64", "f64", "str", "struct", "list[struct]"}


@every_table
def test_required_and_nullable_share_out_the_columns_in_table_order(table: TableDescriptor) -> None:
    required = [name for name in table.columns if name in table.required]
    nullable = [name for name in table.columns if name not in table.required]
    assert table.required == required
    assert table.nullable == nullable


@every_table
def test_descriptors_survive_pickling_copying_and_asdict(table: TableDescriptor) -> None:
    for twin in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table), dataclasses.replace(table)):
        assert twin == table
        assert hash(twin) == hash(table)
        assert list(twin.columns.items()) == list(table.columns.items())
        assert twin.partitioning == ["bucket"]
    assert dataclasses.asdict(table)["columns"] == table.columns


def test_descriptors_are_read_only() -> None:
    table = get_table("holdings")
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.name = TableName.EXCHANGE  # type: ignore[misc]
    with pytest.raises(TypeError):
        table.columns["extra"] = "str"  # type: ignore[index]
    with pytest.raises(TypeError):
        table.required[0] = "extra"  # type: ignore[index]
    assert not hasattr(table.columns, "update")
    list_tables().clear()
    assert len(list_tables()) == 8


def test_columns_are_an_ordered_mapping_that_equals_a_dict() -> None:
    columns = get_table("holdings").columns
    plain = {"bucket": "i64", "tick": "i64", "agent_id": "str", "token_id": "str", "quantity": "i64"}
    assert isinstance(columns, Mapping)
    assert columns == plain and plain == columns and dict(columns) == plain
    assert columns.get("nope") is None and "tick" in columns and len(columns) == 5
    with pytest.raises(KeyError):
        columns["nope"]


def test_a_descriptor_keeps_no_hold_of_what_it_was_made_from() -> None:
    columns, required = {"bucket": "i64", "tick": "i64"}, ["bucket", "tick"]
    table = TableDescriptor(TableName.HOLDINGS, columns, ["bucket"], required, [], SCHEMA_V)
    columns["late"] = "str"
    required.append("late")
    assert "late" not in table.columns
    assert table.required == ["bucket", "tick"] and table.required != required


def test_name_lists_equal_lists_and_tuples_of_the_same_names() -> None:
    names: object = get_table("holdings").required
    expected = ["bucket", "tick", "agent_id", "token_id", "quantity"]
    plain: object = expected
    assert names == plain and plain == names and names == tuple(expected)
    shorter: object = expected[:-1]
    assert names != shorter
