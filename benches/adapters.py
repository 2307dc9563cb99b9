"""The peers: the same operations, each written as a user of that package would write them.

A peer imports its package when it is created, so that a missing package is not reported as a failure of the peer.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from rows import totals
from sizes import BUCKET_SIZE

__all__ = ["PEERS", "Crv", "Peer", "Raw"]


class Peer(ABC):
    """A store of one table, in its own directory."""

    package: ClassVar[str]
    """The name of the package, as it is installed."""
    syncs: ClassVar[str]
    """What is synced to disk when an append returns."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root

    @abstractmethod
    def append(self, frame: pl.DataFrame) -> None:
        """Appends the rows."""

    @abstractmethod
    def read(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        """Reads the rows of these ticks, both included."""

    @abstractmethod
    def totals(self) -> pl.DataFrame:
        """Returns the result of `rows.totals` over all rows."""

    def reopen(self) -> None:
        """Drops what is cached in this process, so that the next read is like the first of a new program."""

    def close(self) -> None:
        """Closes the files."""


class Crv(Peer):
    """crv, with its default settings."""

    package = "crv"
    syncs = "parts, commit, names of both"
    table = "identity_edges"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._io: Any = import_module("crv.io")
        self._settings = self._io.IoSettings(root_dir=str(root), tick_bucket_size=BUCKET_SIZE)
        self.reopen()

    def reopen(self) -> None:
        self.dataset = self._io.Dataset(self._settings, "bench")

    def append(self, frame: pl.DataFrame) -> None:
        self.dataset.append(self.table, frame)

    def read(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        rows: pl.DataFrame = self.dataset.read(self.table, {"tick_min": first_tick, "tick_max": last_tick})
        return rows

    def totals(self) -> pl.DataFrame:
        return totals(self.dataset.scan(self.table))

    def compact(self) -> tuple[int, int]:
        """Merges the parts of each bucket into one. Returns the number of parts before and after."""
        before = len(self.dataset.files(self.table))
        self.dataset.compact(self.table)
        return before, len(self.dataset.files(self.table))

    def gather(self, frames: Sequence[pl.DataFrame]) -> None:
        """Appends through a buffered writer; all rows are durable when this returns."""
        with self.dataset.writer() as writer:
            for frame in frames:
                writer.append(self.table, frame)

    def rebuild(self) -> int:
        """Rebuilds the manifest from the parts. Returns the number of rows in it."""
        manifest = self.dataset.rebuild_manifest(self.table)
        return sum(partition.row_count for partition in manifest.partitions.values())


class Raw(Peer):
    """Hand-written Polars code: a file per bucket and append, renamed into place. No manifest, no commit."""

    package = "polars"
    syncs = "files, not their names"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._files = 0

    def append(self, frame: pl.DataFrame) -> None:
        bucketed = frame.with_columns(bucket=pl.col("tick") // BUCKET_SIZE)
        for (bucket,), rows in bucketed.partition_by("bucket", as_dict=True).items():
            directory = self.root / f"bucket={bucket:06d}"
            directory.mkdir(exist_ok=True)
            path = directory / f"{self._files:08d}.parquet"
            self._files += 1
            temporary = path.with_suffix(".tmp")
            rows.write_parquet(temporary, compression="zstd")
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.rename(path)

    def read(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        # Only the directories of these buckets are read.
        buckets = range(first_tick // BUCKET_SIZE, last_tick // BUCKET_SIZE + 1)
        files = [path for bucket in buckets for path in (self.root / f"bucket={bucket:06d}").glob("*.parquet")]
        rows = pl.scan_parquet(sorted(files), hive_partitioning=False)
        return rows.filter(pl.col("tick").is_between(first_tick, last_tick)).collect()

    def read_by_glob(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        """Reads the same rows without using the names of the directories: every file is opened."""
        rows = pl.scan_parquet(self.root / "*" / "*.parquet", hive_partitioning=False)
        return rows.filter(pl.col("tick").is_between(first_tick, last_tick)).collect()

    def totals(self) -> pl.DataFrame:
        return totals(pl.scan_parquet(self.root / "*" / "*.parquet", hive_partitioning=False))


class Delta(Peer):
    """Delta Lake, partitioned by bucket."""

    package = "deltalake"
    syncs = "nothing"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._delta: Any = import_module("deltalake")

    def append(self, frame: pl.DataFrame) -> None:
        bucketed = frame.with_columns(bucket=pl.col("tick") // BUCKET_SIZE)
        self._delta.write_deltalake(str(self.root), bucketed.to_arrow(), mode="append", partition_by=["bucket"])

    def read(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        in_buckets = pl.col("bucket").is_between(first_tick // BUCKET_SIZE, last_tick // BUCKET_SIZE)
        in_ticks = pl.col("tick").is_between(first_tick, last_tick)
        return pl.scan_delta(str(self.root)).filter(in_buckets & in_ticks).collect()

    def totals(self) -> pl.DataFrame:
        return totals(pl.scan_delta(str(self.root)))


class Lance(Peer):
    """Lance, a fragment per append."""

    package = "pylance"
    syncs = "nothing"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._lance: Any = import_module("lance")
        self._uri = str(root / "edges.lance")
        self._mode = "create"

    def append(self, frame: pl.DataFrame) -> None:
        self._lance.write_dataset(frame.to_arrow(), self._uri, mode=self._mode)
        self._mode = "append"

    def read(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        dataset = self._lance.dataset(self._uri)
        return pl.DataFrame(dataset.to_table(filter=f"tick >= {first_tick} AND tick <= {last_tick}"))

    def totals(self) -> pl.DataFrame:
        columns = ["observer_agent_id", "edge_weight"]
        return totals(pl.DataFrame(self._lance.dataset(self._uri).to_table(columns=columns)).lazy())


class DuckDb(Peer):
    """DuckDB, one table in one file."""

    package = "duckdb"
    syncs = "its log"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._duckdb: Any = import_module("duckdb")
        self._connection: Any = self._duckdb.connect(str(root / "edges.duckdb"))
        self._made = False

    def append(self, frame: pl.DataFrame) -> None:
        self._connection.register("frame", frame.to_arrow())
        begin = "INSERT INTO edges" if self._made else "CREATE TABLE edges AS"
        # Fetched, because newer versions of DuckDB execute a query lazily.
        self._connection.execute(f"{begin} SELECT * FROM frame").fetchall()
        self._connection.unregister("frame")
        self._made = True

    def reopen(self) -> None:
        self.close()
        self._connection = self._duckdb.connect(str(self.root / "edges.duckdb"))

    def close(self) -> None:
        self._connection.close()

    def _query(self, query: str) -> pl.DataFrame:
        rows: pl.DataFrame = self._connection.sql(query).pl()
        return rows

    def read(self, first_tick: int, last_tick: int) -> pl.DataFrame:
        return self._query(f"SELECT * FROM edges WHERE tick BETWEEN {first_tick} AND {last_tick}")

    def totals(self) -> pl.DataFrame:
        return self._query(
            "SELECT observer_agent_id, sum(edge_weight) AS weight, count(*) AS edges FROM edges GROUP BY ALL"
        )


PEERS: dict[str, type[Peer]] = {"crv": Crv, "raw": Raw, "delta": Delta, "lance": Lance, "duckdb": DuckDb}
"""The peers by their short names."""
