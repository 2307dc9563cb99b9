"""`Dataset`: a run, open for appends, reads and maintenance."""

import json
import operator
import os
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from crv import _native
from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._frames import ArrowScan, Frame, Rows, Where
from crv.io._summaries import AppendSummary
from crv.io.config import IoSettings
from crv.io.errors import IoArgumentError, IoReadError
from crv.io.maintenance import CheckReport, CompactReport, PruneReport, RepairReport, VacuumReport
from crv.io.manifest import TableManifest, rebuilt
from crv.io.rows import as_frame
from crv.io.run_info import RunFacts, RunInfo, RunStatus
from crv.io.transaction import Transaction
from crv.io.writer import Writer

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Dataset"]


class Dataset:
    """A handle on one run: append to its tables, and read them.

    Opening a dataset changes nothing on disk: the run is created by the first append. Threads can share a dataset. It
    can be pickled, and used after a fork: each process opens the run for itself. Closing it, best by a ``with`` block,
    brings every manifest.json up to date. A closed dataset can still be used.

    Every method raises `IoArgumentError` for an invalid argument, and `IoReadError`, `IoWriteError` or
    `IoManifestError` when storage fails or a manifest or commit is damaged.

    >>> import tempfile
    >>> import polars as pl
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> with Dataset(settings, run_id="20250101-000000") as dataset:
    ...     summary = dataset.append(
    ...         TableName.HOLDINGS, pl.DataFrame({"tick": [0, 101], "agent_id": "A0", "token_id": "T0", "quantity": 1})
    ...     )
    >>> summary["buckets"]
    [0, 1]
    >>> dataset.read(TableName.HOLDINGS, {"tick_min": 100})["tick"].to_list()
    [101]
    """

    def __init__(self, settings: IoSettings, run_id: str) -> None:
        self._settings = settings
        self._native = _native.Dataset(settings, run_id)
        self._run_id = RunId(run_id)
        self._pid = os.getpid()

    @property
    def settings(self) -> IoSettings:
        """The settings that the dataset was opened with."""
        return self._settings

    @property
    def run_id(self) -> RunId:
        """The id of the run."""
        return self._run_id

    def append(
        self, table: TableName | str, frame: Frame | Rows, *, validate_schema: bool = True, validate_rows: bool = False
    ) -> AppendSummary:
        """Appends rows to ``table`` as one commit. When this returns, they are visible and survive power loss.

        ``frame`` is a Polars DataFrame, a pyarrow Table, a pandas DataFrame, a DuckDB relation, any other object that
        exports Arrow, or a list of row models of ``crv.core.schema``. ``validate_schema`` checks columns and nulls;
        ``validate_rows`` also checks values. A frame without rows is checked if it has columns, and writes nothing.

        Raises:
            IoSchemaError: the rows do not fit the table. Nothing was written.
            IoConfigError: the settings have another bucket size than the table.
            IoWriteError: storage refused the write. The table is unchanged, and the call can be retried.
            IoUnknownOutcomeError: storage could not say whether the commit took effect.
        """
        return self._own().append(
            table, as_frame(table, frame), validate_schema=validate_schema, validate_rows=validate_rows
        )

    def transaction(self) -> Transaction:
        """Begins a transaction: appends to several tables that become visible as one commit, such as a tick.

        ``with dataset.transaction() as tx: tx.append(table, frame)`` commits at the end of the block. If an exception
        leaves the block, nothing is committed.
        """
        return Transaction(self._own().transaction())

    def writer(self, *, max_rows: int | None = None, max_bytes: int | None = None) -> Writer:
        """Begins a buffered writer: rows are buffered in memory and written as a few large commits.

        ``with dataset.writer() as w: w.append(table, frame)`` writes the buffered rows at the end of the block. Rows
        become durable only when they are flushed: see `Writer`. At most ``max_rows`` rows (default: a million) or
        ``max_bytes`` bytes of Arrow data (default: 64 MiB) are buffered, over all tables; each is at least 1.
        """
        return Writer(self._own().writer(max_rows=max_rows, max_bytes=max_bytes))

    def scan(self, table: TableName | str, where: Where | None = None) -> "pl.LazyFrame":
        """Returns a LazyFrame of the rows of ``table`` as of now, by bucket, then in the order they were appended.

        ``where`` takes ``tick_min`` and ``tick_max``, both inclusive. The frame always has the table's full schema.
        Each `collect` verifies the parts first, as set by ``verify_reads``, and raises an `IoReadError` that names a
        part that is damaged, missing, or was vacuumed after the scan was made.

        Raises:
            IoManifestError: the run has no such table, or its manifest is lost or damaged.
        """
        from crv.io._polars import lazy_frame

        return lazy_frame(self._own().scan(table, where))

    def read(self, table: TableName | str, where: Where | None = None, limit: int | None = None) -> "pl.DataFrame":
        """Reads the rows of ``table``, at most the first ``limit``; ``where`` is as in `scan`.

        If a part is vacuumed during the read, the rows are read again, as of a newer commit.

        Raises:
            IoManifestError: the run has no such table, or its manifest is lost or damaged.
            IoReadError: a part is damaged or missing, or storage refused the read.
        """
        from crv.io._polars import frame

        first = None if limit is None else _count(limit)
        rereads = _native.Rereads()
        while True:
            try:
                return frame(self._own().scan(table, where), first)
            except IoReadError as error:
                if not (error.vacuumed and rereads.again()):
                    raise

    def scan_arrow(
        self,
        table: TableName | str,
        where: Where | None = None,
        *,
        columns: list[str] | None = None,
        limit: int | None = None,
    ) -> ArrowScan:
        """Returns the rows of ``table`` as of now as an Arrow stream, without Polars.

        ``pyarrow.table(scan)`` or ``duckdb.from_arrow(scan)`` reads it. Every read starts from the first row, and
        verifies the parts first, as in `scan`: a damaged part is an `IoReadError`. A later error is raised by the
        library that reads, with the text of crv.

        Raises:
            IoManifestError: the run has no such table, or its manifest is lost or damaged.
        """
        scan = self._own().scan(table, where)
        if columns is None and limit is None:
            return scan
        return scan.select(columns=columns, limit=None if limit is None else _count(limit))

    def manifest(self, table: TableName | str) -> TableManifest:
        """Returns the current state of ``table``: its parts and totals, by bucket."""
        return TableManifest.from_json_obj(self._own().manifest(table))

    def rebuild_manifest(self, table: TableName | str) -> TableManifest:
        """Rebuilds the manifest of ``table`` from the footers of the parts on disk, and writes it.

        Warns with `IoLostRowsWarning` if parts that were committed are no longer on disk.
        """
        return rebuilt(self._own(), table)

    def compact(
        self,
        table: TableName | str,
        *,
        ticks: tuple[int | None, int | None] | None = None,
        max_bytes: int | None = None,
    ) -> CompactReport:
        """Merges the parts of each bucket of ``table``: it then reads as if it had been written at once.

        Rows and their order do not change, and other processes may read and write meanwhile. ``ticks`` is the first and
        the last tick, both inclusive: only buckets with such ticks are merged. ``max_bytes`` stops after parts of so
        many bytes; ``left`` in the report counts the merges that remain. The old parts stay on disk until a `vacuum`.

        Raises:
            IoReadError: a part is damaged or missing. Parts beside it stay as they are; everything else was merged.
        """
        where: Where | None = None if ticks is None else {"tick_min": ticks[0], "tick_max": ticks[1]}
        return CompactReport.from_json_obj(self._own().compact(table, ticks=where, max_bytes=max_bytes))

    def vacuum(self, older_than: timedelta = timedelta(days=1), *, dry_run: bool = False) -> VacuumReport:
        """Removes files that no table needs: merged parts, and files that dead processes left.

        Only files that were not needed for ``older_than`` are removed, so that readers that began within that time find
        their parts. Files that may be about to be committed are kept for an hour in any case. ``dry_run`` removes
        nothing, and reports what would be removed. Other processes may read and write meanwhile.
        """
        return VacuumReport.from_json_obj(self._own().vacuum(older_than, dry_run=dry_run))

    def files(self, table: TableName | str) -> list[str]:
        """Returns the paths of the live parts of ``table``, in the order of its rows, for tools that read the files.

        Other files in its directory are not part of it: merged parts, and parts that were never committed.
        """
        return self._own().files(table)

    def check(self, *, deep: bool = False) -> CheckReport:
        """Checks the log, the manifests, the parts and all other files for damage. Writes nothing.

        ``deep`` reads every byte of every part. Damage does not raise an exception: the report lists it, with what to
        do about each problem. Other processes may write meanwhile.
        """
        return CheckReport.from_json_obj(self._own().check(deep=deep))

    def repair(self) -> RepairReport:
        """Repairs the problems that a check finds, as far as no acknowledged rows are lost.

        Replaced files are kept under another name. Missing and damaged parts are never touched. Call it while no
        process writes to the run.
        """
        return RepairReport.from_json_obj(self._own().repair())

    def prune(self, older_than: timedelta = timedelta(hours=1)) -> PruneReport:
        """Removes commit files that are older than ``older_than``; the base replaces them.

        No rows are lost, and other processes may read and write meanwhile.
        """
        return PruneReport.from_json_obj(self._own().prune(older_than))

    def info(self) -> RunInfo:
        """Returns this run at a glance: its facts, its status, and the totals of its tables. Opens no part.

        Facts and a status that are damaged are in ``problems``.

        Raises:
            IoNotFoundError: there is no such run.
        """
        return RunInfo.from_json_obj(json.loads(self._own().info()))

    def facts(self) -> RunFacts | None:
        """Returns what this run is: its parameters, its seed and where it comes from. None without `start_run`.

        Raises:
            IoManifestError: the facts are damaged, or those of another run.
        """
        facts = json.loads(self._own().facts())
        return None if facts is None else RunFacts.from_json_obj(facts)

    def status(self) -> RunStatus | None:
        """Returns how this run is doing; None without `start_run`. A run whose process was killed is stale.

        Raises:
            IoManifestError: the status is damaged. The run can be read and written all the same.
        """
        status = json.loads(self._own().status())
        return None if status is None else RunStatus.from_json_obj(status)

    def tables(self) -> list[TableName]:
        """Returns the tables that this run has."""
        return [TableName(table) for table in self._own().tables()]

    def close(self) -> None:
        """Brings every manifest.json up to date. Without it no rows are lost: they are in the commits."""
        self._own().close()

    def _own(self) -> _native.Dataset:
        """Returns the handle of this process. After a fork it opens one: the old one belongs to the parent."""
        if os.getpid() != self._pid:
            self._native = _native.Dataset(self._settings, self._run_id)
            self._pid = os.getpid()
        return self._native

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, tuple[IoSettings, str]]:
        return type(self), (self._settings, self._run_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(root_dir={self._settings.root_dir!r}, run_id={self._run_id!r})"


def _count(limit: int) -> int:
    """Returns ``limit`` as a number of rows, or raises `IoArgumentError`."""
    try:
        count = operator.index(limit)
    except TypeError:
        count = -1
    if count < 0 or isinstance(limit, bool):
        raise IoArgumentError(f"`limit` is {limit!r}\nhint: pass an int of at least 0, or None for all rows")
    return count
