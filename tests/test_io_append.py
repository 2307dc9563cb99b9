"""Appends: accepted frames, results, and the files on disk afterwards."""

import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frames import RUN, files, holdings, parts, rows
from polars.testing import assert_frame_equal

from crv.core.grammar import TableName
from crv.io import Dataset, IoArgumentError, IoNotFoundError, IoSchemaError, IoSettings
from crv.io.write import append


def test_the_summary_has_just_the_documented_keys(dataset: Dataset, settings: IoSettings) -> None:
    summary = dataset.append(TableName.HOLDINGS, holdings(250, 1, 3))
    assert {key: value for key, value in summary.items() if key != "parts"} == {
        "table": "holdings",
        "run_id": RUN,
        "rows": 3,
        "buckets": [0, 2],
        "commit": 1,
    }
    first, second = summary["parts"]
    assert set(first) == {"bucket_id", "path", "rows", "bytes", "tick_min", "tick_max"}
    assert (first["bucket_id"], first["rows"], first["tick_min"], first["tick_max"]) == (0, 2, 1, 3)
    assert (second["bucket_id"], second["rows"], second["tick_min"], second["tick_max"]) == (2, 1, 250, 250)
    for part, bucket in ((first, "000000"), (second, "000002")):
        path = Path(part["path"])
        assert path.stat().st_size == part["bytes"]
        assert re.fullmatch(r"part-[0-9a-f]{32}\.parquet", path.name)
        assert path.parent == Path(settings.root_dir, "runs", RUN, "tables", "holdings", f"bucket={bucket}")


@pytest.mark.parametrize("table", list(TableName))
def test_a_row_of_every_table_is_read_back(dataset: Dataset, table: TableName) -> None:
    frame = rows(table, [0, 99, 100])
    assert dataset.append(table, frame, validate_rows=True)["rows"] == 3
    read = dataset.read(table)
    assert_frame_equal(read.select(frame.columns), frame)
    assert read.columns[:2] == ["bucket", "tick"]
    assert read["bucket"].to_list() == [0, 0, 1]


def test_a_table_may_be_named_by_its_value(dataset: Dataset) -> None:
    dataset.append("holdings", holdings(0))
    assert dataset.read(TableName.HOLDINGS).height == 1


@pytest.mark.parametrize(
    ("table", "kind", "told"),
    [
        ("holding", IoNotFoundError, r"has no table `holding`\nhint: did you mean `holdings`\?"),
        ("HOLDINGS", IoArgumentError, r"must be lower_snake, got `HOLDINGS`\nhint: did you mean `holdings`\?"),
        ("../holdings", IoArgumentError, "must be lower_snake"),
        ("", IoArgumentError, "invalid table name ``: it is empty"),
        ("a" * 64, IoArgumentError, "it has 64 bytes, at most 63 are allowed"),
        (3, IoArgumentError, "a table is named by a str, not by 3"),
        (None, IoArgumentError, "a table is named by a str, not by None"),
    ],
)
def test_another_table_is_refused_with_the_name_that_was_meant(
    dataset: Dataset, table: Any, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        dataset.append(table, holdings(0))
    assert dataset.tables() == []


def test_an_empty_frame_writes_nothing(dataset: Dataset, settings: IoSettings) -> None:
    summary = dataset.append(TableName.HOLDINGS, holdings(0).clear())
    assert (summary["rows"], summary["buckets"], summary["parts"], summary["commit"]) == (0, [], [], None)
    assert parts(settings.root_dir) == []


def test_the_bucket_is_always_recomputed(dataset: Dataset) -> None:
    dataset.append(TableName.HOLDINGS, holdings(0, 150).with_columns(bucket=pl.lit(7, pl.Int64)))
    assert dataset.read(TableName.HOLDINGS)["bucket"].to_list() == [0, 1]


def test_order_within_a_bucket_is_kept(dataset: Dataset) -> None:
    dataset.append(TableName.HOLDINGS, holdings(105, 3, 101, 1))
    dataset.append(TableName.HOLDINGS, holdings(2, 100))
    assert dataset.read(TableName.HOLDINGS)["tick"].to_list() == [3, 1, 2, 105, 101, 100]


def test_a_part_says_its_version_table_and_run(dataset: Dataset) -> None:
    summary = dataset.append(TableName.HOLDINGS, holdings(0))
    metadata = pq.ParquetFile(summary["parts"][0]["path"]).metadata.metadata
    assert metadata[b"crv_schema_version"] == b"0.1@2025-09-20"
    assert metadata[b"crv_table_name"] == b"holdings"
    assert metadata[b"crv_run_id"] == RUN.encode()


@pytest.mark.parametrize(("compression", "found"), [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("lz4", "LZ4")])
def test_compression_and_row_groups_are_as_set(tmp_path: Path, compression: Any, found: str) -> None:
    settings = IoSettings(root_dir=str(tmp_path), compression=compression, row_group_size=2)
    summary = append(settings, RUN, TableName.HOLDINGS, holdings(*range(5)))
    metadata = pq.ParquetFile(summary["parts"][0]["path"]).metadata
    assert [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)] == [2, 2, 1]
    assert metadata.row_group(0).column(0).compression == found


