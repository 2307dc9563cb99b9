"""Packs: many runs in few files, read as the runs are."""

import pickle
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from crv.core.grammar import TableName
from crv.io import (
    Catalog,
    Dataset,
    IoArgumentError,
    IoConfigError,
    IoConflictError,
    IoManifestError,
    IoNotFoundError,
    IoReadError,
    IoSchemaError,
    IoSettings,
    IoSkippedRunsWarning,
    IoWriteError,
    PackedTable,
    diff,
    start_run,
)

COUNT = 8
TRADES = TableName.EXCHANGE


def trade(tick: int, run: int) -> dict[str, Any]:
    payload = {"price": run + tick / 4} | ({"lot": {"size": tick, "tags": ["x"] * (tick % 3)}} if run % 2 else {})
    return {
        "tick": tick,
        "venue_id": f"V{tick % 3}",
        "token_id": "T",
        "exchange_event_type": "trade",
        "additional_payload": payload,
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> IoSettings:
    """Runs of many small parts and of few large ones, whose payloads differ, and a table that only some have."""
    settings = IoSettings(root_dir=str(tmp_path_factory.mktemp("runs")))
    for number in range(COUNT):
        params = {"density": number / 10, "mode": "a" if number % 2 else "b"}
        with start_run(settings, f"w-{number}", params=params, sweep="s1", seed=number) as run:
            for tick in range(6):
                run.append(TRADES, [trade(tick * 40, number), trade(tick * 40, number)])
            if number % 3 == 0:
                ages = {"tick": [3, 1, 2], "age": [number, 2**40, None], "born": ["1999-01-01"] * 3}
                run.append("people", pl.DataFrame(ages).with_columns(pl.col("born").str.to_date()), declare=True)
            if number == 5:
                run.append(TRADES, [trade(tick, number) for tick in range(20_000)])
                run.compact(TRADES)
    return settings


@pytest.fixture(scope="module")
def pack(settings: IoSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packs") / "s1.crvpack"
    summary = Catalog(settings).pack(path, sweep="s1")
    assert (summary.path, summary.runs, summary.skipped) == (str(path), COUNT, ())
    assert summary.rows == COUNT * 12 + 20_000 + 9
    people = PackedTable(table="people", runs=3, rows=9, bytes=(path / "tables/people.parquet").stat().st_size)
    assert summary.tables[1] == people
    files = [file for file in path.rglob("*") if file.is_file() and file.name != "pack.json"]
    assert summary.bytes == sum(file.stat().st_size for file in files)
    return path


READS: dict[str, Callable[[Dataset, Any], pl.DataFrame]] = {
    "read": lambda dataset, table: dataset.read(table),
    "scan": lambda dataset, table: dataset.scan(table).collect(),
    "scan, streaming": lambda dataset, table: dataset.scan(table).collect(engine="streaming"),
    "scan_arrow": lambda dataset, table: pl.DataFrame(pa.table(dataset.scan_arrow(table))),
    "as of a commit": lambda dataset, table: dataset.at(dataset.info().commit).read(table),
}


@pytest.mark.parametrize("way", READS)
def test_every_way_to_read_a_run_returns_its_rows(settings: IoSettings, pack: Path, way: str) -> None:
    for number in range(COUNT):
        run, packed = Dataset(settings, f"w-{number}"), Dataset(IoSettings(root_dir=str(pack)), f"w-{number}")
        assert run.tables() == packed.tables()
        for table in run.tables():
            # In a pack, the fields of a payload are those of all runs, and rows are sorted by tick.
            expected, found = run.read(table).sort("tick", maintain_order=True), READS[way](packed, table)
            assert expected.columns == found.columns
            if "additional_payload" in expected.columns:
                prices = pl.col("additional_payload").struct.field("price")
                assert_frame_equal(expected.select("tick", prices), found.select("tick", prices))
            else:
                assert_frame_equal(expected, found)
        assert run.digest() == packed.digest()
        assert diff(run, packed).equal
        before, after = run.info(), packed.info()
        assert (before.facts, before.status, before.commit, before.rows) == (
            after.facts,
            after.status,
            after.commit,
            after.rows,
        )


def test_a_catalog_scans_a_pack_as_it_scans_the_runs(settings: IoSettings, pack: Path) -> None:
    one, other = Catalog(settings), Catalog.open(pack)
    assert_frame_equal(one.runs().drop("bytes"), other.runs().drop("bytes"))
    for selection in (None, "w-[0-3]", "density > 0.25 and mode = 'a'", ["w-5", "w-1"]):
        for table in (TRADES, "people"):
            if table == "people" and selection not in (None, "w-[0-3]"):
                continue
            rows = [
                catalog.scan(table, selection, params=["density"]).filter(pl.col("tick") < 150).collect()
                for catalog in (one, other)
            ]
            rows[0] = rows[0].sort("run_id", "tick", maintain_order=True)
            if selection is not None and table == TRADES:
                # The fields of a payload come in the order of all runs of the pack.
                rows = [frame.with_columns(pl.col("additional_payload").struct.field("price")) for frame in rows]
                rows = [frame.drop("additional_payload") for frame in rows]
            assert_frame_equal(*rows)
    mean = other.scan(TRADES, params=["density"]).group_by("density").agg(pl.len()).sort("density").collect()
    assert mean["len"].to_list() == [20_012 if number == 5 else 12 for number in range(COUNT)]


def test_other_tools_read_the_file_of_a_table(settings: IoSettings, pack: Path) -> None:
    for table, name in ((TRADES, "exchange"), ("people", "people")):
        file = str(pack / f"tables/{name}.parquet")
        expected = Catalog(settings).scan(table).collect().sort("run_id", "tick", maintain_order=True)
        assert_frame_equal(expected, pl.read_parquet(file))
        counts: list[tuple[str, int]] = expected.group_by("run_id").agg(pl.len()).sort("run_id").rows()
        query = f"select run_id, count(*) from '{file}' where tick >= 0 group by run_id order by run_id"
        assert duckdb.execute(query).fetchall() == counts
        read = pq.read_table(file, filters=[("run_id", "=", "w-3")])
        assert read.num_rows == dict(counts)["w-3"]
    runs = pl.read_parquet(pack / "runs.parquet")
    assert_frame_equal(runs, Catalog(settings).runs())


def rows_in(catalog: Catalog, run: str) -> int:
    """In a process of its own."""
    return Dataset(catalog.settings, run).read(TRADES).height + catalog.scan(TRADES, run).collect().height


def test_a_pack_survives_pickling_and_other_processes(pack: Path) -> None:
    catalog = Catalog.open(pack)
    again = pickle.loads(pickle.dumps(catalog))
    assert again.runs().height == COUNT
    with get_context("spawn").Pool(2) as pool:
        assert pool.starmap(rows_in, [(catalog, "w-0"), (catalog, "w-5")]) == [24, 2 * 20_012]


def test_nothing_in_a_pack_can_be_changed(pack: Path) -> None:
    settings = IoSettings(root_dir=str(pack))
    before = sorted(file.stat() for file in pack.rglob("*"))
    with pytest.raises(IoWriteError, match="is a pack, and a pack is never changed"):
        Dataset(settings, "w-0").append(TRADES, [trade(0, 0)])
    with pytest.raises(IoWriteError, match="never changed"), start_run(settings, "new"):
        pass
    with pytest.raises(IoArgumentError, match=r"(?s)no files of their own.*tables/exchange.parquet"):
        Dataset(settings, "w-0").files(TRADES)
    assert [file.st_mtime_ns for file in before] == [
        file.st_mtime_ns for file in sorted(file.stat() for file in pack.rglob("*"))
    ]


def test_what_cannot_be_packed_is_refused(settings: IoSettings, pack: Path, tmp_path: Path) -> None:
    catalog, target = Catalog(settings), tmp_path / "x.crvpack"
    with pytest.raises(IoArgumentError, match=r"end the name in `\.crvpack`"):
        catalog.pack(tmp_path / "x.zip")
    with pytest.raises(IoArgumentError, match="is there already"):
        catalog.pack(pack)
    with pytest.raises(IoNotFoundError, match="no such runs"):
        catalog.pack(target, sweep='no "such" sweep')
    with pytest.raises(IoNotFoundError, match="no run matches"):
        catalog.pack(target, "x-*")
    with pytest.raises(IoNotFoundError, match="no selected run has a table `wages`"):
        catalog.pack(target, tables=["wages"])
    with pytest.raises(IoArgumentError, match="on_error"):
        catalog.pack(target, on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(IoConfigError, match="the pack .* does not exist"):
        Catalog.open(tmp_path / "none.crvpack")
    (tmp_path / "empty.crvpack").mkdir()
    with pytest.raises(IoConfigError, match="is no pack"):
        Catalog.open(tmp_path / "empty.crvpack")
    assert catalog.pack(target, "w-[05]", tables=[TRADES]).runs == 2
    (target / "tables/exchange.parquet").write_bytes(b"PAR1")
    with pytest.raises(IoManifestError, match="it has 4 bytes"):
        Catalog.open(target).runs()


def test_runs_that_run_clash_or_are_damaged(tmp_path: Path) -> None:
    settings = IoSettings(root_dir=str(tmp_path / "out"))
    catalog, target = Catalog(settings), tmp_path / "x.crvpack"
    with start_run(settings, "a") as run:
        run.append("agents", {"tick": [0], "wealth": [2**60 + 1]}, declare=True)
        with pytest.raises(IoConflictError, match="run `a` is running"):
            catalog.pack(target)
    with start_run(settings, "b") as run:
        run.append("agents", {"tick": [0], "wealth": ["rich"]}, declare=True)
    with pytest.raises(IoSchemaError, match="`wealth` is i64 in run `a`, and str in run `b`"):
        catalog.pack(target)
    with start_run(settings, "c") as run:
        run.append("agents", {"tick": [0], "wealth": [0.5]}, declare=True)
    # An integer that no float has must not change.
    with pytest.raises(IoReadError, match="cannot become f64 without changing"):
        catalog.scan("agents", ["a", "c"]).collect()
    with pytest.raises(IoReadError, match="cannot become f64 without changing"):
        catalog.pack(target, ["a", "c"])
    assert not any("crvpack" in file.name for file in tmp_path.iterdir())
    (tmp_path / "out/runs/b/tables/agents/manifest.json").write_text("{")
    with pytest.warns(IoSkippedRunsWarning, match="left out: b"):
        packed = catalog.pack(target, ["a", "b"], on_error="skip")
    assert (packed.runs, [run for run, _ in packed.skipped]) == (1, ["b"])
    assert Catalog.open(target).scan("agents").collect()["wealth"].to_list() == [2**60 + 1]
