"""Measures crv where it comes closest to the machine: reads from Rust, short runs, wide ticks, many threads.

Each line is a ratio to a peer in the same run, or a time, with the value that it must reach. Polars' own reader is the
peer of the reads; for the others it is crv in its simplest use, one thread that appends one table to a run that exists.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path

import polars as pl
from rows import TABLES, edges, table_rows

from crv.io import Dataset, IoSettings

EDGES = "identity_edges"
TWO = ("observer_agent_id", "edge_weight")
_SLOW = """
#include <dlfcn.h>
#include <unistd.h>
int fsync(int file) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fsync");
    usleep(50000);
    return real(file);
}
"""


@dataclass(frozen=True)
class Line:
    """A figure, and what it must reach."""

    what: str
    found: float
    bound: float
    unit: str = "x"
    at_least: bool = False

    def __str__(self) -> str:
        met = self.found >= self.bound if self.at_least else self.found <= self.bound
        bound = f"{'>=' if self.at_least else '<='} {self.bound:g} {self.unit}"
        return f"  {'met   ' if met else 'MISSED'}  {self.what}: {self.found:.2f} {self.unit} ({bound})"


def timed(work: Callable[[], object]) -> float:
    """Returns how many milliseconds ``work`` takes."""
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


def ratio(work: Callable[[], float], peer: Callable[[], float], rounds: int) -> float:
    """Returns the median ratio of two times, measured in turns; the first turn of each is left out."""
    pairs = [(work(), peer()) for _ in range(rounds + 1)][1:]
    return statistics.median(one / other for one, other in pairs)


def settings(root: Path, bucket: int = 1000) -> IoSettings:
    """Returns the settings of a run under ``root``."""
    return IoSettings(root_dir=str(root), tick_bucket_size=bucket)


def totals(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Returns the sum of the weights, and of the lengths of the ids; with no ``columns``, all are read."""
    sums = (pl.col("edge_weight").sum(), pl.col("observer_agent_id").str.len_bytes().sum())
    return rows.select(columns).select(sums).collect() if columns else rows.collect().select(sums)


