"""The catalog: the runs under a root, as one dataset."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal

from crv import _native
from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._arrays import to_pandas, to_xarray
from crv.io._frames import row_count
from crv.io._shown import Shown, table
from crv.io._tables import table_of
from crv.io.config import IoSettings
from crv.io.errors import IoArgumentError, IoError, IoSkippedRunsWarning
from crv.io.run_info import RunInfo

if TYPE_CHECKING:
    from typing import Self

    import polars as pl

    from crv.io._frames import ArrowScan

    Selected = str | Iterable[str] | pl.DataFrame | pl.Expr | None
    """Which runs: a pattern of ids, a filter, ids, a frame with a column ``run_id``, or an expression; None for all."""

__all__ = ["Catalog", "PackSummary", "PackedTable", "RunEntry", "RunSummary", "list_runs", "runs", "summarize_runs"]


@dataclass(frozen=True, kw_only=True, repr=False)
class PackedTable(Shown):
    """A table of a pack."""

    table: TableName | str
    runs: int
    """How many runs have it."""
    rows: int
    bytes: int
    """The size of its file."""


@dataclass(frozen=True, kw_only=True, repr=False)
class PackSummary(Shown):
    """What was packed."""

    path: str
    runs: int
    rows: int
    """Rows of all tables."""
    bytes: int
    """The size of all files."""
    tables: tuple[PackedTable, ...]
    skipped: tuple[tuple[str, str], ...]
    """Runs that cannot be read and were left out, with why."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> "Self":
        """Makes a summary of what the core returns."""
        tables = (PackedTable(**(table | {"table": table_of(table["table"])})) for table in obj["tables"])
        skipped = tuple((run, why) for run, why in obj["skipped"])
        return cls(**(dict(obj) | {"tables": tuple(tables), "skipped": skipped}))


@dataclass(frozen=True, kw_only=True, repr=False)
class RunEntry(Shown):
    """A run and its tables."""

    run_id: RunId
    tables: tuple[TableName | str, ...]
    """The tables that were written or declared: canonical ones in the order of `TableName`, then others by name."""


def list_runs(settings: IoSettings) -> list[RunEntry]:
    """Lists the runs under ``settings.root_dir``, sorted by id.

    Raises:
        IoConfigError: the root does not exist, and is not the default one.
    """
    return [
        RunEntry(run_id=RunId(run["run_id"]), tables=tuple(table_of(table) for table in run["tables"]))
        for run in _native.list_runs(settings)
    ]


@dataclass(frozen=True, kw_only=True, repr=False)
class RunSummary(Shown):
    """A run at a glance, or why it cannot be read."""

    run_id: RunId
    info: RunInfo | None
    """What `Dataset.info` returns; None if the run is damaged."""
    error: str | None
    """Why the run cannot be read."""


def summarize_runs(settings: IoSettings) -> list[RunSummary]:
    """Returns the runs under ``settings.root_dir`` at a glance, sorted by id, as ``crv runs`` shows them.

    A run that is damaged does not hide the others.

    Raises:
        IoConfigError: the root does not exist, and is not the default one.

    >>> import tempfile
    >>> from crv.io import start_run
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> for beta in (0.2, 0.3):
    ...     with start_run(settings, f"beta-{beta}", params={"beta": beta}):
    ...         pass
    >>> [(run.run_id, run.info.state.value, run.info.facts.params) for run in summarize_runs(settings)]
    [('beta-0.2', 'succeeded', {'beta': 0.2}), ('beta-0.3', 'succeeded', {'beta': 0.3})]
    """
    return [
        RunSummary(
            run_id=RunId(run["run_id"]),
            info=None if run["info"] is None else RunInfo.from_json_obj(run["info"]),
            error=run["error"],
        )
        for run in json.loads(_native.summarize_runs(settings))
    ]


