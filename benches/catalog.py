"""Measures many runs as one dataset: listings, scans, digests, followers.

Each line is a time, a size or a ratio to a peer in the same run, with the value that it must reach. The peer of a scan over
runs is the loop that a user would write without the catalogue, and DuckDB over a list of the same files.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from limits import Line, timed

from crv.io import Catalog, Dataset, IoSettings, start_run

ROWS = 40
"""Rows of a small run."""


def make_runs(settings: IoSettings, count: int) -> None:
    """Makes small runs: two parameters, one table, one commit of rows."""
    for number in range(count):
        params = {"density": number % 100 / 100, "size": number % 7, "mode": "ab"[number % 2]}
        with start_run(settings, f"w-{number:05}", params=params, seed=number, sweep="s1") as run:
            ids = list(range(ROWS // 2)) * 2
            rows = {"tick": sorted(i % 2 for i in range(ROWS)), "agent_id": ids, "wealth": [float(number)] * ROWS}
            run.append("agents", rows, declare=True)


def best(rounds: int, work: object) -> float:
    """Returns the median of some calls, in milliseconds."""
    assert callable(work)
    return statistics.median(timed(work) for _ in range(rounds))


def means(frame: pl.LazyFrame) -> pl.DataFrame:
    """The question of the benchmark: the mean of a variable by parameter."""
    return frame.group_by("density").agg(pl.col("wealth").mean()).sort("density").collect()


def listings(settings: IoSettings, count: int) -> Iterator[Line]:
    """Lists the runs, without an index and with it."""
    catalog, index = Catalog(settings), Path(settings.root_dir, "runs.index")

    def without() -> float:
        index.unlink(missing_ok=True)
        return timed(catalog.runs)

    if catalog.runs().height != count:
        raise ValueError("the listing lacks runs")
    yield Line(f"list {count:,} runs, no index", statistics.median(without() for _ in range(5)) / 1000, 1.5, "s")
    catalog.runs()
    yield Line(f"list {count:,} runs, with the index", best(9, catalog.runs) / 1000, 0.15, "s")


def scans(settings: IoSettings, count: int) -> Iterator[Line]:
    """Asks one question of all runs: through the catalogue, in a loop, and through DuckDB."""
    catalog = Catalog(settings)
    ids = catalog.runs(columns=["run_id"])["run_id"].to_list()

    def by_loop() -> pl.DataFrame:
        frames = []
        for run_id in ids:
            dataset = Dataset(settings, run_id)
            facts = dataset.facts()
            density = facts.params["density"] if facts else None
            frames.append(dataset.read("agents").with_columns(density=pl.lit(density)))
        return means(pl.concat(frames).lazy())

    def by_catalog() -> pl.DataFrame:
        return means(catalog.scan("agents", params=["density"]))

    def by_filter() -> pl.DataFrame:
        return means(catalog.scan("agents", "density = 0.5", params=["density"]))

    if not by_loop().equals(by_catalog()):
        raise ValueError("the rows differ")
    ours = best(7, by_catalog)
    yield Line(f"one table over {count:,} runs, to the loop of `read`", ours / best(3, by_loop), 0.25)
    files = [file for run_id in ids for file in Dataset(settings, run_id).files("agents")]
    engine = duckdb.connect()
    query = "select filename, avg(wealth) from read_parquet(?, filename=true) group by 1"
    theirs = best(7, lambda: engine.execute(query, [files]).fetchall())
    yield Line("the same, to DuckDB over a list of the files", ours / theirs, 1.0)
    yield Line(f"the same with a filter that leaves {count // 100} runs, to that without", best(9, by_filter) / ours, 0.05)


def packs(settings: IoSettings, count: int) -> Iterator[Line]:
    """Packs the runs, and asks the question of `scans` of the pack."""
    catalog, path = Catalog(settings), Path(settings.root_dir, "all.crvpack")
    took = timed(lambda: catalog.pack(path))
    pack = Catalog.open(path)
    if not means(catalog.scan("agents", params=["density"])).equals(means(pack.scan("agents", params=["density"]))):
        raise ValueError("the rows differ")
    yield Line(f"pack {count:,} runs, each", took / count, 2, "ms")
    yield Line("files of the pack", sum(file.is_file() for file in path.rglob("*")), 6, "files")
    bytes_of_runs = sum(file.stat().st_size for file in Path(settings.root_dir, "runs").rglob("*") if file.is_file())
    bytes_of_pack = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    yield Line("bytes of the pack, to those of the runs' files", bytes_of_pack / bytes_of_runs, 1.0)
    by_runs = best(7, lambda: means(catalog.scan("agents", params=["density"])))
    by_pack = best(7, lambda: means(pack.scan("agents", params=["density"])))
    yield Line("one table of the pack, to that of the runs", by_pack / by_runs, 1.0)


def memory(settings: IoSettings) -> Iterator[Line]:
    """Runs the query of `scans` in a process of its own: its memory, and the files that it has open."""
    command = [sys.executable, __file__, "--memory", settings.root_dir]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    yield Line("memory above the result, all runs", float(told[0]), 256, "MiB")
    yield Line("files open at a time", float(told[1]), 256, "files")


def _memory(root: str) -> None:
    catalog = Catalog(root)
    pl.DataFrame({"a": [1]}).lazy().collect()
    before, most, done = _peak(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.001):
            most = max(most, len(os.listdir("/proc/self/fd")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = means(catalog.scan("agents", params=["density"]))
    done.set()
    watcher.join()
    print(_peak() - before - result.estimated_size("mb"), most)


def _peak() -> float:
    """Returns the most memory that this process has had, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def digests(root: Path, quick: bool) -> Iterator[Line]:
    """Hashes rows, and reads them."""
    rows = 100_000 if quick else 2_000_000
    dataset = Dataset(IoSettings(root_dir=str(root)), "digest")
    random = np.random.default_rng(1)
    ticks = np.repeat(np.arange(rows // 200), 200)
    frame = pl.DataFrame({"tick": ticks, "agent_id": np.arange(rows) % 997, "wealth": random.random(rows)})
    dataset.append("agents", frame.with_columns(name=pl.format("agent {}", pl.col("agent_id"))), declare=True)
    native = best(7, lambda: pl.DataFrame(dataset.scan_arrow("agents")))
    digest = best(7, dataset.digest)
    yield Line(f"digest of {rows:,} rows, rows/s to those of `scan_arrow`", native / digest, 0.5, at_least=True)
    read = best(7, lambda: dataset.read("agents"))
    yield Line("the same, to those of `read`, by Polars' reader", read / digest, 0.5, at_least=True)


def followers(root: Path, quick: bool) -> Iterator[Line]:
    """How long after an append has returned its commit is handed out to another handle."""
    settings, count = IoSettings(root_dir=str(root)), 50 if quick else 500
    visible: dict[int, float] = {}
    late: list[float] = []
    with start_run(settings, "live") as run:
        run.append("agents", {"tick": [0], "x": [0.0]}, declare=True)

        def follow() -> None:
            for commit, frames in Dataset(settings, "live").follow(after=2):
                now = time.perf_counter()
                if frames["agents"].height != 1:
                    raise ValueError("half a commit")
                seen[commit] = now

        seen: dict[int, float] = {}
        follower = threading.Thread(target=follow)
        follower.start()
        for tick in range(1, count + 1):
            summary = run.append("agents", {"tick": [tick], "x": [0.0]})
            visible[summary["commit"] or 0] = time.perf_counter()
            time.sleep(0.003)
    follower.join()
    late.extend(1000 * max(0.0, seen[commit] - at) for commit, at in visible.items())
    yield Line("a commit is handed out after its append returned, median", statistics.median(late), 2, "ms")
    yield Line("the same, 99 of 100", sorted(late)[len(late) * 99 // 100], 2, "ms")


def main() -> None:
    """Measures every line, and prints it."""
    parser = argparse.ArgumentParser(description="Measure many runs as one dataset.")
    parser.add_argument("--quick", action="store_true", help="small sizes, to test that everything works")
    parser.add_argument("--dir", type=Path, default=Path("out"), help="directory to write to (default: %(default)s)")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.memory:
        _memory(chosen.memory)
        return
    chosen.dir.mkdir(parents=True, exist_ok=True)
    many, some = (200, 100) if chosen.quick else (10_000, 2_000)
    with tempfile.TemporaryDirectory(prefix="crv-catalog-", dir=chosen.dir) as directory:
        root = Path(directory).absolute()
        roots = {count: IoSettings(root_dir=str(root / str(count))) for count in (many, some)}
        for count, settings in roots.items():
            make_runs(settings, count)
        # What was changed a moment ago is not put into the index.
        time.sleep(2.5)
        for part in (
            listings(roots[many], many),
            scans(roots[some], some),
            packs(roots[some], some),
            memory(roots[many]),
            digests(root / "digest", chosen.quick),
            followers(root / "follow", chosen.quick),
        ):
            for line in part:
                print(line, flush=True)


if __name__ == "__main__":
    main()
