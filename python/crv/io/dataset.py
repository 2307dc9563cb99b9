"""`Dataset`: a run, open for appends, reads and maintenance."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from crv import _native
from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._arrays import recorded, to_pandas
from crv.io._columns import Column, Columns, native_columns
from crv.io._commits import DatasetAt, followed
from crv.io._frames import ArrowScan, Frame, Rows, Where, row_count
from crv.io._shown import table as table_of_html
from crv.io._summaries import AppendSummary
from crv.io._tables import table_of
from crv.io.config import IoSettings
from crv.io.digest import RunDigest
from crv.io.errors import IoArgumentError, IoError, IoReadError
from crv.io.maintenance import (
    CheckReport,
    CompactReport,
    PruneReport,
    RepairReport,
    TruncateReport,
    VacuumReport,
)
from crv.io.manifest import TableManifest, rebuilt
from crv.io.presets import Preset
from crv.io.rows import as_frame
from crv.io.run_info import RunFacts, RunInfo, RunStatus
from crv.io.transaction import Checkpoint, Transaction
from crv.io.writer import Writer

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Dataset", "DatasetAt"]


class Dataset:
    """A handle on one run: append to its tables, and read them.

    Opening a dataset changes nothing on disk: the run is created by the first append or declaration. Threads can share
    a dataset. It can be pickled, and used after a fork: each process opens the run for itself. Polars itself hangs in a process
    that was forked from one with threads: for `read` and `scan` in other processes, start them by ``spawn`` or ``forkserver``,
    as ``multiprocessing.get_context("spawn")`` does. Closing a dataset, best by a ``with`` block, brings every manifest.json up to date. A closed dataset can still be used.

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
        self,
        table: TableName | str,
        frame: Frame | Rows,
        *,
        validate_schema: bool = True,
        validate_rows: bool = False,
        declare: bool = False,
    ) -> AppendSummary:
        """Appends rows to ``table`` as one commit. When this returns, they are visible and survive power loss.

        ``frame`` is a Polars DataFrame, a pyarrow Table, a pandas DataFrame, a DuckDB relation, any other object that
        exports Arrow, a list of dicts, a dict of columns, or a list of row models of ``crv.core.schema``.
        ``validate_schema`` checks columns and nulls; ``validate_rows`` also checks values. A frame without rows is
        checked if it has columns, and writes nothing. ``declare`` first declares those columns of the frame that the
        table lacks, as nullable ones, and the table itself if it is new: see `declare`.

        Raises:
            IoSchemaError: the rows do not fit the table. Nothing was written.
            IoNotFoundError: the table is neither canonical nor declared.
            IoConfigError: the settings have another bucket size than the table.
            IoWriteError: storage refused the write. The table is unchanged, and the call can be retried.
            IoUnknownOutcomeError: storage could not say whether the commit took effect.
        """
        own = self._own()
        return own.append(
            table,
            as_frame(table, frame, own.empty),
            validate_schema=validate_schema,
            validate_rows=validate_rows,
            declare=declare,
        )

    def record(self, table: TableName | str, columns: Mapping[str, Any], *, tick: int) -> AppendSummary:
        """Appends arrays of one tick: a row for each agent, whose ids are implied. For simulations that hold NumPy arrays.

        ``columns`` maps names to arrays or lists of one length, and to single values, which every row gets. A two-dimensional
        array becomes lists. Without a column ``agent_id``, it is the place in the arrays, from 0. With single values alone
        there is one row, without ids. New columns are declared, as with ``append(…, declare=True)``.

        >>> import tempfile
        >>> import numpy as np
        >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), run_id="arrays")
        >>> x = np.zeros(3)
        >>> for tick in range(2):
        ...     x += [0.5, 1.0, 1.5]
        ...     _ = dataset.record("state", {"x": x, "wind": "north"}, tick=tick)
        ...     _ = dataset.record("model", {"mean": x.mean()}, tick=tick)
        >>> dataset.read("state").select("tick", "agent_id", "x").rows()[-1]
        (1, 2, 3.0)
        >>> dataset.read("model")["mean"].to_list()
        [1.0, 2.0]
        """
        return self.append(table, recorded(columns, tick), declare=True)

    def declare(
        self, table: str | Preset, columns: Columns | None = None, *, required: Sequence[str] | None = None
    ) -> None:
        """Declares a table of this run: its columns, beside ``tick`` (which need not be given) and ``bucket``.

        ``columns`` is a dict of type names (``{"agent_id": "i64", "wealth": "f64"}``; Python, numpy, Polars and pyarrow
        types will do, a dict is a struct, a list of one type a list), a schema of Polars or pyarrow, a frame, a
        dataclass, a TypedDict or a pydantic model. Columns in ``required`` are never null; of a class, those that
        cannot be None. A preset of `crv.io.presets` is passed alone.

        The declaration is a commit: it is durable when this returns, and readers need nothing but the run. A table that
        has these columns already is left as it is. New nullable columns are added to it; old rows have nulls there.

        >>> import tempfile
        >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), run_id="wealth-1")
        >>> dataset.declare("agents", {"agent_id": "i64", "wealth": "f64", "x": "f32"}, required=["agent_id"])
        >>> summary = dataset.append("agents", {"tick": [0, 0], "agent_id": [1, 2], "wealth": [3.5, None]})
        >>> dataset.read("agents").columns
        ['bucket', 'tick', 'agent_id', 'wealth', 'x']

        Raises:
            IoSchemaError: a column cannot be as it is declared, or the table is declared otherwise. The error names the
                column, and both types.
            IoArgumentError: the name is not lower_snake or has more than 63 bytes, or a type is none.
        """
        if isinstance(table, Preset):
            preset, table = table, table.name
            columns, required = columns or preset.columns, required or preset.required
        if columns is None:
            raise IoArgumentError(f"no columns are given for table `{table}`\nhint: pass a dict of type names")
        native, names = native_columns(columns, required)
        self._own().declare(table, native, names)

    def columns(self, table: TableName | str) -> dict[str, Column]:
        """Returns the columns that ``table`` is defined to have, in order: canonical, or as the run declares it.

        >>> import tempfile
        >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), run_id="r")
        >>> dataset.columns("holdings")["quantity"]
        Column(type='i64', required=True)
        """
        return {name: Column(type, required) for name, type, required in self._own().columns(table)}

    def transaction(self) -> Transaction:
        """Begins a transaction: appends to several tables that become visible as one commit, such as a tick.

        ``with dataset.transaction() as tx: tx.append(table, frame)`` commits at the end of the block. If an exception
        leaves the block, nothing is committed.
        """
        own = self._own()
        return Transaction(own.transaction(), own.empty)

    def writer(
        self,
        *,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        flush_every: float | timedelta | None = None,
    ) -> Writer:
        """Begins a buffered writer: rows are buffered in memory and written as a few large commits.

        ``with dataset.writer() as w: w.append(table, frame)`` writes the buffered rows at the end of the block. Rows
        become durable only when they are flushed: see `Writer`. At most ``max_rows`` rows (default: a million) or
        ``max_bytes`` bytes of Arrow data (default: 64 MiB) are buffered, over all tables; each is at least 1.

        With ``flush_every``, in seconds, the complete ticks are also written when a tick begins and they have waited for so
        long: a run that is followed shows them then.
        """
        own = self._own()
        if isinstance(flush_every, timedelta):
            flush_every = flush_every.total_seconds()
        return Writer(own.writer(max_rows=max_rows, max_bytes=max_bytes, flush_every=flush_every), own.empty)

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

        first = None if limit is None else row_count(limit)
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

        ``columns`` may name fields of a payload, ``additional_payload.legs[].price``: only these are read.

        ``pyarrow.table(scan)`` or ``duckdb.from_arrow(scan)`` reads it. Every read starts from the first row, and
        verifies the parts first, as in `scan`: a damaged part is an `IoReadError`. A later error is raised by the
        library that reads, with the text of crv.

        Raises:
            IoManifestError: the run has no such table, or its manifest is lost or damaged.
        """
        scan = self._own().scan(table, where)
        if columns is None and limit is None:
            return scan
        return scan.select(columns=columns, limit=None if limit is None else row_count(limit))

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

    def read_artifact(self, path: str) -> bytes:
        """Returns the bytes of an artifact of the run, such as ``lab/tidy/prices.parquet``; also of one in a pack.

        Raises:
            IoNotFoundError: there is none.
        """
        return self._own().read_artifact(path)

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

    def last_tick(self) -> int | None:
        """Returns the newest tick of any table, or None without rows. Reads no part."""
        return self._own().last_tick()

    def truncate(self, *, after_tick: int) -> TruncateReport:
        """Removes the rows of ticks greater than ``after_tick`` from every table, as one commit; -1 removes every row.

        Readers that began before find their rows until a `vacuum` removes the files. Use it to continue a simulation
        from an earlier tick.

        Raises:
            IoConflictError: another process appended to the run meanwhile. Nothing was removed.
            IoReadError: a part with ticks on both sides is damaged. Nothing was removed.
        """
        return TruncateReport.from_json_obj(self._own().truncate(after_tick))

    def latest_checkpoint(self) -> Checkpoint | None:
        """Returns the newest checkpoint that `Transaction.checkpoint` wrote: its tick, and the bytes of the state."""
        found = self._own().latest_checkpoint()
        return None if found is None else Checkpoint(*found)

    def resume(self) -> Checkpoint | None:
        """Prepares the run to be continued: removes all rows after the newest checkpoint, and returns it.

        Without a checkpoint every row is removed, and None is returned: the simulation begins again.

        >>> import pickle, tempfile
        >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), run_id="walk-1")
        >>> for tick in range(3):
        ...     with dataset.transaction() as tx:
        ...         tx.append("holdings", {"tick": [tick], "agent_id": ["A"], "token_id": ["T"], "quantity": [tick]})
        ...         if tick < 2:
        ...             tx.checkpoint(pickle.dumps({"position": tick}), keep=2)
        >>> tick, state = dataset.resume()
        >>> tick, pickle.loads(state), dataset.last_tick()
        (1, {'position': 1}, 1)
        """
        found = self._own().resume()
        return None if found is None else Checkpoint(*found)

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

    def follow(
        self,
        tables: Sequence[TableName | str] | None = None,
        *,
        after: int = 0,
        poll: float = 0.001,
        forever: bool = False,
    ) -> Iterator[tuple[int, "dict[TableName | str, pl.DataFrame]"]]:
        """Returns the run's commits in order, whole, as they come: the number of each, and the rows that it appended.

        ``after`` is the number of a commit to go on after, 0 for the beginning: to be continued later, keep the last number.
        ``tables`` are the tables to return; a commit without rows of them is passed over, as are merges. ``poll`` is the
        time between two looks at the log, in seconds. The iterator ends when the run that `start_run` began has ended,
        unless ``forever``; a run without a status never ends.

        Raises:
            IoNotFoundError: there is no such run.
            IoArgumentError: the commit was pruned; the hint says where to begin.
            IoConflictError: a commit removed or replaced rows that may have been returned; its number is in the error.
            IoReadError: the rows of a commit were merged and vacuumed before they were read.

        >>> import tempfile
        >>> from crv.io import start_run
        >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
        >>> with start_run(settings, "run") as run:
        ...     for tick in range(3):
        ...         _ = run.append("agents", {"tick": [tick], "wealth": [tick / 2]}, declare=True)
        >>> [(commit, frames["agents"]["wealth"].to_list()) for commit, frames in Dataset(settings, "run").follow()]
        [(2, [0.0]), (3, [0.5]), (4, [1.0])]
        """
        own = self._own()
        return followed(own.follow(after, None if tables is None else list(tables)), poll, forever)

    def at(self, commit: int) -> "DatasetAt":
        """Returns this run as of commit ``commit``, for reading: `scan`, `read` and `scan_arrow` see no later commit.

        A prune makes earlier commits unreadable, and a vacuum removes the parts that were merged since.

        >>> import tempfile
        >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), "run")
        >>> _ = dataset.append("agents", {"tick": [0], "wealth": [1.0]}, declare=True)  # declares, then appends
        >>> _ = dataset.append("agents", {"tick": [1], "wealth": [2.0]})
        >>> dataset.at(2).read("agents").height, dataset.read("agents").height
        (1, 2)
        """
        return DatasetAt(self, commit)

    def digest(self) -> RunDigest:
        """Returns a hash of the rows of every table as of now: equal for equal rows, whatever their layout.

        Buckets, parts, merges and compression make no difference, nor do facts, status, artifacts and the stored states
        of the model. Reads every row, in bounded memory.

        >>> import tempfile
        >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), "run")
        >>> _ = dataset.append("agents", {"tick": [0], "wealth": [1.0]}, declare=True)
        >>> dataset.digest().digest
        '77e61a389d5d596a918db34b879d36fa6c8d241c4238827d1c46e20e407b601f'
        """
        return RunDigest.from_json_obj(self._own().digest())

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

    def tables(self) -> list[TableName | str]:
        """Returns the tables that this run has: canonical ones in the order of `TableName`, then declared ones by name.

        A `TableName` is a str, and equals its value.
        """
        return [table_of(table) for table in self._own().tables()]

    def to_pandas(self, table: TableName | str, where: Where | None = None) -> Any:
        """Returns the rows of ``table`` as a pandas DataFrame; see `read`. Needs pandas and pyarrow.

        Raises:
            IoArgumentError: a package is missing.
        """
        return to_pandas(self.read(table, where))

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

    def __getitem__(self, table: TableName | str) -> "pl.LazyFrame":
        """Returns a LazyFrame of the rows of ``table``: see `scan`."""
        return self.scan(table)

    def __contains__(self, table: object) -> bool:
        return any(table in (known, getattr(known, "value", None)) for known in self.tables())

    def __iter__(self) -> Iterator[TableName | str]:
        return iter(self.tables())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(root_dir={self._settings.root_dir!r}, run_id={self._run_id!r})"

    def _repr_html_(self) -> str:
        try:
            info = self.info()
        except IoError as error:
            return table_of_html(f"run {self._run_id}", None, [["error", str(error)]])
        facts = info.facts
        rows: list[list[object]] = [["root", self._settings.root_dir], ["state", info.state]]
        if facts is not None:
            rows += [["params", dict(facts.params)], ["seed", facts.seed], ["sweep", facts.sweep]]
        ticks = None if info.tick_min is None else f"{info.tick_min} to {info.tick_max}"
        rows += [["ticks", ticks], ["rows", info.rows], ["tables", list(info.tables)]]
        return table_of_html(f"run {self._run_id}", None, rows)