class Native:
    """The example `native_scan`: the same totals in Rust."""

    def __init__(self, binary: Path, root: Path, run: str, bucket: int, columns: Sequence[str]) -> None:
        command = [str(binary), str(root), run, EDGES, str(bucket), *columns]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def time(self) -> float:
        """Reads once. Returns how many milliseconds that took."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process has no pipes")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline().split()[0])

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def reads(root: Path, binary: Path | None, quick: bool) -> Iterator[Line]:
    """Scans from Rust and from Python."""
    ticks = 100 if quick else 1000
    bulk, small = Dataset(settings(root, 10), "bulk"), Dataset(settings(root, 100), "small")
    bulk.append(EDGES, edges(0, ticks, 2000))
    for tick in range(ticks):
        small.append(EDGES, edges(tick, 1, 200))
    cases = [
        ("2 million rows in 100 parts, two columns", bulk, 10, TWO, 1.0),
        ("2 million rows in 100 parts, all columns", bulk, 10, (), 1.0),
        ("1,000 parts of 200 rows, all columns", small, 100, (), 0.5),
        ("1,000 parts of 200 rows, two columns", small, 100, TWO, 0.5),
    ]
    for what, dataset, bucket, columns, bound in cases:
        files = dataset.files(EDGES)

        def by_polars(files: list[str] = files, columns: Sequence[str] = columns) -> float:
            return timed(lambda: totals(pl.scan_parquet(files, glob=False, hive_partitioning=False), columns))

        def by_scan(dataset: Dataset = dataset, columns: Sequence[str] = columns) -> float:
            return timed(lambda: totals(dataset.scan(EDGES), columns))

        def by_read(dataset: Dataset = dataset) -> float:
            return timed(lambda: totals(dataset.read(EDGES).lazy(), ()))

        if binary is not None:
            native = Native(binary, root, dataset.run_id, bucket, columns)
            yield Line(f"native scan, {what}, to Polars' reader", ratio(native.time, by_polars, 15), bound)
            native.close()
        if dataset is small:
            yield Line(f"Python scan, {what}, to Polars' reader", ratio(by_scan, by_polars, 15), 0.5)
            if not columns:
                yield Line(f"Python read, {what}, to Polars' reader", ratio(by_read, by_polars, 15), 0.5)


def short_runs(root: Path, quick: bool) -> Iterator[Line]:
    """First appends, beside appends of a handle that is warm."""
    warm = Dataset(settings(root), "warm")
    frames = iter(edges(tick, 1, 200) for tick in range(10_000))
    for _ in range(100):
        warm.append(EDGES, next(frames))
    runs = iter(range(10_000))

    def append(dataset: Dataset) -> float:
        frame = next(frames)
        return timed(lambda: dataset.append(EDGES, frame))

    def steady() -> float:
        return statistics.median(append(warm) for _ in range(5))

    rounds = 5 if quick else 30
    new = ratio(lambda: append(Dataset(settings(root), f"new-{next(runs)}")), steady, rounds)
    yield Line("first append of a new run, to a steady one", new, 4)
    fresh = ratio(lambda: append(Dataset(settings(root), "warm")), steady, rounds)
    yield Line("first append of a fresh handle, to a steady one", fresh, 1.5)


def _per_second(datasets: Sequence[Dataset], frames: Sequence[pl.DataFrame]) -> float:
    """Appends every frame through each of the datasets, one thread for each. Returns appends/s."""
    barrier = threading.Barrier(len(datasets) + 1)

    def append(dataset: Dataset) -> None:
        barrier.wait()
        for frame in frames:
            dataset.append(EDGES, frame)

    threads = [threading.Thread(target=append, args=(dataset,)) for dataset in datasets]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return len(datasets) * len(frames) / (time.perf_counter() - begin)


def _process(root: Path, first: int, count: int, begin: Event, told: "SimpleQueue[int]") -> None:
    dataset = Dataset(settings(root), "processes")
    frames = [edges(tick, 1, 200) for tick in range(first, first + count)]
    dataset.append(EDGES, frames[0])
    told.put(first)
    begin.wait()
    for frame in frames:
        dataset.append(EDGES, frame)
    told.put(first)


def _processes(root: Path, count: int, appends: int) -> float:
    # A forked child would have Polars' threads, but not their work.
    context = get_context("spawn")
    begin, told = context.Event(), context.SimpleQueue()
    arguments = [(root, 1 + number * appends, appends, begin, told) for number in range(count)]
    processes = [context.Process(target=_process, args=one) for one in arguments]
    for process in processes:
        process.start()
    for _ in processes:
        told.get()
    start = time.perf_counter()
    begin.set()
    for _ in processes:
        told.get()
    spent = time.perf_counter() - start
    for process in processes:
        process.join()
    return count * appends / spent


def many_writers(root: Path, quick: bool) -> Iterator[Line]:
    """Eight writers, beside one."""
    appends, rounds = (10, 1) if quick else (60, 5)
    frames = [edges(tick, 1, 200) for tick in range(appends)]
    runs = iter(range(10_000))

    def opened(count: int, *, own: bool = False) -> list[Dataset]:
        run = f"writers-{next(runs)}"
        datasets = [Dataset(settings(root), f"{run}-{number}" if own else run) for number in range(count)]
        for dataset in datasets:
            dataset.append(EDGES, frames[0])
        return datasets

    ways: dict[str, tuple[Callable[[], float], float]] = {
        "8 threads on one handle": (lambda: _per_second(opened(1) * 8, frames), 2.5),
        "8 handles on one run": (lambda: _per_second(opened(8), frames), 1.0),
        "8 processes on one run": (lambda: _processes(root / str(next(runs)), 8, appends), 1.0),
        "8 threads on runs of their own": (lambda: _per_second(opened(8, own=True), frames), 1.8),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        one = _per_second(opened(1), frames * 4)
        for way, (measure, _) in ways.items():
            os.sync()
            found[way].append(measure() / one)
    for way, (_, bound) in ways.items():
        yield Line(f"{way}, commits/s to one thread", statistics.median(found[way]), bound, at_least=True)


def wide_ticks(root: Path, quick: bool) -> Iterator[Line]:
    """Eight tables in one commit, beside one table."""
    dataset = Dataset(settings(root), "wide")
    ticks = iter(range(10_000))

    def together() -> float:
        tick = next(ticks)
        frames = {table: table_rows(table, tick, 200) for table in TABLES}

        def commit() -> None:
            with dataset.transaction() as transaction:
                for table, frame in frames.items():
                    transaction.append(table, frame)

        return timed(commit)

    def alone() -> float:
        frame = edges(next(ticks), 1, 200)
        return timed(lambda: dataset.append(EDGES, frame))

    for _ in range(20):
        together()
    yield Line("eight tables in one commit, to one table", ratio(together, alone, 10 if quick else 100), 2.5)


def long_runs(root: Path, quick: bool) -> Iterator[Line]:
    """The last tick of a long run, from a fresh handle."""
    parts = 1000 if quick else 30_000
    with Dataset(settings(root), "long") as dataset:
        for tick in range(parts):
            dataset.append(EDGES, edges(tick, 1, 1))

    def last() -> float:
        where = {"tick_min": parts - 1, "tick_max": parts - 1}
        return timed(lambda: Dataset(settings(root), "long").read(EDGES, where))  # type: ignore[arg-type]

    yield Line(f"last tick of {parts} parts, fresh handle", statistics.median(last() for _ in range(15)), 10, "ms")
    with Dataset(settings(root), "long") as dataset:
        dataset.prune(older_than=timedelta(0))
    yield Line("the same after a prune", statistics.median(last() for _ in range(15)), 10, "ms")


def beside_a_commit(root: Path) -> Iterator[Line]:
    """The slowest read on a handle while another of its threads commits; this process has slow syncs."""
    dataset = Dataset(settings(root), "beside")
    for tick in range(5):
        dataset.append(EDGES, edges(tick, 1, 50))
    done = threading.Event()

    def append() -> None:
        tick = 5
        while not done.is_set():
            dataset.append(EDGES, edges(tick, 1, 50))
            tick += 1

    thread = threading.Thread(target=append)
    thread.start()
    spent = []
    for _ in range(300):
        spent.append(timed(lambda: dataset.read(EDGES, {"tick_min": 2, "tick_max": 2})))
        time.sleep(0.002)
    done.set()
    thread.join()
    yield Line("slowest read beside a commit whose syncs take 50 ms", max(spent), 10, "ms")


@contextmanager
def _slow_syncs() -> Iterator[dict[str, str]]:
    """Yields an environment in which every `fsync` takes 50 ms longer. Needs a C compiler."""
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory, "slow.so")
        command = ["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-x", "c", "-", "-o", str(library), "-ldl"]
        subprocess.run(command, input=_SLOW, text=True, check=True)
        yield {**os.environ, "LD_PRELOAD": str(library)}


def main() -> None:
    """Measures every line, and prints it."""
    parser = argparse.ArgumentParser(description="Measure crv where it comes closest to the machine.")
    parser.add_argument("--native", type=Path, help="the example native_scan, built for release")
    parser.add_argument("--quick", action="store_true", help="small sizes, to test that everything works")
    parser.add_argument("--dir", type=Path, default=Path("out"), help="directory to write to (default: %(default)s)")
    parser.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="crv-limits-", dir=chosen.dir) as directory:
        root = Path(directory).absolute()
        if chosen.beside:
            parts = [beside_a_commit(root / "beside")]
        else:
            parts = [
                reads(root / "reads", chosen.native and chosen.native.absolute(), chosen.quick),
                short_runs(root / "short", chosen.quick),
                many_writers(root / "writers", chosen.quick),
                wide_ticks(root / "wide", chosen.quick),
                long_runs(root / "long", chosen.quick),
            ]
        for part in parts:
            for line in part:
                print(line, flush=True)
    if not chosen.beside:
        with _slow_syncs() as environment:
            command = [sys.executable, __file__, "--beside", "--dir", str(chosen.dir)]
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
