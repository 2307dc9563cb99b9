"""The catalog: the runs under a root."""

import json
from dataclasses import dataclass

from crv import _native
from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._tables import table_of
from crv.io.config import IoSettings
from crv.io.run_info import RunInfo

__all__ = ["RunEntry", "RunSummary", "list_runs", "summarize_runs"]


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


@dataclass(frozen=True, kw_only=True)
class RunSummary:
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
