"""The dataset of a run: append to its tables, and read them."""

import operator
import os
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

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
from crv.io.transaction import Transaction
from crv.io.writer import Writer

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Dataset"]


class Dataset:
    """One run: append to its tables, and read them.

    A dataset can be shared by threads, pickled, and used on after a fork: each process opens the run for itself.
    Closing it, best with ``with``, brings every manifest.json up to date; it can be used again after that.

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
        """The settings it was opened with."""
        return self._settings

    @property
    def run_id(self) -> RunId:
        """The run."""
        return self._run_id

    def append(
        self, table: TableName | str, frame: Frame | Rows, *, validate_schema: bool = True, validate_rows: bool = False
    ) -> AppendSummary:
        """Appends rows to ``table`` as one commit. When it returns, they survive power loss.

        ``frame`` is a Polars DataFrame, or anything else that speaks Arrow: a pyarrow Table, a pandas DataFrame, a
        DuckDB relation; or a list of row models of ``crv.core.schema``. ``validate_schema`` checks columns and nulls,
        ``validate_rows`` checks values as well. A frame without rows is checked and writes nothing; one without any
        columns either is zero rows. After an error the table is as it was.
        """
        return self._own().append(
            table, as_frame(table, frame), validate_schema=validate_schema, validate_rows=validate_rows
        )

    def transaction(self) -> Transaction:
        """Begins appends to several tables that become visible as one commit, such as a tick.

        ``with dataset.transaction() as tx: tx.append(table, frame)`` commits at the end of the block, and leaves
        nothing behind when it is left by an exception.
        """
        return Transaction(self._own().transaction())

    def writer(self, *, max_rows: int | None = None, max_bytes: int | None = None) -> Writer:
        """Begins a buffered writer: rows gather in memory, and go out as few, large commits.

        ``with dataset.writer() as w: w.append(table, frame)`` writes what waits at the end of the block. Rows are
        durable when they were flushed, not before: see `Writer`. At most ``max_rows`` rows (a million) or
        ``max_bytes`` bytes (64 MiB) of Arrow data are gathered, over all tables; each is at least 1.
        """
        return Writer(self._own().writer(max_rows=max_rows, max_bytes=max_bytes))

    def scan(self, table: TableName | str, where: Where | None = None) -> "pl.LazyFrame":
        """The rows of ``table`` as of now, lazily, in bucket order and then in the order they were appended.

        ``where`` takes ``tick_min`` and ``tick_max``, both inclusive. The frame always has the table's full schema.

        Each `collect` compares the parts with their entries first, as the setting ``verify_reads`` says. A part that is
        damaged, missing, or was vacuumed since the scan was made is an `IoReadError` that names it.
        """
        from crv.io._polars import lazy_frame

        return lazy_frame(self._own().scan(table, where))

    def read(self, table: TableName | str, where: Where | None = None, limit: int | None = None) -> "pl.DataFrame":
        """The rows of ``table``, the first ``limit`` of them; ``where`` as in `scan`.

        Parts are compared with their entries as in `scan`. If a part is vacuumed meanwhile, the rows are read again as
        of a newer commit.
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
        """The rows of ``table`` as of now for anything that reads Arrow, without Polars.

        ``pyarrow.table(scan)`` or ``duckdb.from_arrow(scan)`` reads it; each reading starts anew, and compares the parts
        with their entries first, as in `scan`. What fails after that is an error of the library that reads, with our text.
        """
        scan = self._own().scan(table, where)
        if columns is None and limit is None:
            return scan
        return scan.select(columns=columns, limit=None if limit is None else _count(limit))

    def manifest(self, table: TableName | str) -> TableManifest:
        """The current state of ``table``: its parts and totals, bucket by bucket."""
        return TableManifest.from_json_obj(self._own().manifest(table))

    def rebuild_manifest(self, table: TableName | str) -> TableManifest:
        """Makes the manifest of ``table`` anew from the footers of the parts on disk.

        Parts that were committed and are not on disk any more are an `IoLostRowsWarning`.
        """
        return rebuilt(self._own(), table)

    def compact(
        self,
        table: TableName | str,
        *,
        ticks: tuple[int | None, int | None] | None = None,
        max_bytes: int | None = None,
    ) -> CompactReport:
        """Merges the parts of ``table``, bucket by bucket, so that it reads as if it had been written at once.

        Rows stay as they are, in the order they are in, and others may read and write meanwhile. ``ticks`` takes the
        first and the last tick, both inclusive: only buckets with such ticks. ``max_bytes`` stops after parts of so many
        bytes; ``left`` in the report says whether there is more to do. The parts that were merged stay on disk until a
        `vacuum`. A damaged part is an error that names it: the parts beside it stay as they are, and everything else is
        merged.
        """
        where: Where | None = None if ticks is None else {"tick_min": ticks[0], "tick_max": ticks[1]}
        return CompactReport.from_json_obj(self._own().compact(table, ticks=where, max_bytes=max_bytes))

    def vacuum(self, older_than: timedelta = timedelta(days=1), *, dry_run: bool = False) -> VacuumReport:
        """Removes files that no table needs: parts that were merged, and what processes that died left behind.

        Only files that nobody has needed for ``older_than``: readers that began before are still served. Files that may
        be about to be committed are left for an hour in any case. ``dry_run`` only says what would be removed.
        """
        return VacuumReport.from_json_obj(self._own().vacuum(older_than, dry_run=dry_run))

    def files(self, table: TableName | str) -> list[str]:
        """The files that ``table`` consists of now, in the order of its rows, for tools that read the files themselves.

        Other files in its directory do not count: parts that were merged, and such as were never committed.
        """
        return self._own().files(table)

    def check(self, *, deep: bool = False) -> CheckReport:
        """Looks for damage in the log, the manifests, the parts and every other name, without writing anything.

        ``deep`` reads every byte of every part. Damage is no exception: it is in the report, each piece with what to do
        about it. Others may write meanwhile.
        """
        return CheckReport.from_json_obj(self._own().check(deep=deep))

    def repair(self) -> RepairReport:
        """Mends what a check found, as far as nothing that was acknowledged is lost by it.

        Files that are replaced are kept under another name; missing and damaged parts are never touched. To be called
        while nobody writes to the run.
        """
        return RepairReport.from_json_obj(self._own().repair())

    def prune(self, older_than: timedelta = timedelta(hours=1)) -> PruneReport:
        """Removes commit files that are older; what they did is kept in one. No rows are lost, and others may go on."""
        return PruneReport.from_json_obj(self._own().prune(older_than))

    def tables(self) -> list[TableName]:
        """The tables that this run has."""
        return [TableName(table) for table in self._own().tables()]

    def close(self) -> None:
        """Brings every manifest.json up to date."""
        self._own().close()

    def _own(self) -> _native.Dataset:
        """This process's handle: one made before a fork belongs to the parent."""
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

    def __reduce__(self) -> tuple[type[Self], tuple[IoSettings, str]]:
        return type(self), (self._settings, self._run_id)

    def __repr__(self) -> str:
        return f"Dataset(root_dir={self._settings.root_dir!r}, run_id={self._run_id!r})"


def _count(limit: int) -> int:
    """A number of rows, or an error that says what one is."""
    try:
        count = operator.index(limit)
    except TypeError:
        count = -1
    if count < 0 or isinstance(limit, bool):
        raise IoArgumentError(f"`limit` is {limit!r}\nhint: pass an int of at least 0, or None for all rows")
    return count
