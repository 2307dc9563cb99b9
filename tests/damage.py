"""Damage to a part, and every way to read one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
from frames import RUN, rows

from crv.core.grammar import TableName
from crv.io import Catalog, Dataset, IoSettings

EDGES = TableName.IDENTITY_EDGES

SMALL, LARGE = 50, 20_000
"""The number of rows of a part that is read as a whole, and of one that is not, being larger than 128 KiB."""


def edges(count: int, seed: int) -> pl.DataFrame:
    """Returns rows of one bucket. The weights depend on the seed."""
    weights = pl.int_range(count, eager=True).hash(seed) % 2**52 / 2**52
    ticks = pl.int_range(count, eager=True) % 100
    return rows(EDGES, [0]).drop("tick", "edge_weight").join(
        pl.DataFrame({"tick": ticks, "edge_weight": weights}), how="cross"
    )


def part_of(dataset: Dataset, bucket: int = 0) -> Path:
    """Returns the first part in ``bucket``."""
    return next(Path(path) for path in dataset.files(EDGES) if f"bucket={bucket:06d}" in path)


def another_valid_part(root: Path, part: Path, count: int, *, same_size: bool) -> bytes:
    """Returns the bytes of a part with as many rows and other values, of the same size or of another size."""
    size = part.stat().st_size
    for seed in range(2, 200):
        other = Dataset(IoSettings(root_dir=str(root / f"other{seed}")), RUN)
        other.append(EDGES, edges(count if same_size else count + 7, seed))
        found = part_of(other).read_bytes()
        shutil.rmtree(root / f"other{seed}")
        if (len(found) == size) == same_size:
            return found
    raise AssertionError("no part of that size was found")


def _holdings_part(root: Path) -> bytes:
    other = Dataset(IoSettings(root_dir=str(root / "holdings")), RUN)
    other.append(TableName.HOLDINGS, rows(TableName.HOLDINGS, range(50)))
    return Path(other.files(TableName.HOLDINGS)[0]).read_bytes()


def _missing(part: Path, root: Path, count: int) -> None:
    part.unlink()


def _truncated(part: Path, root: Path, count: int) -> None:
    part.write_bytes(part.read_bytes()[:-10])


def _empty(part: Path, root: Path, count: int) -> None:
    part.write_bytes(b"")


def _another_of_the_same_size(part: Path, root: Path, count: int) -> None:
    part.write_bytes(another_valid_part(root, part, count, same_size=True))


def _another_of_another_size(part: Path, root: Path, count: int) -> None:
    part.write_bytes(another_valid_part(root, part, count, same_size=False))


def _of_another_table(part: Path, root: Path, count: int) -> None:
    part.write_bytes(_holdings_part(root))


DAMAGE: dict[str, Callable[[Path, Path, int], None]] = {
    "missing": _missing,
    "truncated": _truncated,
    "empty": _empty,
    "another part of the same size": _another_of_the_same_size,
    "another part of another size": _another_of_another_size,
    "a part of another table": _of_another_table,
}
"""Functions that damage a part with a number of rows, by name."""


def _all(dataset: Dataset) -> Catalog:
    return Catalog(dataset._settings)


READS: dict[str, Callable[[Dataset], pl.DataFrame]] = {
    "read": lambda dataset: dataset.read(EDGES),
    "scan": lambda dataset: dataset.scan(EDGES).collect(),
    "scan, streaming": lambda dataset: dataset.scan(EDGES).collect(engine="streaming"),
    "scan, in memory": lambda dataset: dataset.scan(EDGES).collect(engine="in-memory"),
    "scan, in a larger plan": lambda dataset: pl.concat([dataset.scan(EDGES), dataset.scan(EDGES).clear()]).collect(),
    "scan_arrow, by pyarrow": lambda dataset: pl.DataFrame(pa.table(dataset.scan_arrow(EDGES))),
    "scan_arrow, by polars": lambda dataset: pl.DataFrame(dataset.scan_arrow(EDGES)),
    "scan of many runs": lambda dataset: _all(dataset).scan(EDGES).collect().drop("run_id"),
    "scan_arrow of many runs": lambda dataset: pl.DataFrame(pa.table(_all(dataset).scan_arrow(EDGES))).drop("run_id"),
    "follow": lambda dataset: next(dataset.follow())[1][EDGES],
    "as of a commit": lambda dataset: dataset.at(1).read(EDGES),
}
"""Functions that read all rows, one for each way that Python has, by name."""