def test_every_kind_of_frame_is_taken(dataset: Dataset) -> None:
    frame = holdings(0, 150)
    table = pa.table({name: frame[name].to_list() for name in frame.columns})
    batch = table.to_batches()[0]
    numbers = pd.DataFrame({name: np.asarray(frame[name].to_list()) for name in frame.columns})
    relation = duckdb.connect().sql("select 0 as tick, 'A0' as agent_id, 'T0' as token_id, 1 as quantity")
    kinds: list[Any] = [
        frame,
        table,
        batch,
        pa.RecordBatchReader.from_batches(table.schema, [batch]),
        numbers,
        relation,
        dataset_of(dataset.settings, frame),
    ]
    for kind in kinds:
        dataset.append(TableName.HOLDINGS, kind)
    assert dataset.read(TableName.HOLDINGS).height == 2 * (len(kinds) - 1) + 1


def dataset_of(settings: IoSettings, frame: pl.DataFrame) -> Any:
    """Returns ``frame`` as a scan of another run."""
    other = Dataset(settings, "other")
    other.append(TableName.HOLDINGS, frame)
    return other.scan_arrow(TableName.HOLDINGS)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"tick": 0}, "column `tick` is of type int"),
        ([{"tick": 0}, 1], "item 1 of the rows is a int, and the first is a dict"),
        ([1, 2], "rows cannot be read from a list"),
        (None, "rows cannot be read from a NoneType"),
        (holdings(0).lazy(), r"a LazyFrame holds no rows yet\nhint: call `.collect\(\)`"),
        (pl.Series("tick", [0]), "the Series is not a frame with columns"),
        (pa.array([0]), "is not a frame with columns"),
    ],
)
def test_anything_else_is_refused_with_what_is_taken(dataset: Dataset, frame: Any, said: str) -> None:
    with pytest.raises(IoArgumentError, match=said):
        dataset.append(TableName.HOLDINGS, frame)


def test_a_failing_producer_leaves_nothing_behind(dataset: Dataset, settings: IoSettings) -> None:
    table = holdings(0).to_arrow()

    def batches() -> Any:
        yield from table.to_batches()
        raise RuntimeError("the simulation stopped")

    with pytest.raises(IoArgumentError, match="the simulation stopped"):
        dataset.append(TableName.HOLDINGS, pa.RecordBatchReader.from_batches(table.schema, batches()))
    assert parts(settings.root_dir) == []


def test_extra_columns_are_refused_or_kept(tmp_path: Path) -> None:
    frame = holdings(0).with_columns(mood=pl.lit("calm"), hue=pl.lit(3))
    strict = Dataset(IoSettings(root_dir=str(tmp_path)), RUN)
    with pytest.raises(IoSchemaError, match=r"(?s)mood.*hue|hue.*mood"):
        strict.append(TableName.HOLDINGS, frame)
    loose = Dataset(IoSettings(root_dir=str(tmp_path), strict_schema=False), RUN)
    loose.append(TableName.HOLDINGS, frame)
    loose.append(TableName.HOLDINGS, holdings(1))
    read = strict.read(TableName.HOLDINGS)
    assert read.columns == ["bucket", "tick", "agent_id", "token_id", "quantity", "mood", "hue"]
    assert read["mood"].to_list() == ["calm", None]


def test_the_function_closes_what_it_opens(settings: IoSettings) -> None:
    for tick in range(3):
        append(settings, RUN, "holdings", holdings(tick))
    assert Dataset(settings, RUN).read("holdings").height == 3
    assert not files(settings.root_dir, "*.tmp")