class Catalog:
    """The runs under a root as one dataset.

    ``root`` is a directory, or settings. A catalog holds no state: every call sees the runs as they are then.

    >>> import tempfile
    >>> from crv.io import start_run
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> for density in (0.2, 0.7):
    ...     with start_run(settings, f"w-{density}", params={"density": density}) as run:
    ...         _ = run.append("agents", {"tick": [0, 1], "wealth": [1.0, 10 * density]}, declare=True)
    >>> catalog = Catalog(settings)
    >>> catalog.runs("density > 0.5", columns=["run_id", "state", "params.density"]).rows()
    [('w-0.7', 'succeeded', 0.7)]
    >>> import polars as pl
    >>> agents = catalog.scan("agents", params=["density"]).filter(pl.col("tick") == 1)
    >>> agents.group_by("density").agg(pl.col("wealth").mean()).sort("density").collect().rows()
    [(0.2, 2.0), (0.7, 7.0)]
    """

    def __init__(self, root: "IoSettings | str | PathLike[str]") -> None:
        self.settings = root if isinstance(root, IoSettings) else IoSettings(root_dir=fspath(root))

    def __repr__(self) -> str:
        return f"Catalog({self.settings.root_dir!r})"

    def _repr_html_(self) -> str:
        try:
            frame = self.runs()
        except IoError as error:
            return table(f"runs under {self.settings.root_dir}", None, [["error", str(error)]])
        names = ["run_id", "state", "created_at", *(name for name in frame.columns if name.startswith("params."))]
        shown = frame.select(*names, "rows", "tick_max")
        return table(f"{frame.height:,} runs under {self.settings.root_dir}", shown.columns, shown.rows())

    def runs(
        self,
        where: "str | pl.Expr | None" = None,
        *,
        runs: "Selected" = None,
        columns: Sequence[str] | None = None,
        sort: "str | Sequence[str] | None" = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> "pl.DataFrame":
        """Returns a frame with one row for each run, sorted by id: its state, facts, parameters and totals.

        The columns are ``run_id``, ``state``, ``created_at``, ``ended_at``, ``duration_s``, ``seed``, ``sweep``,
        ``tags``, ``params.…`` for each parameter, ``tables``, ``rows``, ``bytes``, ``tick_min``, ``tick_max``,
        ``commit``, ``model``, ``model_version``, ``model_commit`` and ``problem``. A run that is damaged has the state
        ``damaged``, one that storage refuses to read ``unreadable``, one that a later version wrote ``newer``; ``problem``
        says why.

        ``where`` is a Polars expression over these columns, or a text such as ``density > 0.5 and state = "failed"``, in
        which parameters need no ``params.``. ``runs`` selects by id or pattern. ``sort`` names columns.

        What was known of runs that did not change comes from an index in the root, `runs.index`, which is made and
        brought up to date as runs are listed. It is a cache: deleting it changes nothing.

        Raises:
            IoConfigError: the root does not exist, and is not the default one.
            IoArgumentError: ``where`` names an unknown column or parameter, or cannot be read.
            IoNotFoundError: no run has a given id, or matches a given pattern.
        """
        import polars as pl

        asked = _selection(self, runs)
        if where is not None and not isinstance(where, pl.Expr):
            if "filter" in asked:
                where = f"({asked['filter']}) and ({where})"
            asked["filter"] = where
        frame = pl.DataFrame(_native.catalog_runs(self.settings, **asked))
        if isinstance(where, pl.Expr):
            frame = frame.filter(where)
        if sort is not None:
            names = [sort] if isinstance(sort, str) else list(sort)
            by = [_column(frame, name) for name in names]
            frame = frame.sort(by, descending=descending, nulls_last=True, maintain_order=True)
        if columns is not None:
            frame = frame.select(_column(frame, name) for name in columns)
        return frame if limit is None else frame.head(limit)

    @classmethod
    def open(cls, path: "str | PathLike[str]") -> "Self":
        """Returns the catalog of a root, or of a pack: a directory whose name ends in ``.crvpack``, made by `pack`.

        Raises:
            IoConfigError: there is no such pack.
            IoManifestError: the pack is damaged, or was not copied whole.
        """
        catalog = cls(path)
        _native.check_root(catalog.settings)
        return catalog

    def pack(
        self,
        path: "str | PathLike[str]",
        runs: "Selected" = None,
        *,
        sweep: str | None = None,
        tables: "Sequence[TableName | str] | None" = None,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> PackSummary:
        """Packs runs into the directory ``path``, whose name ends in ``.crvpack``: one Parquet file for each table.

        For archives, file quotas and sharing. ``runs`` selects as in `scan`, ``sweep`` the runs of a sweep; ``tables``
        are all unless they are named. The rows of a table are sorted by run and tick, and its file has the column
        ``run_id``, so other tools read it too. A pack has the facts, the status and the artifacts of each run, and not
        its history of commits. It is there whole or not at all, and never changed. The runs stay where they are.

        Raises:
            IoArgumentError: the name does not end in ``.crvpack``, or something is there already.
            IoNotFoundError: there are no such runs.
            IoConflictError: a run is running.
            IoSchemaError: the tables of two runs do not fit.
            IoManifestError: a selected run is damaged.

        >>> import tempfile
        >>> from crv.io import start_run
        >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
        >>> for density in (0.2, 0.7):
        ...     with start_run(settings, f"w-{density}", sweep="s1", params={"density": density}) as run:
        ...         _ = run.append("agents", {"tick": [0, 1], "wealth": [1.0, 10 * density]}, declare=True)
        >>> packed = Catalog(settings).pack(f"{settings.root_dir}/s1.crvpack", sweep="s1")
        >>> packed.runs, packed.rows
        (2, 4)
        >>> pack = Catalog.open(packed.path)
        >>> pack.scan("agents", "density > 0.5", params=["density"]).select("density", "tick", "wealth").collect().rows()
        [(0.7, 0, 1.0), (0.7, 1, 7.0)]
        """
        _check_on_error(on_error)
        asked = _selection(self, runs)
        if sweep is not None:
            of_sweep = 'sweep = "' + sweep.replace('"', '""') + '"'
            asked["filter"] = f"({asked['filter']}) and {of_sweep}" if "filter" in asked else of_sweep
        if isinstance(tables, str | TableName):
            tables = [tables]
        names = None if tables is None else list(tables)
        packed = _native.catalog_pack(self.settings, path, **asked, tables=names, skip=on_error == "skip")
        summary = PackSummary.from_json_obj(packed)
        _warn_of_skipped(summary.skipped, stacklevel=3)
        return summary

    def scan(
        self,
        table: TableName | str,
        runs: "Selected" = None,
        *,
        ticks: tuple[int | None, int | None] | None = None,
        params: Sequence[str] = (),
        on_error: Literal["raise", "skip"] = "raise",
    ) -> "pl.LazyFrame":
        """Returns a LazyFrame of the rows of ``table`` in many runs, with the column ``run_id``.

        ``runs`` is a pattern of ids (``"w-*"``), a filter on the columns of `runs` (``"density > 0.5"``), a list of ids,
        a frame with a column ``run_id``, or a Polars expression over the columns of `runs`; None means all.
        ``params`` are added as columns. ``ticks`` is the first and the last tick, both inclusive.

        The columns are those of all runs, null where a run does not have them. Rows come run by run, as of now. A
        condition on ``run_id``, on a parameter or on ``tick`` in the LazyFrame leaves out runs and parts before they are
        opened. Few files are open at a time, however many runs there are.

        ``on_error="skip"`` leaves out runs that cannot be read, with an `IoSkippedRunsWarning` that names them.

        Raises:
            IoNotFoundError: no selected run has the table; no run has a given id, or matches a given pattern.
            IoSchemaError: two runs have the table with columns that do not fit.
            IoManifestError: a selected run is damaged.
        """
        from crv.io._polars_catalog import lazy_frame

        return lazy_frame(self._scan(table, runs, ticks, params, on_error))

    def scan_arrow(
        self,
        table: TableName | str,
        runs: "Selected" = None,
        *,
        ticks: tuple[int | None, int | None] | None = None,
        params: Sequence[str] = (),
        columns: list[str] | None = None,
        limit: int | None = None,
        on_error: Literal["raise", "skip"] = "raise",
    ) -> "ArrowScan":
        """Returns the same rows as an Arrow stream, without Polars; see `Dataset.scan_arrow`."""
        return self._scan(table, runs, ticks, params, on_error).select(
            columns=columns, limit=None if limit is None else row_count(limit)
        )

    def to_xarray(
        self,
        table: TableName | str,
        runs: "Selected" = None,
        *,
        dims: Sequence[str] = ("run_id", "tick", "agent_id"),
        columns: Sequence[str] | None = None,
        ticks: tuple[int | None, int | None] | None = None,
        params: Sequence[str] = (),
    ) -> Any:
        """Returns a table of many runs as an xarray Dataset with the dimensions ``dims``. Needs xarray.

        Each row is the value at one place: an error if two rows have the same ``dims``. Places without a row are missing
        values. ``columns`` are all but the dimensions and ``bucket``, unless they are named. ``params`` become coordinates along
        ``run_id``. The other arguments are those of `scan`.

        Raises:
            IoArgumentError: xarray is missing, a dimension is no column, or two rows are at one place.
        """
        frame = self.scan(table, runs, ticks=ticks, params=params).drop("bucket").collect()
        return to_xarray(frame, dims, columns, params)

    def to_pandas(
        self,
        table: TableName | str,
        runs: "Selected" = None,
        *,
        ticks: tuple[int | None, int | None] | None = None,
        params: Sequence[str] = (),
    ) -> Any:
        """Returns a table of many runs as a pandas DataFrame; see `scan`. Needs pandas and pyarrow.

        Raises:
            IoArgumentError: a package is missing.
        """
        return to_pandas(self.scan(table, runs, ticks=ticks, params=params).collect())

    def _scan(
        self,
        table: TableName | str,
        runs: "Selected",
        ticks: tuple[int | None, int | None] | None,
        params: Sequence[str],
        on_error: Literal["raise", "skip"],
    ) -> _native.CatalogScan:
        _check_on_error(on_error)
        scan = _native.catalog_scan(
            self.settings,
            table,
            **_selection(self, runs),
            ticks=ticks or (None, None),
            params=list(params),
            skip=on_error == "skip",
        )
        _warn_of_skipped(scan.skipped, stacklevel=4)
        return scan


def runs(
    root: "IoSettings | str | PathLike[str]",
    where: "str | pl.Expr | None" = None,
    *,
    columns: Sequence[str] | None = None,
    sort: "str | Sequence[str] | None" = None,
    descending: bool = False,
    limit: int | None = None,
) -> "pl.DataFrame":
    """Returns a frame with one row for each run under ``root``; see `Catalog.runs`."""
    return Catalog(root).runs(where, columns=columns, sort=sort, descending=descending, limit=limit)


def _warn_of_skipped(skipped: Iterable[tuple[str, str]], stacklevel: int) -> None:
    if told := "; ".join(f"{run}: {why}" for run, why in skipped):
        warnings.warn(f"runs that cannot be read are left out: {told}", IoSkippedRunsWarning, stacklevel=stacklevel)


def _check_on_error(on_error: str) -> None:
    if on_error not in ("raise", "skip"):
        raise IoArgumentError(f'`on_error` is "raise" or "skip", not {on_error!r}')


def _column(frame: "pl.DataFrame", name: str) -> str:
    """Returns the column of that name; a parameter needs no ``params.``."""
    for column in (name, f"params.{name}"):
        if column in frame.columns:
            return column
    raise IoArgumentError(f"runs have no column `{name}`\nhint: the columns are {', '.join(frame.columns)}")


def _selection(catalog: Catalog, runs: object) -> dict[str, Any]:
    """Returns the keyword arguments of the native functions for a selection of runs."""
    if runs is None:
        return {}
    if isinstance(runs, str):
        # A pattern has none of the characters that every filter has.
        return {"filter" if any(mark in runs for mark in " <>=") else "glob": runs}
    expression = type(runs).__module__.startswith("polars") and hasattr(runs, "meta")
    if expression:
        runs = catalog.runs(where=runs)  # type: ignore[arg-type]
    if hasattr(runs, "columns") and not isinstance(runs, Mapping):
        if "run_id" not in runs.columns:
            raise IoArgumentError("the frame of runs has no column `run_id`\nhint: take it from `Catalog.runs`")
        runs = runs["run_id"].to_list()  # type: ignore[index]
    if not isinstance(runs, Iterable):
        raise IoArgumentError(
            f"runs cannot be selected by {type(runs).__name__}\n"
            "hint: pass a pattern, a filter, ids, a frame with `run_id`, or an expression"
        )
    return {"ids": [str(run) for run in runs]}
