"""Reads: always the schema of the table, only the selected rows, in order, by Polars' own reader."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from frames import RUN, holdings, messages, parts, rows

from crv.core.grammar import TableName
from crv.core.tables import get_table
from crv.io import Dataset, IoArgumentError, IoManifestError, IoSettings
from crv.io.read import read, scan

HOLDINGS = TableName.HOLDINGS


@pytest.fixture
def run(dataset: Dataset) -> Dataset:
    """Every tenth tick from 0 to 399, in four buckets with two parts each."""
    for first in (0, 5):
        dataset.append(HOLDINGS, holdings(*range(first, 400, 10)))
    return dataset


@pytest.mark.parametrize("table", list(TableName))
def test_the_schema_is_the_tables_also_when_nothing_matches(dataset: Dataset, table: TableName) -> None:
    dataset.append(table, rows(table, [0]))
    full = dataset.scan(table).collect_schema()
    assert list(full) == list(get_table(table).columns)
    kinds = {"i64": pl.Int64, "f64": pl.Float64, "str": pl.String, "struct": pl.Struct, "list[struct]": pl.List}
    for column, dtype in get_table(table).columns.items():
        assert full[column] == kinds[dtype], column
    empty = dataset.read(table, {"tick_min": 1})
    assert empty.height == 0 and empty.schema == full
    assert dataset.read(table).schema == full


@pytest.mark.parametrize(
    ("where", "ticks"),
    [
        (None, range(0, 400, 5)),
        ({}, range(0, 400, 5)),
        ({"tick_min": None, "tick_max": None}, range(0, 400, 5)),
        ({"tick_min": 395}, [395]),
        ({"tick_max": 5}, [0, 5]),
        ({"tick_min": 95, "tick_max": 105}, [95, 100, 105]),
        ({"tick_min": 96, "tick_max": 99}, []),
        ({"tick_min": 200, "tick_max": 100}, []),
        ({"tick_min": -(10**30), "tick_max": 10**30}, range(0, 400, 5)),
        ({"tick_min": 10**30}, []),
        ({"tick_min": np.int32(390), "tick_max": np.uint64(390)}, [390]),
    ],
)
def test_where_is_inclusive_and_exact(run: Dataset, where: Any, ticks: Any) -> None:
    assert sorted(run.read(HOLDINGS, where)["tick"]) == list(ticks)
    stream = pa.table(run.scan_arrow(HOLDINGS, where))
    assert sorted(stream["tick"].to_pylist()) == list(ticks)


@pytest.mark.parametrize(
    "where", [{"tick": 1}, {"tick_min": 1.0}, {"tick_min": True}, {"tick_max": "3"}, {1: 2}, [("tick_min", 1)], 7]
)
def test_another_where_is_refused_with_what_is_allowed(run: Dataset, where: Any) -> None:
    with pytest.raises(IoArgumentError, match="(?s)hint: .*tick_min.*tick_max"):
        run.scan(HOLDINGS, where)


def test_rows_come_in_bucket_order_then_as_appended(run: Dataset) -> None:
    expected = [
        tick for bucket in range(4) for first in (0, 5) for tick in range(bucket * 100 + first, bucket * 100 + 100, 10)
    ]
    assert run.read(HOLDINGS)["tick"].to_list() == expected
    assert pa.table(run.scan_arrow(HOLDINGS))["tick"].to_pylist() == expected


def test_limit_gives_the_first_rows(run: Dataset) -> None:
    assert run.read(HOLDINGS, limit=3)["tick"].to_list() == [0, 10, 20]
    assert run.read(HOLDINGS, {"tick_min": 100}, limit=1)["tick"].to_list() == [100]
    assert run.read(HOLDINGS, limit=0).height == 0


@pytest.mark.parametrize("limit", [-1, 1.5, "3", True])
def test_another_limit_is_refused(run: Dataset, limit: Any) -> None:
    with pytest.raises(IoArgumentError, match="limit"):
        run.read(HOLDINGS, limit=limit)


def test_parts_outside_the_range_are_never_opened(run: Dataset, settings: IoSettings) -> None:
    for path in parts(settings.root_dir):
        if "bucket=000001" not in path:
            Path(settings.root_dir, path).unlink()
    assert run.read(HOLDINGS, {"tick_min": 100, "tick_max": 199}).height == 20
    with pytest.raises(Exception, match="part-"):
        run.read(HOLDINGS)


def test_projection_and_predicate_reach_the_parquet_reader(run: Dataset) -> None:
    plan = run.scan(HOLDINGS).filter(pl.col("quantity") > 3).select("token_id").explain()
    assert plan.count("Parquet SCAN") == 1
    assert "PROJECT 2/5 COLUMNS" in plan
    assert "SELECTION: " in plan and "FILTER" not in plan


def test_the_exact_filter_is_added_only_where_a_part_needs_it(run: Dataset) -> None:
    assert "SELECTION" not in run.scan(HOLDINGS, {"tick_min": 0, "tick_max": 395}).explain()
    assert "SELECTION" in run.scan(HOLDINGS, {"tick_min": 1}).explain()


def test_a_scan_is_pinned_to_its_moment(run: Dataset) -> None:
    lazy = run.scan(HOLDINGS)
    run.append(HOLDINGS, holdings(1000))
    assert lazy.select(pl.len()).collect().item() == 80
    assert run.read(HOLDINGS).height == 81


def test_an_appended_row_is_seen_by_another_handle_at_once(run: Dataset, settings: IoSettings) -> None:
    other = Dataset(settings, RUN)
    assert other.read(HOLDINGS).height == 80
    run.append(HOLDINGS, holdings(1))
    assert other.read(HOLDINGS).height == 81


def test_a_missing_manifest_says_what_to_call(run: Dataset) -> None:
    with pytest.raises(IoManifestError, match="rebuild_manifest"):
        run.scan("messages")


# Payloads


def test_payload_fields_are_the_union_of_all_appends(dataset: Dataset) -> None:
    dataset.append(TableName.MESSAGES, messages(0, claims={"a": 1}))
    dataset.append(TableName.MESSAGES, messages(1, claims={"b": {"c": "x"}, "a": 2}))
    dataset.append(TableName.MESSAGES, messages(2, claims={"b": {"d": [{"e": 1.5}]}}))
    assert dataset.read(TableName.MESSAGES)["claims"].to_list() == [
        {"a": 1, "b": None},
        {"a": 2, "b": {"c": "x", "d": None}},
        {"a": None, "b": {"c": None, "d": [{"e": 1.5}]}},
    ]


def test_integers_widen_to_floats_at_any_depth(dataset: Dataset) -> None:
    for tick, number in enumerate([1, 2.5, 3]):
        payload = {"x": number, "in": {"list": [number], "rows": [{"y": number}]}}
        dataset.append(TableName.MESSAGES, messages(tick, claims=payload))
    found = dataset.read(TableName.MESSAGES)
    assert found["claims"].to_list() == [
        {"x": value, "in": {"list": [value], "rows": [{"y": value}]}} for value in (1.0, 2.5, 3.0)
    ]
    assert pa.table(dataset.scan_arrow(TableName.MESSAGES))["claims"].to_pylist() == found["claims"].to_list()


def test_an_empty_payload_stays_an_empty_payload(dataset: Dataset) -> None:
    dataset.append(TableName.MESSAGES, messages(0, claims={}, style={}))
    found = dataset.read(TableName.MESSAGES)
    assert found["claims"].to_list() == [{}] and found.schema["claims"] == pl.Struct({})
    dataset.append(TableName.MESSAGES, messages(1, claims={"a": 1}, style={}))
    found = dataset.read(TableName.MESSAGES)
    assert found["claims"].to_list() == [{"a": None}, {"a": 1}]
    assert found["style"].to_list() == [{}, {}]


def test_untyped_payloads_take_the_type_that_comes_later(dataset: Dataset) -> None:
    dataset.append(TableName.MESSAGES, messages(0, claims={"tags": [], "note": None}))
    first = dataset.read(TableName.MESSAGES)
    assert first["claims"].to_list() == [{"tags": [], "note": None}]
    dataset.append(TableName.MESSAGES, messages(1, claims={"tags": ["x"], "note": "n"}))
    found = dataset.read(TableName.MESSAGES)
    assert found["claims"].to_list() == [{"tags": [], "note": None}, {"tags": ["x"], "note": "n"}]


@pytest.fixture
def mixed(dataset: Dataset) -> Dataset:
    """Parts that Polars can read, and between them parts that only the native scan can read."""
    fields: list[dict[str, list[str]]] = [{}, {"tags": []}, {}, {"tags": ["b", "c"]}, {"tags": []}]
    for number, tags in enumerate(fields):
        dataset.append(TableName.MESSAGES, messages(number * 100, claims={"n": number, **tags}))
    return dataset


def test_parts_that_polars_cannot_read_keep_their_place(mixed: Dataset) -> None:
    found = mixed.read(TableName.MESSAGES)
    assert found["tick"].to_list() == [0, 100, 200, 300, 400]
    assert [claim["tags"] for claim in found["claims"]] == [None, [], None, ["b", "c"], []]
    assert found.schema["claims"] == pl.Struct({"n": pl.Int64, "tags": pl.List(pl.String)})


def test_the_native_scan_honours_columns_rows_and_predicates(mixed: Dataset) -> None:
    lazy = mixed.scan(TableName.MESSAGES)
    assert "PYTHON SCAN" in lazy.explain() and "Parquet SCAN" in lazy.explain()
    assert lazy.select("tick").collect()["tick"].to_list() == [0, 100, 200, 300, 400]
    assert lazy.filter(pl.col("tick") >= 200).select("topic_label").collect().height == 3
    assert lazy.head(2).collect()["tick"].to_list() == [0, 100]
    assert lazy.filter(pl.col("claims").struct.field("n") % 2 == 0).select("tick").collect()["tick"].to_list() == [
        0,
        200,
        400,
    ]
    assert lazy.join(lazy, on="tick").select("tick").collect().height == 5
    assert lazy.collect(engine="streaming").height == 5
    assert mixed.read(TableName.MESSAGES, {"tick_min": 1, "tick_max": 399})["tick"].to_list() == [100, 200, 300]


def test_values_of_every_type_survive(dataset: Dataset) -> None:
    values = {
        "flag": True,
        "integer": -(2**63),
        "number": 5e-324,
        "text": "naïve 🙂 \0",
        "bytes": b"\x00\xff",
        "day": date(1969, 12, 31),
        "clock": time(23, 59, 59, 999999),
        "moment": datetime(1969, 12, 31, 23, 59, 59, 999999),
        "instant": datetime(2025, 1, 1, 12, tzinfo=UTC),
        "span": timedelta(days=-1, microseconds=1),
        "amount": Decimal("12345678901234567890.12"),
        "list": [[1, 2], [], None],
    }
    frame = rows(TableName.MESSAGES, [0, 1]).with_columns(claims=pl.Series([values, {key: None for key in values}]))
    dataset.append(TableName.MESSAGES, frame)
    dataset.append(TableName.MESSAGES, messages(2, claims={"flag": False}))
    for found in (dataset.read(TableName.MESSAGES), pl.DataFrame(dataset.scan_arrow(TableName.MESSAGES))):
        assert found["claims"].to_list()[0] == values
        assert set(found["claims"].to_list()[1].values()) == {None}
        assert found["claims"].to_list()[2]["flag"] is False


# Arrow, and the functions


def test_a_scan_is_read_by_anything_that_reads_arrow(run: Dataset) -> None:
    scan = run.scan_arrow(HOLDINGS, {"tick_max": 99}, columns=["tick", "token_id"], limit=5)
    table = pa.table(scan)
    assert table.column_names == ["tick", "token_id"] and table.num_rows == 5
    assert pa.table(scan).equals(table), "each reading starts anew"
    assert pa.schema(scan) == table.schema
    assert duckdb.from_arrow(scan).aggregate("sum(tick)").fetchall() == [(0 + 10 + 20 + 30 + 40,)]
    assert pl.DataFrame(scan).height == 5


def test_unknown_columns_are_refused_with_those_there_are(run: Dataset) -> None:
    with pytest.raises(IoArgumentError, match="(?s)colour.*quantity"):
        run.scan_arrow(HOLDINGS, columns=["colour"])


def test_the_functions_do_what_the_methods_do(run: Dataset, settings: IoSettings) -> None:
    assert read(settings, RUN, HOLDINGS, {"tick_min": 390}, limit=1)["tick"].to_list() == [390]
    assert scan(settings, RUN, "holdings").collect().equals(run.read(HOLDINGS))


@pytest.mark.parametrize("name", ["a[0]*?", "with space", "100%25", "ümlaut"])
def test_a_root_of_any_name_is_a_path_and_not_a_pattern(tmp_path: Path, name: str) -> None:
    dataset = Dataset(IoSettings(root_dir=str(tmp_path / name)), RUN)
    dataset.append(HOLDINGS, holdings(0, 100))
    assert dataset.read(HOLDINGS).height == 2


def test_a_run_in_memory_never_touches_the_disk(tmp_path: Path) -> None:
    dataset = Dataset(IoSettings(root_dir=str(tmp_path / "out"), fs_protocol="memory"), RUN)
    dataset.append(HOLDINGS, holdings(0, 100))
    assert dataset.read(HOLDINGS, {"tick_min": 1})["tick"].to_list() == [100]
    assert not Path(dataset.settings.root_dir).exists()


@pytest.mark.parametrize(
    "payload",
    [
        {"x": None},
        {"in": {"x": None, "y": 1}},
        {"rows": [{"x": None}, {"x": None}]},
        {"rows": [[None], []]},
        {"fixed": pl.Series([None, None])},
    ],
    ids=str,
)
def test_nulls_of_no_type_are_taken_at_any_depth(dataset: Dataset, payload: dict[str, Any]) -> None:
    dataset.append(TableName.MESSAGES, messages(0, claims=payload, topic_label="t", stance_label=None))
    found = dataset.read(TableName.MESSAGES)
    plain = {key: value.to_list() if isinstance(value, pl.Series) else value for key, value in payload.items()}
    assert found["claims"].to_list() == [plain]
    assert found["stance_label"].to_list() == [None]
