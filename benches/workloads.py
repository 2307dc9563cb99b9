"""The workloads. Each runs in its own process, one per peer, and yields between turns.

Times are in milliseconds, sizes in bytes. Rows that are read are compared with those that were written.
"""

import statistics
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl
from adapters import PEERS, Crv, Raw
from floor import Floor
from memory import PeakMemory
from rows import TABLES, edges, same_rows, table_rows, totals
from sizes import Metrics, Sizes, Steps, WrongResultError

__all__ = ["FLOOR", "WORKLOADS", "Workload", "probe"]

FLOOR = "disk"
"""The name of the bare disk among the peers."""

_READS = 5
_Result = TypeVar("_Result")
_Append = Callable[[pl.DataFrame], None]
_Write = Callable[[dict[str, pl.DataFrame]], None]

Workload = Callable[[str, Path, Sizes], Steps]
"""A workload for a peer, in a directory."""


def ticks(name: str, root: Path, sizes: Sizes) -> Steps:
    """The loop of a simulation: one append per tick. Then the last tick is read, and all rows."""
    frames = [edges(tick, 1, sizes.rows_per_tick) for tick in range(sizes.appends)]
    if name == FLOOR:
        floor = Floor(root, sizes)
        spent = yield from _in_turns(partial(_append_bytes, floor), frames, sizes.turn)
        steps = {"file_ms": floor.file_times, "name_ms": floor.name_times, "commit_ms": floor.commit_times}
        return _append_metrics(spent) | {step: statistics.median(times) for step, times in steps.items()}
    peer = PEERS[name](root)
    spent = yield from _in_turns(peer.append, frames, sizes.turn)
    metrics = _append_metrics(spent) | {"bytes": _bytes_under(root)}

    def read_last() -> pl.DataFrame:
        peer.reopen()
        return peer.read(sizes.appends - 1, sizes.appends - 1)

    yield
    metrics["last_tick_ms"], found = _repeated(read_last)
    _expect(same_rows(found, frames[-1]), "the last tick")
    if isinstance(peer, Raw):
        yield
        metrics["last_tick_glob_ms"], found = _repeated(partial(peer.read_by_glob, sizes.appends - 1, sizes.appends - 1))
        _expect(same_rows(found, frames[-1]), "the last tick by glob")
    yield
    metrics["totals_ms"], found = _repeated(peer.totals)
    _expect(same_rows(found, totals(pl.concat(frames).lazy())), "the totals")
    if isinstance(peer, Crv):
        yield
        metrics["rebuild_ms"], rows = _timed(peer.rebuild)
        _expect(rows == sizes.appends * sizes.rows_per_tick, "the rows of the rebuilt manifest")
        metrics |= yield from _merged_and_gathered(peer, frames)
    peer.close()
    return metrics


def _merged_and_gathered(peer: Crv, frames: Sequence[pl.DataFrame]) -> Steps:
    """The same rows in three ways: with merged parts, written by a buffered writer, and in one append."""
    everything = pl.concat(frames)
    wanted = totals(everything.lazy())
    metrics: Metrics = {}
    yield
    metrics["compact_ms"], (before, after) = _timed(peer.compact)
    metrics |= {"parts_before": before, "parts_after": after}
    at_once, gathered = Crv(peer.root / "at-once"), Crv(peer.root / "gathered")
    yield
    spent, _ = _timed(partial(gathered.gather, frames))
    metrics["gathered_per_s"] = 1000 * len(frames) / spent
    at_once.append(everything)
    ways = {"compacted_totals_ms": peer, "at_once_totals_ms": at_once, "gathered_totals_ms": gathered}
    for key, store in ways.items():
        yield
        store.reopen()
        metrics[key], found = _repeated(store.totals)
        _expect(same_rows(found, wanted), f"the totals of {key}")
    return metrics


