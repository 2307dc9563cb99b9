"""The native half of `crv`: an implementation detail of `crv.core` and `crv.io`. Use those."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import Any, SupportsIndex, final

from crv.core.grammar import TableName
from crv.io._bundles import ArtifactsIndex, FileStat, TableIndex, WrittenParquet, WrittenText
from crv.io._frames import Frame, Where
from crv.io._summaries import AppendSummary, TransactionSummary
from crv.io.config import IoSettings

__all__ = [
    "Batch",
    "Batches",
    "CatalogScan",
    "Dataset",
    "Follow",
    "Rereads",
    "RowFrame",
    "Run",
    "Scan",
    "Transaction",
    "Writer",
    "artifacts_root",
    "bucket_dir",
    "bucket_id_for_tick",
    "bundle_manifest_path",
    "catalog_pack",
    "catalog_runs",
    "catalog_scan",
    "check_action_kind",
    "check_edge_kind",
    "check_edge_slots",
    "check_exchange_kind",
    "check_patch_op",
    "check_payload",
    "check_root",
    "check_settings",
    "check_tick",
    "check_unit_interval",
    "check_valuation",
    "cli_main",
    "collect_artifacts_index",
    "collect_tables_index",
    "core_spec",
    "error_kinds",
    "file_stat",
    "format_bucket_dir",
    "json_column",
    "json_dumps_canonical",
    "lab_dir",
    "list_runs",
    "load_grammar",
    "load_manifest",
    "manifest_path",
    "no_rows",
    "normalize_envelope_kind",
    "normalize_envelope_status",
    "normalize_run_id",
    "normalize_side",
    "normalize_visibility",
    "part_path",
    "pinned_scan",
    "presets",
    "problem_kinds",
    "repair_kinds",
    "remove_run",
    "rows_from_arrow",
    "rows_to_arrow",
    "run_root",
    "settings_from_env",
    "settings_from_toml",
    "start_run",
    "summarize_runs",
    "table_dir",
    "tables_root",
    "unpickled_catalog_scan",
    "validate_frame",
    "validate_run_id",
    "write_manifest",
    "write_parquet_atomic",
    "write_run_bundle_manifest",
    "write_text_atomic",
]

@final
class Dataset:
    """A handle on a run. A forked process must open its own."""

    def __new__(cls, settings: IoSettings, run_id: str) -> Dataset: ...
    def append(
        self,
        table: TableName | str,
        frame: Frame,
        *,
        validate_schema: bool,
        validate_rows: bool,
        declare: bool = False,
    ) -> AppendSummary: ...
    def declare(self, table: TableName | str, columns: Any, required: Sequence[str]) -> None: ...
    def columns(self, table: TableName | str) -> list[tuple[str, str, bool]]: ...
    def empty(self, table: TableName | str) -> RowFrame:
        """Returns a frame of the table without rows."""

    def transaction(self) -> Transaction: ...
    def writer(
        self, *, max_rows: SupportsIndex | None, max_bytes: SupportsIndex | None, flush_every: float | None
    ) -> Writer: ...
    def scan(self, table: TableName | str, where: Where | None) -> Scan: ...
    def manifest(self, table: TableName | str) -> dict[str, Any]: ...
    def rebuild_manifest(self, table: TableName | str) -> tuple[dict[str, Any], list[str]]: ...
    def compact(self, table: TableName | str, *, ticks: Where | None, max_bytes: int | None) -> dict[str, Any]: ...
    def vacuum(self, older_than: timedelta, *, dry_run: bool) -> dict[str, Any]: ...
    def files(self, table: TableName | str) -> list[str]: ...
    def read_artifact(self, path: str) -> bytes: ...
    def check_exists(self) -> None: ...
    def check(self, *, deep: bool) -> dict[str, Any]: ...
    def repair(self) -> dict[str, Any]: ...
    def scan_at(self, table: TableName | str, where: Where | None, commit: int) -> Scan: ...
    def follow(self, after: int, tables: list[TableName | str] | None) -> Follow: ...
    def digest(self) -> dict[str, Any]: ...
    def diff(self, other: Dataset) -> dict[str, Any]: ...
    def prune(self, older_than: timedelta) -> dict[str, Any]: ...
    def truncate(self, after_tick: int) -> dict[str, Any]: ...
    def last_tick(self) -> int | None: ...
    def latest_checkpoint(self) -> tuple[int, bytes] | None: ...
    def resume(self) -> tuple[int, bytes] | None: ...
    def info(self) -> str:
        """Returns the run at a glance, as JSON."""

    def facts(self) -> str:
        """Returns the facts of the run, as JSON; null if it has none."""

    def status(self) -> str:
        """Returns the status of the run, as JSON; null if it has none."""

    def tables(self) -> list[str]: ...
    def close(self) -> None: ...

@final
class Run:
    """A run under way. Dropped by the process that started it, it is aborted."""

    def dataset(self) -> Dataset:
        """The handle on the run, whose commits are its heartbeat."""

    @property
    def run_id(self) -> str: ...
    def finish(self, state: str, error: tuple[str, str, str | None] | None) -> None:
        """Ends the run. ``error`` is the type, the text and the traceback of the error that it failed with."""

def start_run(
    settings: IoSettings,
    run_id: str | None,
    *,
    params: str,
    seed: str | None,
    sweep: str | None,
    tags: list[str],
    model: str | None,
    version: str | None,
    source: str | PathLike[str] | None,
    extra: str,
    command: list[str],
    if_exists: str,
    keep_merged: timedelta | None,
    python: str | None,
    polars: str | None,
    pyarrow: str | None,
) -> Run:
    """Starts a run. ``params`` and ``extra`` are JSON objects, ``seed`` is the digits of an integer."""

def summarize_runs(settings: IoSettings) -> str:
    """Returns the runs under the root at a glance, as JSON: each has ``run_id``, and ``info`` or ``error``."""

def remove_run(settings: IoSettings, run_id: str, *, force: bool) -> dict[str, Any]:
    """Removes a run."""

@final
class Transaction:
    """A transaction, until it is committed or aborted."""

    def append(self, table: TableName | str, frame: Frame, *, validate_schema: bool, validate_rows: bool) -> None: ...
    def checkpoint(self, state: bytes, *, tick: int | None, keep: SupportsIndex | None) -> None: ...
    def commit(self) -> TransactionSummary: ...
    def abort(self) -> None: ...
    @property
    def is_open(self) -> bool: ...

@final
class Writer:
    """A buffered writer. A forked process cannot use it."""

    def append(
        self, table: TableName | str, frame: Frame, *, validate_schema: bool, validate_rows: bool
    ) -> TransactionSummary | None: ...
    def flush(self) -> TransactionSummary: ...
    def close(self) -> TransactionSummary: ...
    def abandon_tick(self) -> int: ...
    def discard(self) -> int: ...
    def resolve(self, *, took_effect: bool) -> None: ...
    @property
    def in_doubt(self) -> tuple[int, str] | None: ...
    @property
    def buffered_rows(self) -> int: ...
    @property
    def buffered_bytes(self) -> int: ...
    @property
    def is_closed(self) -> bool: ...

@final
class Scan:
    """A snapshot of a table, narrowed to the parts that may have the selected rows; an Arrow stream, readable often."""

    @property
    def ticks(self) -> tuple[int | None, int | None]:
        """The selected ticks: the first and the last, both included."""

    @property
    def is_exact(self) -> bool:
        """Whether all rows of all parts are selected."""

    @property
    def is_small(self) -> bool:
        """Whether there is at most one part, and it has so few rows that reading it is faster than planning to."""

    def groups(self, *, many: bool) -> list[tuple[list[str] | None, int, int]]:
        """Groups of consecutive parts: their paths if Polars is to read them, else None; the first, and the last + 1.

        With ``many``, Polars is not to read many small parts.
        """

    def bytes(self, start: int, stop: int) -> int:
        """The size of the parts from ``start`` up to ``stop``, in bytes."""

    @property
    def name(self) -> str:
        """The run and the table, as in error messages."""

    def verify(self, start: int = 0, stop: int = ..., *, limit: int | None) -> None:
        """Verifies the parts for another reader, which will read their first ``limit`` rows."""

    def examine(self) -> None:
        """Verifies every byte of the parts, after another reader has failed."""

    def __reduce__(self) -> tuple[Any, Any]: ...
    def select(self, *, columns: list[str] | None, limit: int | None) -> Scan:
        """Returns the scan with only these columns, and the first ``limit`` rows."""

    def batches(self, start: int = 0, stop: int = ..., *, columns: list[str] | None, limit: int | None) -> Batches:
        """Reads the parts from ``start`` up to ``stop``."""

    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def pinned_scan(
    settings: Mapping[str, Any],
    run_id: str,
    table: str,
    pinned: bytes,
    ticks: tuple[int | None, int | None],
    selection: tuple[list[str] | None, int | None],
) -> Scan:
    """Unpickles a scan."""

@final
class Rereads:
    """Counts the retries of a read whose parts were vacuumed meanwhile."""

    def __new__(cls) -> Rereads: ...
    def again(self) -> bool:
        """Waits before a retry, and returns whether to retry after a part was vacuumed."""

@final
class Batches(Iterator[Batch]):
    """An iterator over the record batches of a scan."""

    def __iter__(self) -> Batches: ...
    def __next__(self) -> Batch: ...

@final
class Batch:
    """A record batch."""

    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class RowFrame:
    """Rows of a table as an Arrow stream that can be read any number of times."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def rows_to_arrow(table: TableName | str, rows: list[dict[str, Any]]) -> RowFrame:
    """Converts rows to a frame of the table."""

