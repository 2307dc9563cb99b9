"""Validation: refused rows, their errors, and that no files are left."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from frames import files, holdings, messages, parts, rows

from crv.core.grammar import TableName
from crv.io import Dataset, IoSchemaError, IoSettings
from crv.io.validate import validate_frame

EDGES = TableName.IDENTITY_EDGES


def edges(**changes: Any) -> pl.DataFrame:
    return rows(EDGES, [0, 1, 2]).with_columns(**changes)


REFUSED = {
    "no tick": (holdings(0).drop("tick"), "tick"),
    "a null tick": (holdings(0, 1).with_columns(tick=pl.Series([0, None])), "tick"),
    "a negative tick": (holdings(0).with_columns(tick=pl.lit(-1)), "-1"),
    "a fractional tick": (holdings(0).with_columns(tick=pl.lit(0.5)), r"0\.5"),
    "a required column is missing": (holdings(0).drop("agent_id", "token_id"), "(?s)agent_id.*token_id"),
    "columns the table does not have": (holdings(0).with_columns(a=1, b=2), "(?s)a.*b"),
    "a null in a required column": (
        holdings(0, 1).with_columns(agent_id=pl.Series(["A0", None])),
        "(?s)agent_id.*row 1",
    ),
    "text that is no number": (holdings(0).with_columns(quantity=pl.lit("three")), "(?s)quantity.*three"),
    "a fraction for an integer": (holdings(0).with_columns(quantity=pl.lit(1.5)), r"(?s)quantity.*1\.5"),
    "an integer beyond 64 bits": (
        holdings(0).with_columns(quantity=pl.lit(2**63, pl.UInt64)),
        "(?s)quantity.*9223372036854775808",
    ),
    "a number where a struct belongs": (holdings(0).with_columns(agent_id=pl.struct(x=1)), "agent_id"),
}


@pytest.mark.parametrize(("frame", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_frame_is_refused_and_nothing_is_left(
    dataset: Dataset, settings: IoSettings, frame: pl.DataFrame, said: str
) -> None:
    dataset.append(TableName.HOLDINGS, holdings(7))
    before = files(settings.root_dir), dataset.read(TableName.HOLDINGS), dataset.manifest(TableName.HOLDINGS)
    with pytest.raises(IoSchemaError, match=said) as raised:
        dataset.append(TableName.HOLDINGS, frame)
    assert "holdings" in str(raised.value)
    assert dataset.settings.root_dir and "20250101-000000" in str(raised.value)
    assert files(settings.root_dir) == before[0]
    assert dataset.read(TableName.HOLDINGS).equals(before[1])
    assert dataset.manifest(TableName.HOLDINGS) == before[2]


@pytest.mark.parametrize(("frame", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_frame_can_be_checked_without_a_run(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(IoSchemaError, match=said):
        validate_frame(TableName.HOLDINGS, frame)


def test_what_is_checked_can_be_chosen() -> None:
    loose = holdings(0).with_columns(mood=pl.lit("calm"))
    validate_frame("holdings", loose, strict_schema=False)
    kinds = edges(edge_kind=pl.lit("love"))
    validate_frame(EDGES, kinds)
    with pytest.raises(IoSchemaError, match="love"):
        validate_frame(EDGES, kinds, validate_rows=True)


def test_a_first_append_that_is_refused_leaves_no_part(dataset: Dataset, settings: IoSettings) -> None:
    with pytest.raises(IoSchemaError):
        dataset.append(TableName.HOLDINGS, holdings(0).with_columns(quantity=pl.lit("x")))
    assert parts(settings.root_dir) == [] and files(settings.root_dir, "*.tmp") == []
    dataset.append(TableName.HOLDINGS, holdings(0))


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1, 2], dtype=pl.Int8),
        pl.Series([1, 2], dtype=pl.UInt64),
        pl.Series([1.0, 2.0]),
        pl.Series(["1", "2"]),
        pl.Series([True, False]).cast(pl.Boolean),
    ],
    ids=str,
)
def test_casts_that_change_no_value_are_made(dataset: Dataset, values: pl.Series) -> None:
    dataset.append(TableName.HOLDINGS, holdings(0, 1).with_columns(quantity=values))
    read = dataset.read(TableName.HOLDINGS)["quantity"]
    assert read.dtype == pl.Int64
    assert read.to_list() == ([1, 0] if values.dtype == pl.Boolean else [1, 2])


@pytest.mark.parametrize("dtype", [pl.Categorical(), pl.Enum(["A0"]), pl.String()], ids=str)
def test_all_kinds_of_text_are_text(dataset: Dataset, dtype: pl.DataType) -> None:
    dataset.append(TableName.HOLDINGS, holdings(0).with_columns(pl.col("agent_id").cast(dtype)))
    assert dataset.read(TableName.HOLDINGS).schema["agent_id"] == pl.String


def test_numbers_become_text_where_text_belongs(dataset: Dataset) -> None:
    dataset.append(TableName.HOLDINGS, holdings(0).with_columns(agent_id=pl.lit(17)))
    assert dataset.read(TableName.HOLDINGS)["agent_id"].to_list() == ["17"]


def test_a_null_column_is_of_any_type(dataset: Dataset) -> None:
    dataset.append(EDGES, edges(edge_sign=pl.lit(None), subject_id=pl.lit(None)))
    read = dataset.read(EDGES)
    assert read.schema["edge_sign"] == pl.Int64 and read["edge_sign"].null_count() == 3


ROWS_REFUSED = {
    "an edge kind that is none": (EDGES, {"edge_kind": "self_to_objet"}, "self_to_objet"),
    "an edge kind in capitals": (EDGES, {"edge_kind": "SELF_TO_OBJECT"}, "SELF_TO_OBJECT"),
    "a slot that the kind requires": (EDGES, {"edge_kind": "self_to_object", "subject_id": "A0"}, "requires fields"),
    "an empty slot": (EDGES, {"edge_kind": "self_to_object", "subject_id": "A0", "token_id": ""}, "requires fields"),
    "an exchange kind that is none": (TableName.EXCHANGE, {"exchange_event_type": "barter"}, "barter"),
    "a side that is not canonical": (TableName.EXCHANGE, {"side": "BUY"}, "BUY"),
    "a visibility that is not canonical": (TableName.MESSAGES, {"visibility_scope": "Public"}, "Public"),
    "a flag that is none": (TableName.ORACLE_CALLS, {"cache_hit": 2}, "cache_hit"),
}


@pytest.mark.parametrize(("table", "changes", "said"), ROWS_REFUSED.values(), ids=ROWS_REFUSED.keys())
def test_values_are_checked_when_asked_for(
    dataset: Dataset, settings: IoSettings, table: TableName, changes: dict[str, Any], said: str
) -> None:
    frame = pl.concat([rows(table, [0]), rows(table, [1], **changes)], how="diagonal")
    with pytest.raises(IoSchemaError, match=said):
        dataset.append(table, frame, validate_rows=True)
    assert parts(settings.root_dir) == []
    dataset.append(table, frame)
    assert dataset.read(table).height == 2


def test_a_real_conflict_names_the_field_and_both_types(dataset: Dataset) -> None:
    dataset.append(TableName.MESSAGES, messages(0, claims={"inner": {"price": 1.5}}))
    with pytest.raises(IoSchemaError, match=r"(?s)claims\.inner\.price.*(f64|str).*(f64|str)"):
        dataset.append(TableName.MESSAGES, messages(1, claims={"inner": {"price": "dear"}}))
    assert dataset.read(TableName.MESSAGES).height == 1


def test_validate_schema_off_still_checks_ticks(dataset: Dataset) -> None:
    with pytest.raises(IoSchemaError, match="tick"):
        dataset.append(TableName.HOLDINGS, holdings(0).drop("tick"), validate_schema=False)


def test_another_bucket_size_than_the_tables_is_refused(tmp_path: Path) -> None:
    from crv.io import IoConfigError

    first = Dataset(IoSettings(root_dir=str(tmp_path), tick_bucket_size=100), "r")
    first.append(TableName.HOLDINGS, holdings(0))
    first.close()
    with pytest.raises(IoConfigError, match="(?s)100.*50|50.*100"):
        Dataset(IoSettings(root_dir=str(tmp_path), tick_bucket_size=50), "r").append(TableName.HOLDINGS, holdings(1))
