"""The native half of `crv`: an implementation detail of `crv.core` and `crv.io`. Use those."""

from collections.abc import Iterator, Mapping
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
    "Dataset",
    "Rereads",
    "RowFrame",
    "Scan",
    "Transaction",
    "Writer",
    "artifacts_root",
    "bucket_dir",
    "bucket_id_for_tick",
    "bundle_manifest_path",
    "check_action_kind",
    "check_edge_kind",
    "check_edge_slots",
    "check_exchange_kind",
    "check_patch_op",
    "check_payload",
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
    "json_dumps_canonical",
    "lab_dir",
    "list_runs",
    "load_grammar",
    "load_manifest",
    "manifest_path",
    "normalize_envelope_kind",
    "normalize_envelope_status",
    "normalize_run_id",
    "normalize_side",
    "normalize_visibility",
    "part_path",
    "pinned_scan",
    "problem_kinds",
    "repair_kinds",
    "rows_from_arrow",
    "rows_to_arrow",
    "run_root",
    "settings_from_env",
    "settings_from_toml",
    "table_dir",
    "tables_root",
    "validate_frame",
    "validate_run_id",
    "write_manifest",
    "write_parquet_atomic",
    "write_run_bundle_manifest",
    "write_text_atomic",
]

@final
class Dataset:
    """A run's tables. A process that was forked off must open its own."""

    def __new__(cls, settings: IoSettings, run_id: str) -> Dataset: ...
    def append(
        self, table: TableName | str, frame: Frame, *, validate_schema: bool, validate_rows: bool
    ) -> AppendSummary: ...
    def transaction(self) -> Transaction: ...
    def writer(self, *, max_rows: SupportsIndex | None, max_bytes: SupportsIndex | None) -> Writer: ...
    def scan(self, table: TableName | str, where: Where | None) -> Scan: ...
    def manifest(self, table: TableName | str) -> dict[str, Any]: ...
    def rebuild_manifest(self, table: TableName | str) -> tuple[dict[str, Any], list[str]]: ...
    def compact(self, table: TableName | str, *, ticks: Where | None, max_bytes: int | None) -> dict[str, Any]: ...
    def vacuum(self, older_than: timedelta, *, dry_run: bool) -> dict[str, Any]: ...
    def files(self, table: TableName | str) -> list[str]: ...
    def check(self, *, deep: bool) -> dict[str, Any]: ...
    def repair(self) -> dict[str, Any]: ...
    def prune(self, older_than: timedelta) -> dict[str, Any]: ...
    def tables(self) -> list[str]: ...
    def close(self) -> None: ...

@final
class Transaction:
    """A transaction, until it is committed or aborted."""

    def append(self, table: TableName | str, frame: Frame, *, validate_schema: bool, validate_rows: bool) -> None: ...
    def commit(self) -> TransactionSummary: ...
    def abort(self) -> None: ...
    @property
    def is_open(self) -> bool: ...

@final
class Writer:
    """A buffered writer. A process that was forked off has no part in it."""

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
    """A pinned snapshot of a table, with the parts that may hold rows asked for. An Arrow stream, each time anew."""

    @property
    def ticks(self) -> tuple[int | None, int | None]:
        """The ticks asked for: the first and the last."""

    @property
    def is_exact(self) -> bool:
        """Are all rows of all parts asked for?"""

    @property
    def is_small(self) -> bool:
        """Is it one part of few rows at most, which is read sooner than a plan for reading it is made?"""

    def groups(self) -> list[tuple[list[str] | None, int, int]]:
        """Neighbouring parts: paths where Polars can read them, None where only `batches` can; first and last + 1."""

    @property
    def name(self) -> str:
        """The run and the table, as errors name them."""

    def verify(self, start: int = 0, stop: int = ..., *, limit: int | None) -> None:
        """Compares the parts with their entries, for another reader that is to give the first ``limit`` rows."""

    def examine(self) -> None:
        """Looks for damage, byte by byte, when another reader has failed."""

    def __reduce__(self) -> tuple[Any, Any]: ...
    def select(self, *, columns: list[str] | None, limit: int | None) -> Scan:
        """The same scan with only these columns, and the first ``limit`` rows."""

    def batches(self, start: int, stop: int, *, columns: list[str] | None, limit: int | None) -> Batches:
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
    """The scan that was pickled."""

@final
class Rereads:
    """The retries of a read as of now."""

    def __new__(cls) -> Rereads: ...
    def again(self) -> bool:
        """Waits a little, and says whether to read again after an error that is of a vacuum."""

@final
class Batches(Iterator[Batch]):
    """The record batches of a scan, one after the other."""

    def __iter__(self) -> Batches: ...
    def __next__(self) -> Batch: ...

@final
class Batch:
    """A record batch."""

    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