def json_column(name: str, values: list[Any]) -> RowFrame:
    """Converts values to a frame of one column, whose type follows from them."""

def no_rows() -> RowFrame:
    """Returns a frame without columns and rows."""

def presets() -> list[tuple[str, list[tuple[str, str]], list[str]]]:
    """Returns the declarations of `crv.io.presets`: name, columns with their types, required columns."""

def rows_from_arrow(table: TableName | str, frame: Frame) -> list[dict[str, Any]]:
    """Converts the rows of a frame to dicts of their fields."""

def check_unit_interval(field: str, value: float) -> float:
    """Returns the number if it is from 0 to 1."""

def check_tick(value: int) -> int:
    """Returns the tick if a row can have it."""

def check_payload(field: str, value: object) -> None:
    """Refuses a payload with values that a table cannot store."""

def check_edge_slots(kind: str, slots: dict[str, str | None]) -> None:
    """Checks the combination rule of `identity_edges`: the columns that ``kind`` requires."""

def check_action_kind(text: str) -> str:
    """Returns the text if it is exactly an action kind."""

def check_edge_kind(text: str) -> str:
    """Returns the text if it is exactly an edge kind."""

def check_exchange_kind(text: str) -> str:
    """Returns the text if it is exactly an exchange kind."""

def check_patch_op(text: str) -> str:
    """Returns the text if it is exactly a patch operation."""

