"""Appends to a declared table beside appends of the same rows to a canonical one, in turns.

    python benches/declared.py [--ticks 2000] [--rows 200] [--root DIR]
"""

import argparse
import statistics
import tempfile
import time

import polars as pl

from crv.io import Dataset, IoSettings

COLUMNS = {"agent_id": "str", "token_id": "str", "quantity": "i64"}


def main() -> None:
    """Prints the median time of an append to each table, and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ticks", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--root", default=None, help="a directory on the disk to measure (default: a temporary one)")
    arguments = parser.parse_args()
    rows = {"agent_id": [f"A{at}" for at in range(arguments.rows)], "token_id": "T0", "quantity": 1}
    times: dict[str, list[float]] = {"holdings": [], "stock": []}
    with tempfile.TemporaryDirectory(dir=arguments.root) as root, Dataset(IoSettings(root_dir=root), "r") as run:
        run.declare("stock", COLUMNS, required=list(COLUMNS))
        for tick in range(arguments.ticks):
            frame = pl.DataFrame(rows).with_columns(tick=pl.lit(tick, pl.Int64))
            # In turns, each first in every second tick.
            for table in sorted(times, reverse=tick % 2 == 1):
                begin = time.perf_counter()
                run.append(table, frame)
                times[table].append(time.perf_counter() - begin)
    canonical, declared = (statistics.median(times[table]) * 1_000 for table in ("holdings", "stock"))
    print(f"canonical {canonical:.3f} ms, declared {declared:.3f} ms, ratio {declared / canonical:.3f}")


if __name__ == "__main__":
    main()