@final
class RowFrame:
    """Rows of a table as an Arrow stream, which can be read again and again."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def rows_to_arrow(table: TableName | str, rows: list[dict[str, Any]]) -> RowFrame:
    """The rows as a frame of the table."""

def rows_from_arrow(table: TableName | str, frame: Frame) -> list[dict[str, Any]]:
    """The rows of a frame, each as the dict of its fields."""

def check_unit_interval(field: str, value: float) -> float:
    """The number, if it lies between 0 and 1."""

def check_tick(value: int) -> int:
    """The tick, if a row can have it."""

def check_payload(field: str, value: object) -> None:
    """Refuses a payload with values that a table has no form for."""

def check_edge_slots(kind: str, slots: dict[str, str | None]) -> None:
    """The combination rule of `identity_edges`."""

def check_action_kind(text: str) -> str:
    """Exactly an action kind."""

def check_edge_kind(text: str) -> str:
    """Exactly an edge kind."""

def check_exchange_kind(text: str) -> str:
    """Exactly an exchange kind."""

def check_patch_op(text: str) -> str:
    """Exactly a patch operation."""

def normalize_side(text: str) -> str:
    """The side for a text in any case."""

def normalize_visibility(text: str) -> str:
    """The visibility for a text in any case."""

def normalize_envelope_kind(text: str) -> str:
    """The envelope kind for a text in any case."""

def normalize_envelope_status(text: str) -> str:
    """The envelope status for a text in any case."""

def list_runs(settings: IoSettings) -> list[dict[str, Any]]:
    """The runs under the root, each with its tables."""

def check_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of settings, checked and in their plain form."""

def check_valuation(valuation: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a valuation, checked and in their plain form."""

def settings_from_toml(path: str | PathLike[str] | None) -> dict[str, Any]:
    """The settings of a TOML file over the defaults."""

def settings_from_env(base: IoSettings, prefix: str, variables: list[tuple[str, str]]) -> dict[str, Any]:
    """The settings of these environment variables over ``base``."""

def bucket_id_for_tick(tick: int, tick_bucket_size: int) -> int:
    """The bucket of a tick."""

def format_bucket_dir(bucket_id: int) -> str:
    """The name of a bucket's directory."""

def run_root(settings: IoSettings, run_id: str) -> str:
    """The directory of a run."""

def tables_root(settings: IoSettings, run_id: str) -> str:
    """The directory of a run's tables."""

def table_dir(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """The directory of a table."""

def manifest_path(settings: IoSettings, run_id: str, table: TableName | str) -> str:
    """The manifest of a table."""

def bucket_dir(settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int) -> str:
    """The directory of a bucket."""

def part_path(settings: IoSettings, run_id: str, table: TableName | str, bucket_id: int, part_id: str) -> str:
    """The file of a part, by the 32 hex digits of its name."""

def load_manifest(settings: IoSettings, run_id: str, table: TableName | str) -> dict[str, Any] | None:
    """The current state of a table; None for a table that has none."""

def write_manifest(settings: IoSettings, run_id: str, manifest: Mapping[str, Any]) -> None:
    """Puts a manifest in place of the table's."""

def bundle_manifest_path(settings: IoSettings, run_id: str) -> str:
    """The path of a run's bundle."""

def write_run_bundle_manifest(
    settings: IoSettings, run_id: str, meta: str | None, *, python: str | None, polars: str | None, pyarrow: str | None
) -> str:
    """Writes a run's bundle and gives its JSON; ``meta`` is JSON too, and kept as it was without one."""

def collect_tables_index(settings: IoSettings, run_id: str) -> dict[str, TableIndex]:
    """The totals of each table of a run."""

def collect_artifacts_index(settings: IoSettings, run_id: str) -> ArtifactsIndex:
    """The artifacts of a run."""

def artifacts_root(settings: IoSettings, run_id: str) -> str:
    """The directory of a run's artifacts."""

def lab_dir(settings: IoSettings, run_id: str, subdir: str) -> str:
    """A directory of the lab's artifacts, which is made."""

def write_parquet_atomic(path: str | PathLike[str], frame: Frame) -> WrittenParquet:
    """Writes rows as a Parquet file."""

def write_text_atomic(path: str | PathLike[str], text: str) -> WrittenText:
    """Writes text as a file in UTF-8."""

def file_stat(path: str | PathLike[str]) -> FileStat:
    """The size and time of a file."""

def validate_run_id(run_id: str) -> str:
    """The run id, if it is one."""

def normalize_run_id(run_id: str) -> str:
    """The run id that a text becomes when it is trimmed and its blanks are turned into ``_``."""

def validate_frame(table: TableName | str, frame: Frame, *, strict_schema: bool, validate_rows: bool) -> None:
    """Checks rows as an append to a new table does."""

def load_grammar(text: str) -> list[tuple[str, str, list[str], list[str], list[str]]]:
    """The productions: name, expression, alternatives, leading terminals, those that are lower_snake."""

def core_spec() -> str:
    """Enums, tables, rules, versions and constants as one JSON document."""

def error_kinds() -> list[str]:
    """The stable code of every kind of error."""

def problem_kinds() -> list[tuple[str, bool]]:
    """The word for every kind of problem, and whether it is harmless."""

def repair_kinds() -> list[str]:
    """The word for everything that a repair does."""

def json_dumps_canonical(text: str) -> str:
    """The canonical form of a JSON document."""

def cli_main(arguments: list[str]) -> int:
    """Runs the `crv` command and returns its exit code."""
