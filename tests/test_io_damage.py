"""Every way to read a part, with every kind of damage to it."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import polars as pl
import pyarrow as pa
import pytest
from damage import DAMAGE, EDGES, LARGE, READS, SMALL, edges, part_of
from frames import RUN

from crv.io import Dataset, IoReadError, IoSettings, _polars_plan
from crv.io.config import VerifyReads

BOTH = pytest.mark.parametrize("count", [SMALL, LARGE], ids=["small", "large"])


@pytest.fixture(params=[1, 2], ids=["alone", "among others"])
def buckets(request: pytest.FixtureRequest) -> int:
    """The number of buckets: a single small part is read in another way than several parts."""
    return int(request.param)


def written(settings: IoSettings, count: int, buckets: int) -> Dataset:
    """A run with one part in each bucket."""
    dataset = Dataset(settings, RUN)
    frame = edges(count, 1)
    dataset.append(EDGES, pl.concat(frame.with_columns(pl.col("tick") + 100 * n) for n in range(buckets)))
    return dataset


def names(error: BaseException, part: Path) -> bool:
    """Returns whether the error names the run, the table and the part, and has a hint."""
    text = str(error)
    return all(name in text for name in (f"`{RUN}`", f"`{EDGES.value}`", f"`{part}`", "\nhint: "))


@BOTH
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("way", READS)
def test_every_read_of_a_damaged_part_is_a_read_error_that_names_it(
    settings: IoSettings, tmp_path: Path, count: int, buckets: int, damage: str, way: str
) -> None:
    dataset = written(settings, count, buckets)
    part = part_of(dataset)
    DAMAGE[damage](part, tmp_path, count)
    with pytest.raises(IoReadError) as caught:
        READS[way](Dataset(settings, RUN))
    assert names(caught.value, part), caught.value


@pytest.mark.parametrize("way", ["read", "scan", "scan_arrow, by pyarrow"])
def test_every_flipped_bit_of_a_small_part_is_a_read_error(settings: IoSettings, way: str, buckets: int) -> None:
    dataset = written(settings, 3, buckets)
    part = part_of(dataset)
    whole = part.read_bytes()
    unnoticed = []
    # One bit of each byte, a different one each time; the test of the core flips every bit.
    for bit in range(0, len(whole) * 8, 9):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        part.write_bytes(flipped)
        try:
            READS[way](dataset)
        except IoReadError as error:
            assert names(error, part), error
        else:
            unnoticed.append(bit)
    assert not unnoticed


def opened(settings: IoSettings, verify: VerifyReads) -> Dataset:
    return Dataset(replace(settings, verify_reads=verify), RUN)


def test_by_size_a_part_with_another_number_of_rows_is_noticed(settings: IoSettings) -> None:
    part = part_of(written(settings, LARGE, 1))
    whole = part.read_bytes()
    other = Dataset(replace(settings, root_dir=settings.root_dir + "2"), RUN)
    other.append(EDGES, edges(LARGE - 100, 3))
    fewer = part_of(other).read_bytes()
    # Of the same size: unused bytes after the first four move no page, because offsets are not read before the rows.
    part.write_bytes(fewer[:4] + bytes(len(whole) - len(fewer)) + fewer[4:])
    for way in READS:
        with pytest.raises(IoReadError, match="rows where its entry says") as caught:
            READS[way](opened(settings, "size"))
        assert names(caught.value, part)


def test_by_size_a_page_that_cannot_be_decoded_is_an_error_of_read_that_names_the_part(settings: IoSettings) -> None:
    part = part_of(written(settings, LARGE, 2))
    expected = opened(settings, "size").read(EDGES)
    whole = part.read_bytes()
    failed = 0
    for at in range(4, 4000, 97):
        changed = bytearray(whole)
        changed[at : at + 8] = b"\xff" * 8
        part.write_bytes(changed)
        try:
            found = opened(settings, "size").read(EDGES)
        except IoReadError as error:
            assert names(error, part), error
            failed += 1
        else:
            assert found.shape == expected.shape, "a value may differ, rows may not be missing"
        with pytest.raises(IoReadError):
            opened(settings, "checksum").read(EDGES)
    assert failed


def test_a_large_part_is_compared_once_for_each_dataset(settings: IoSettings, tmp_path: Path) -> None:
    dataset = written(settings, LARGE, 1)
    dataset.scan(EDGES).select("tick").collect()
    part = part_of(dataset)
    DAMAGE["another part of the same size"](part, tmp_path, LARGE)
    assert dataset.read(EDGES).height == LARGE
    with pytest.raises(IoReadError):
        opened(settings, "checksum").read(EDGES)
    DAMAGE["truncated"](part, tmp_path, LARGE)
    for way in READS:
        with pytest.raises(IoReadError):
            READS[way](dataset)


def test_a_lazy_frame_compares_at_every_collect_whatever_is_made_of_it(settings: IoSettings, tmp_path: Path) -> None:
    dataset = written(settings, SMALL, 2)
    lazy = dataset.scan(EDGES)
    part = part_of(dataset)
    whole = part.read_bytes()
    made: dict[str, Callable[[], object]] = {
        "filter": lambda: lazy.filter(pl.col("tick") > 5).select("token_id").collect(),
        "join": lambda: lazy.join(lazy.select("tick").unique(), on="tick").collect(),
        "concat": lambda: pl.concat([lazy, lazy]).collect(),
        "group": lambda: lazy.group_by("tick").len().collect(engine="streaming"),
        "sink": lambda: lazy.sink_parquet(tmp_path / "sunk.parquet"),
        "all": lambda: pl.collect_all([lazy, lazy.select("tick")]),
        "pickled": lambda: pickle.loads(pickle.dumps(lazy)).collect(),
    }
    for name, make in made.items():
        part.write_bytes(whole)
        make()
        part.write_bytes(whole[:-1])
        with pytest.raises(IoReadError) as caught:
            make()
        assert names(caught.value, part), name
    part.write_bytes(whole)
    assert lazy.collect().height == 2 * SMALL, "and it is none the worse"


def test_a_lazy_frame_is_pickled_with_its_snapshot(settings: IoSettings) -> None:
    dataset = written(settings, SMALL, 2)
    lazy = dataset.scan(EDGES, {"tick_min": 10, "tick_max": 120})
    expected = lazy.collect()
    sent = pickle.dumps(lazy)
    dataset.append(EDGES, edges(SMALL, 9))
    assert pickle.loads(sent).collect().equals(expected)
    assert pickle.loads(sent).select(pl.len()).collect().item() == expected.height
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer).collect().height)"
    out = subprocess.run([sys.executable, "-c", program], input=sent, capture_output=True, check=True)
    assert int(out.stdout) == expected.height


def test_threads_share_a_lazy_frame(settings: IoSettings) -> None:
    lazy = written(settings, LARGE, 2).scan(EDGES)
    with ThreadPoolExecutor(8) as threads:
        counts = threads.map(lambda _: lazy.select(pl.len()).collect().item(), range(32))
    assert set(counts) == {2 * LARGE}


def merge_and_vacuum(settings: IoSettings) -> None:
    other = Dataset(settings, RUN)
    other.compact(EDGES)
    other.vacuum(timedelta(0))


@pytest.mark.parametrize("count", [SMALL, LARGE], ids=["small", "large"])
def test_a_scan_whose_part_was_vacuumed_says_so(settings: IoSettings, count: int) -> None:
    dataset = written(settings, count, 2)
    dataset.append(EDGES, edges(SMALL, 2))
    dataset.read(EDGES)
    lazy, arrow = dataset.scan(EDGES), dataset.scan_arrow(EDGES)
    merge_and_vacuum(settings)
    for read in (lazy.collect, lambda: pa.table(arrow), lambda: pl.DataFrame(arrow)):
        with pytest.raises(IoReadError, match="(?s)was removed by a vacuum.*hint: make a new scan") as caught:
            read()
        assert caught.value.vacuumed
    assert dataset.read(EDGES).height == 2 * count + SMALL


def test_reads_beside_compaction_and_vacuum_never_fail(settings: IoSettings) -> None:
    dataset = written(settings, SMALL, 1)
    stop = Event()

    def upkeep() -> None:
        other, appended = Dataset(settings, RUN), 0
        while not stop.is_set():
            other.append(EDGES, edges(1, appended))
            appended += 1
            merge_and_vacuum(settings)
            other.prune(timedelta(0))

    thread = Thread(target=upkeep)
    thread.start()
    try:
        height = SMALL
        for _ in range(200):
            found = dataset.read(EDGES).height
            assert found >= height
            height = found
    finally:
        stop.set()
        thread.join()
    assert height > SMALL


def test_a_missing_part_that_is_live_is_said_to_be_missing_at_once(settings: IoSettings) -> None:
    dataset = written(settings, SMALL, 2)
    part_of(dataset).unlink()
    with pytest.raises(IoReadError, match="is missing") as caught:
        dataset.read(EDGES)
    assert not caught.value.vacuumed


def test_a_limit_spares_the_parts_beyond_it(settings: IoSettings) -> None:
    dataset = written(settings, SMALL, 2)
    second = part_of(dataset, bucket=1)
    changed = bytearray(second.read_bytes())
    changed[100] ^= 1
    second.write_bytes(changed)
    assert dataset.scan(EDGES).head(SMALL).collect().height == SMALL
    assert dataset.read(EDGES, limit=SMALL).height == SMALL
    with pytest.raises(IoReadError):
        dataset.scan(EDGES).head(SMALL + 1).collect()
    with pytest.raises(IoReadError):
        dataset.read(EDGES, limit=SMALL + 1)


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_command_says_which_part_is_damaged(settings: IoSettings, tmp_path: Path, damage: str) -> None:
    part = part_of(written(settings, SMALL, 2))
    DAMAGE[damage](part, tmp_path, SMALL)
    command = [str(Path(sys.executable).with_name("crv")), "--root", settings.root_dir, "scan", RUN, EDGES.value]
    for form in ("table", "csv"):
        run = subprocess.run([*command, "--format", form], capture_output=True, text=True, check=False)
        assert run.returncode == 4 and not run.stdout, run
        assert all(f"`{name}`" in run.stderr for name in (RUN, EDGES.value, part)) and "hint: " in run.stderr


def test_polars_versions_without_a_resolver_do_the_same(
    settings: IoSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dataset = written(settings, SMALL, 2)
    monkeypatch.setattr(_polars_plan, "_Resolver", None)
    lazy = dataset.scan(EDGES)
    assert lazy.collect().equals(dataset.read(EDGES)) and lazy.collect().height == 2 * SMALL
    assert pickle.loads(pickle.dumps(lazy)).collect().height == 2 * SMALL
    part = part_of(dataset)
    DAMAGE["truncated"](part, tmp_path, SMALL)
    with pytest.raises(IoReadError) as caught:
        lazy.collect()
    assert names(caught.value, part)
    monkeypatch.setattr(_polars_plan, "_of_object", lambda: None)
    with pytest.raises(IoReadError):
        dataset.scan(EDGES)