def normalize_side(text: str) -> str:
    """Returns the side for a text in any case."""

def normalize_visibility(text: str) -> str:
    """Returns the visibility for a text in any case."""

def normalize_envelope_kind(text: str) -> str:
    """Returns the envelope kind for a text in any case."""

def normalize_envelope_status(text: str) -> str:
    """Returns the envelope status for a text in any case."""

def catalog_pack(
    settings: IoSettings,
    path: str | PathLike[str],
    *,
    ids: list[str] | None = None,
    glob: str | None = None,
    filter: str | None = None,
    tables: list[TableName | str] | None = None,
    skip: bool = False,
) -> dict[str, Any]:
    """Packs the selected runs into ``path``; with ``skip``, without those that cannot be read. Returns what was packed."""

def catalog_runs(
    settings: IoSettings, *, ids: list[str] | None = None, glob: str | None = None, filter: str | None = None
) -> Batch:
    """Returns the selected runs as a table, one row each."""

def check_root(settings: IoSettings) -> None:
    """Opens the root: raises if it is a pack that is not there, or damaged."""

def catalog_scan(
    settings: IoSettings,
    table: TableName | str,
    *,
    ids: list[str] | None = None,
    glob: str | None = None,
    filter: str | None = None,
    ticks: tuple[int | None, int | None] = ...,
    params: list[str] = ...,
    skip: bool = False,
) -> CatalogScan:
    """Scans a table of the selected runs; with ``skip``, without those that cannot be read."""

def unpickled_catalog_scan(
    settings: Mapping[str, Any],
    table: str,
    ids: list[str],
    ticks: tuple[int | None, int | None],
    params: list[str],
    selection: tuple[list[str] | None, int | None],
) -> CatalogScan:
    """Unpickles a scan of many runs."""

@final
class Follow:
    """Follows a run."""

    def next(self, poll: float, patience: float) -> tuple[int, list[tuple[str, Scan]]] | None:
        """Waits for the next commit with rows; None after ``patience`` seconds."""

    def is_over(self) -> bool:
        """Whether the run has ended, and every commit was returned."""

    @property
    def commit(self) -> int:
        """The commit that was passed last."""

@final
class CatalogScan:
    """A table of many runs, each as of when the scan was made; an Arrow stream, readable often."""

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """The runs that cannot be read and are left out, with why."""

    @property
    def ticks(self) -> tuple[int | None, int | None]:
        """The first and the last tick of the table in these runs."""

    def facts(self) -> Batch:
        """The run ids and the parameters that were asked for: a row for each run."""

    def only(self, places: list[int]) -> CatalogScan:
        """Returns the scan of some of its runs, by their places."""

    def within(self, tick_min: int | None, tick_max: int | None) -> CatalogScan:
        """Returns the scan of these ticks alone."""

    def select(self, *, columns: list[str] | None, limit: int | None) -> CatalogScan:
        """Returns the scan with only these columns, and the first ``limit`` rows."""

    def verify(self) -> None:
        """Verifies the parts for a reader that cannot pass errors on."""

    def batches(self, *, columns: list[str] | None, limit: int | None) -> Batches:
        """Reads the rows."""

    def __reduce__(self) -> tuple[Any, Any]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def list_runs(settings: IoSettings) -> list[dict[str, Any]]:
    """Lists the runs under the root, each with its tables."""

