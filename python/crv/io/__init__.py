"""The IO layer of CRV: append ticks as atomic, durable commits; read them back with Polars or Arrow.

`IoSettings` says where runs are stored, and how. A `Dataset` is a handle on one run. Experimental since 2025-09-25: IO
contracts and run manifests may change until 1.0.
"""

from crv.io._columns import Column
from crv.io._summaries import AppendSummary, PartSummary, TransactionSummary
from crv.io.catalog import Catalog, PackedTable, PackSummary, RunEntry, RunSummary, list_runs, runs, summarize_runs
from crv.io.config import IoSettings, ValuationSettings
from crv.io.dataset import Dataset, DatasetAt
from crv.io.digest import BucketDigest, ColumnDifference, Difference, RunDiff, RunDigest, TableDiff, TableDigest, diff
from crv.io.errors import (
    IoArgumentError,
    IoConfigError,
    IoConflictError,
    IoError,
    IoLostRowsWarning,
    IoManifestError,
    IoNotFoundError,
    IoReadError,
    IoSchemaError,
    IoSkippedRunsWarning,
    IoUnknownOutcomeError,
    IoWriteError,
)
from crv.io.maintenance import (
    CheckReport,
    CompactReport,
    Garbage,
    GarbageKind,
    Problem,
    ProblemKind,
    PruneReport,
    RepairAction,
    RepairKind,
    RepairReport,
    TruncateReport,
    VacuumReport,
)
from crv.io.manifest import PartitionMeta, PartMeta, TableManifest
from crv.io.run import RemoveReport, Run, open_run, remove_run, start_run
from crv.io.run_info import ModelFacts, RunError, RunFacts, RunInfo, RunState, RunStatus, TableInfo
from crv.io.sweep import Sweep, SweepPoint, SweepReport, sweep
from crv.io.transaction import Checkpoint, Transaction
from crv.io.writer import Writer

__all__ = [
    "AppendSummary",
    "BucketDigest",
    "Catalog",
    "CheckReport",
    "Checkpoint",
    "Column",
    "ColumnDifference",
    "CompactReport",
    "Dataset",
    "DatasetAt",
    "Difference",
    "Garbage",
    "GarbageKind",
    "IoArgumentError",
    "IoConfigError",
    "IoConflictError",
    "IoError",
    "IoLostRowsWarning",
    "IoManifestError",
    "IoNotFoundError",
    "IoReadError",
    "IoSchemaError",
    "IoSettings",
    "IoSkippedRunsWarning",
    "IoUnknownOutcomeError",
    "IoWriteError",
    "ModelFacts",
    "PackSummary",
    "PackedTable",
    "PartMeta",
    "PartSummary",
    "PartitionMeta",
    "Problem",
    "ProblemKind",
    "PruneReport",
    "RemoveReport",
    "RepairAction",
    "RepairKind",
    "RepairReport",
    "Run",
    "RunDiff",
    "RunDigest",
    "RunEntry",
    "RunError",
    "RunFacts",
    "RunInfo",
    "RunState",
    "RunStatus",
    "RunSummary",
    "Sweep",
    "SweepPoint",
    "SweepReport",
    "TableDiff",
    "TableDigest",
    "TableInfo",
    "TableManifest",
    "Transaction",
    "TransactionSummary",
    "TruncateReport",
    "VacuumReport",
    "ValuationSettings",
    "Writer",
    "diff",
    "list_runs",
    "open_run",
    "remove_run",
    "runs",
    "start_run",
    "summarize_runs",
    "sweep",
]
