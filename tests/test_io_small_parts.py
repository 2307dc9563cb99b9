"""Many small parts are read by the native scan: the same rows, in the same order, with the same errors."""

import pickle
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from frames import RUN, holdings

from crv.core.grammar import TableName
from crv.io import Dataset, IoSettings
from crv.io.errors import IoReadError

HOLDINGS = TableName.HOLDINGS
PARTS = 40


@pytest.fixture
def many(dataset: Dataset) -> Dataset:
    for tick in range(PARTS):
        dataset.append(HOLDINGS, holdings(tick, tick + 1))
    return dataset


def by_polars(dataset: Dataset) -> pl.LazyFrame:
    """Returns the rows as Polars' own reader reads them, part by part."""
    frames = [pl.scan_parquet(path, glob=False, hive_partitioning=False) for path in dataset.files(HOLDINGS)]
    return pl.concat(frames, how="diagonal")


QUERIES: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "all": lambda rows: rows,
    "columns": lambda rows: rows.select("quantity", "agent_id"),
    "one column twice": lambda rows: rows.select("tick", again=pl.col("tick")),
    "filter": lambda rows: rows.filter(pl.col("tick").is_between(7, 9) | (pl.col("agent_id") == "A1")),
    "filter on a column that is not selected": lambda rows: rows.filter(pl.col("tick") == 12).select("token_id"),
    "head": lambda rows: rows.head(7),
    "head and filter": lambda rows: rows.filter(pl.col("tick") > 3).head(5),
    "tail": lambda rows: rows.tail(3),
    "slice": lambda rows: rows.slice(30, 10),
    "totals": lambda rows: rows.group_by("tick", maintain_order=True).agg(pl.col("quantity").sum(), n=pl.len()),
    "count": lambda rows: rows.select(pl.len()),
    "join": lambda rows: rows.join(rows.select("tick", other="quantity"), on="tick", maintain_order="left_right"),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_queries_give_what_polars_own_reader_gives(
    many: Dataset, query: Callable[[pl.LazyFrame], pl.LazyFrame], engine: str
) -> None:
    schema = many.scan(HOLDINGS).collect_schema()
    expected = query(by_polars(many).select([pl.col(name).cast(dtype) for name, dtype in schema.items()]))
    found = query(many.scan(HOLDINGS)).collect(engine=engine)  # type: ignore[call-overload]
    assert found.equals(expected.collect())


def test_a_read_is_the_collected_scan(many: Dataset) -> None:
    for where in (None, {"tick_min": 5, "tick_max": 30}, {"tick_min": PARTS}):
        assert many.read(HOLDINGS, where).equals(many.scan(HOLDINGS, where).collect())  # type: ignore[arg-type]
        assert many.read(HOLDINGS, where, limit=9).equals(many.read(HOLDINGS, where).head(9))  # type: ignore[arg-type]


def test_a_plan_can_be_collected_again_and_sent_to_another_process(many: Dataset) -> None:
    plan = many.scan(HOLDINGS).filter(pl.col("tick") > 20)
    assert plan.collect().equals(plan.collect())
    # Earlier versions of Polars need another package to serialize a Python source.
    if hasattr(pl.LazyFrame, "from_lazyframe_resolver"):
        assert pl.LazyFrame.deserialize(plan.serialize()).collect().equals(plan.collect())
    assert pickle.loads(pickle.dumps(many)).scan(HOLDINGS).collect().equals(many.scan(HOLDINGS).collect())


def test_large_parts_beside_small_ones_stay_in_order(dataset: Dataset) -> None:
    dataset.append(HOLDINGS, pl.concat([holdings(0, 1)] * 60_000).with_columns(quantity=pl.int_range(pl.len())))
    for tick in range(2, 2 + PARTS):
        dataset.append(HOLDINGS, holdings(tick))
    found = dataset.scan(HOLDINGS).collect()
    assert found.height == 120_000 + PARTS
    assert found["tick"].tail(PARTS).to_list() == list(range(2, 2 + PARTS))
    assert dataset.read(HOLDINGS).equals(found)


@pytest.mark.parametrize("read", ["read", "in-memory", "streaming"])
def test_a_damaged_part_is_an_error_that_names_it(many: Dataset, settings: IoSettings, read: str) -> None:
    path = Path(many.files(HOLDINGS)[25])
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    fresh = Dataset(settings, RUN)
    with pytest.raises(IoReadError, match=path.name):
        if read == "read":
            fresh.read(HOLDINGS)
        else:
            fresh.scan(HOLDINGS).collect(engine=read)  # type: ignore[call-overload]
    path.write_bytes(whole[:-1])
    # The sizes of all parts are compared, also of those beyond a limit.
    with pytest.raises(IoReadError, match=path.name):
        fresh.read(HOLDINGS, limit=1)
    with pytest.raises(IoReadError, match=path.name):
        fresh.scan(HOLDINGS).head(1).collect()
    path.write_bytes(whole)
    assert fresh.read(HOLDINGS).height == 2 * PARTS
