"""The catalog: the runs under a root."""

from dataclasses import dataclass

from crv import _native
from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._tables import table_of
from crv.io.config import IoSettings

__all__ = ["RunEntry", "list_runs"]


@dataclass(frozen=True, kw_only=True)
class RunEntry:
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