def growth(name: str, root: Path, sizes: Sizes) -> Steps:
    """An append to a long table beside the same append to a short one, taken in turns.

    The measured appends of the long table are those around number ``far``. Those of several short tables are around
    number ``near``, and together as many. They are enough for a checkpoint of the long table to be among them.
    """
    short = max(2, -(-sizes.far // (15 * sizes.near)))
    width = short * sizes.near

    def begin(directory: str, appends: int) -> _Append:
        if name == FLOOR:
            floor = Floor(root / directory, sizes)
            append: _Append = partial(_append_bytes, floor)
        else:
            append = PEERS[name](root / directory).append
        for tick in range(appends):
            append(edges(tick, 1, sizes.rows_per_tick))
        return append

    far_first, near_first = sizes.far - width // 2, sizes.near // 2
    far = begin("far", far_first)
    nears = [begin(f"near{number}", near_first) for number in range(short)]
    far_times, near_times = [], []
    for step in range(width):
        if step % sizes.turn == 0:
            yield
        far_frame = edges(far_first + step, 1, sizes.rows_per_tick)
        number, offset = divmod(step, sizes.near)
        near, near_frame = nears[number], edges(near_first + offset, 1, sizes.rows_per_tick)
        # The first of each pair may pay for earlier writes: the order alternates.
        if step % 2:
            near_times.append(_timed_append(near, near_frame))
            far_times.append(_timed_append(far, far_frame))
        else:
            far_times.append(_timed_append(far, far_frame))
            near_times.append(_timed_append(near, near_frame))
    return {
        "near_ms": statistics.median(near_times),
        "far_ms": statistics.median(far_times),
        "growth": statistics.median(far_times) / statistics.median(near_times),
        "near_mean_ms": statistics.mean(near_times),
        "far_mean_ms": statistics.mean(far_times),
        "growth_mean": statistics.mean(far_times) / statistics.mean(near_times),
        "far_max_ms": max(far_times),
    }


def bulk(name: str, root: Path, sizes: Sizes) -> Steps:
    """One append of many rows over many buckets. Then one percent of them is read, and all rows."""
    frame = edges(0, sizes.bulk_ticks, sizes.bulk_rows_per_tick)
    metrics: Metrics = {}
    spent = []
    for repeat in range(sizes.bulk_repeats):
        yield
        directory = root / str(repeat)
        peer = PEERS[name](directory)
        memory = PeakMemory()
        spent.append(_timed_append(peer.append, frame))
        peak = memory.above()
        if repeat == 0 and peak is not None:
            metrics["peak_bytes"] = peak
    metrics["rows_per_s"] = frame.height / statistics.median(spent) * 1000
    metrics["bytes"] = _bytes_under(directory)
    peer.reopen()
    first = sizes.bulk_ticks // 2
    last = first + sizes.bulk_ticks // 100 - 1
    yield
    metrics["range_ms"], found = _repeated(lambda: peer.read(first, last))
    _expect(same_rows(found, frame.filter(pl.col("tick").is_between(first, last))), "the range of ticks")
    if isinstance(peer, Raw):
        yield
        metrics["range_glob_ms"], found = _repeated(partial(peer.read_by_glob, first, last))
        _expect(found.height == sizes.bulk_rows_per_tick * (last - first + 1), "the range of ticks by glob")
    yield
    metrics["totals_ms"], found = _repeated(peer.totals)
    _expect(same_rows(found, totals(frame.lazy())), "the totals")
    peer.close()
    return metrics


def tables(name: str, root: Path, sizes: Sizes) -> Steps:
    """Ticks of eight tables in one commit, of eight tables in a commit each, and of one table, alternating."""
    ways = {"together": _together(name, root / "together"), "alone": _together(name, root / "alone")}
    if name == "crv":
        ways["each"] = _each(root / "each")
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for tick in range(sizes.transactions):
        if tick % sizes.turn == 0:
            yield
        frames = {table: table_rows(table, tick, sizes.rows_per_tick) for table in TABLES}
        # The first of each pair may pay for earlier writes: the order alternates.
        for way, write in sorted(ways.items(), reverse=tick % 2 == 1):
            wanted = {"identity_edges": frames["identity_edges"]} if way == "alone" else frames
            spent[way].append(_timed(partial(write, wanted))[0])
    yield
    for way in ways:
        for table in ("identity_edges",) if way == "alone" else TABLES:
            rows = _rows_of_table(name, root / way, table)
            _expect(rows == sizes.transactions * sizes.rows_per_tick, f"the rows of table {table}")
    metrics = {f"{way}_ms": statistics.median(times) for way, times in spent.items()}
    return metrics | {"together_over_alone": metrics["together_ms"] / metrics["alone_ms"]}


def long(name: str, root: Path, sizes: Sizes) -> Steps:
    """A long run: the time to read its last tick from a fresh handle, while its writer is open and after it closed."""
    peer = PEERS[name](root)
    for tick in range(sizes.long):
        peer.append(edges(tick, 1, sizes.rows_per_tick))
    last = sizes.long - 1
    metrics: Metrics = {"bytes": _bytes_under(root)}
    reader = PEERS[name](root)

    def read_last() -> pl.DataFrame:
        reader.reopen()
        return reader.read(last, last)

    yield
    # The manifest is older than the head: the commits after it are read too.
    metrics["behind_ms"], found = _repeated(read_last)
    _expect(same_rows(found, edges(last, 1, sizes.rows_per_tick)), "the last tick")
    peer.reopen()
    yield
    metrics["last_tick_ms"], found = _repeated(read_last)
    _expect(same_rows(found, edges(last, 1, sizes.rows_per_tick)), "the last tick")
    return metrics


def probe(name: str, root: Path, sizes: Sizes) -> Steps:
    """Measures how many bytes one append writes."""
    yield
    peer = PEERS[name](root)
    for tick in range(2):
        peer.append(edges(tick, 1, sizes.rows_per_tick))
    part = max(root.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    # The first commit also contains the schema of the table: the second one is typical.
    commit = max(root.rglob("_commits/*.json"))
    return {"part_bytes": part.stat().st_size, "commit_bytes": commit.stat().st_size}


WORKLOADS: dict[str, Workload] = {"ticks": ticks, "growth": growth, "bulk": bulk, "tables": tables, "long": long}
"""The workloads by name."""


def _together(name: str, root: Path) -> _Write:
    """Returns a function that writes a tick of several tables, in one commit if the peer has commits."""
    if name == "crv":
        dataset = Crv(root).dataset

        def transact(frames: dict[str, pl.DataFrame]) -> None:
            with dataset.transaction() as transaction:
                for table, frame in frames.items():
                    transaction.append(table, frame)

        return transact
    stores = {table: Raw(root / table) for table in TABLES}

    def write(frames: dict[str, pl.DataFrame]) -> None:
        for table, frame in frames.items():
            stores[table].append(frame)

    return write


def _each(root: Path) -> _Write:
    dataset = Crv(root).dataset

    def write(frames: dict[str, pl.DataFrame]) -> None:
        for table, frame in frames.items():
            dataset.append(table, frame)

    return write


def _rows_of_table(name: str, root: Path, table: str) -> int:
    if name == "crv":
        rows: pl.DataFrame = Crv(root).dataset.read(table)
        return rows.height
    return pl.read_parquet(root / table / "*" / "*.parquet", hive_partitioning=False).height


def _in_turns(append: _Append, frames: Sequence[pl.DataFrame], turn: int) -> Generator[None, None, list[float]]:
    spent = []
    for number, frame in enumerate(frames):
        if number % turn == 0:
            yield
        spent.append(_timed_append(append, frame))
    return spent


def _append_bytes(floor: Floor, _: pl.DataFrame) -> None:
    floor.append()


def _append_metrics(spent: Sequence[float]) -> Metrics:
    return {
        "appends_per_s": 1000 * len(spent) / sum(spent),
        "append_ms": statistics.median(spent),
        "append_p99_ms": sorted(spent)[int(0.99 * (len(spent) - 1))],
    }


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    begin = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - begin), result


def _timed_append(append: _Append, frame: pl.DataFrame) -> float:
    return _timed(partial(append, frame))[0]


def _repeated(read: Callable[[], pl.DataFrame]) -> tuple[float, pl.DataFrame]:
    """Returns the median time of several reads, and the result of the last one."""
    spent, frame = zip(*(_timed(read) for _ in range(_READS)), strict=True)
    return statistics.median(spent), frame[-1]


def _bytes_under(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _expect(right: bool, what: str) -> None:
    if not right:
        raise WrongResultError(f"{what}: not what was written")