def check_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Checks settings, and returns their fields as plain values."""

def check_valuation(valuation: Mapping[str, Any]) -> dict[str, Any]:
    """Checks the settings of a valuation, and returns their fields as plain values."""

def settings_from_toml(path: str | PathLike[str] | None) -> dict[str, Any]:
    """Reads the settings of a TOML file, over the defaults."""

def settings_from_env(base: IoSettings, prefix: str, variables: list[tuple[str, str]]) -> dict[str, Any]:
    """Returns ``base`` with the settings of these environment variables over it."""

def bucket_id_for_tick(tick: int, tick_bucket_size: int) -> int:
    """Returns the bucket of a tick."""

def format_bucket_dir(bucket_id: int) -> str:
    """Returns the name of a bucket's directory."""

def run_root(settings: IoSettings, run_id: str) -> str:
    """Returns the directory of a run."""

def tables_root(settings: IoSettings, run_id: str) -> str:
    """Returns the directory of a run's tables."""

def table_dir(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """Returns the directory of a table."""

def manifest_path(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """Returns the path of a table's manifest."""

def bucket_dir(settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int) -> str:
    """Returns the directory of a bucket."""

def part_path(settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int, part_id: str) -> str:
    """Returns the path of a part, by the 32 hex digits of its name."""

def load_manifest(settings: IoSettings, run_id: str, table: TableName | str) -> dict[str, Any] | None:
    """Returns the current state of a table, or None if the run has no such table."""

def write_manifest(settings: IoSettings, run_id: str, manifest: Mapping[str, Any]) -> None:
    """Replaces the state of a table by a manifest."""

def bundle_manifest_path(settings: IoSettings, run_id: str) -> str:
    """Returns the path of a run's bundle."""

def write_run_bundle_manifest(
    settings: IoSettings, run_id: str, meta: str | None, *, python: str | None, polars: str | None, pyarrow: str | None
) -> str:
    """Writes a run's bundle and returns its JSON; ``meta`` is JSON too, None keeps the previous metadata."""

def collect_tables_index(settings: IoSettings, run_id: str) -> dict[str, TableIndex]:
    """Returns the totals of each table of a run."""

def collect_artifacts_index(settings: IoSettings, run_id: str) -> ArtifactsIndex:
    """Returns the artifacts of a run."""

def artifacts_root(settings: IoSettings, run_id: str) -> str:
    """Returns the directory of a run's artifacts."""

def lab_dir(settings: IoSettings, run_id: str, subdir: str) -> str:
    """Creates a directory of the lab's artifacts, and returns its path."""

def write_parquet_atomic(path: str | PathLike[str], frame: Frame) -> WrittenParquet:
    """Writes rows to a Parquet file, atomically."""

def write_text_atomic(path: str | PathLike[str], text: str) -> WrittenText:
    """Writes text to a file in UTF-8, atomically."""

def file_stat(path: str | PathLike[str]) -> FileStat:
    """Returns the size and modification time of a file."""

def validate_run_id(run_id: str) -> str:
    """Returns the run id if it is valid."""

def normalize_run_id(run_id: str) -> str:
    """Trims a text and replaces its blanks by ``_``; the result must be a valid run id."""

def validate_frame(table: TableName | str, frame: Frame, *, strict_schema: bool, validate_rows: bool) -> None:
    """Checks rows as an append to a new table does."""

def load_grammar(text: str) -> list[tuple[str, str, list[str], list[str], list[str]]]:
    """Parses a grammar; a production: name, expression, alternatives, leading terminals, lower_snake terminals."""

def core_spec() -> str:
    """Returns enums, tables, rules, versions and constants as one JSON document."""

def error_kinds() -> list[str]:
    """Returns the stable code of every kind of error."""

def problem_kinds() -> list[tuple[str, bool]]:
    """Returns the code of every kind of problem, and whether it is harmless."""

def repair_kinds() -> list[str]:
    """Returns the code of every kind of repair."""

def json_dumps_canonical(text: str) -> str:
    """Returns the canonical form of a JSON document."""

def cli_main(arguments: list[str]) -> int:
    """Runs the `crv` command and returns its exit code."""
