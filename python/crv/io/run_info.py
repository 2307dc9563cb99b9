"""What a run is and how it is doing: the results of `Dataset.facts`, `Dataset.status` and `Dataset.info`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from crv.core.grammar import TableName
from crv.core.ids import RunId
from crv.io._shown import Shown
from crv.io._tables import table_of

__all__ = ["ModelFacts", "RunError", "RunFacts", "RunInfo", "RunState", "RunStatus", "TableInfo"]


class RunState(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    """A process works on it."""
    SUCCEEDED = "succeeded"
    """It ended as it should."""
    FAILED = "failed"
    """It ended with an error."""
    ABORTED = "aborted"
    """It was given up: interrupted, or dropped before it ended."""
    STALE = "stale"
    """It says that it is running, and its process is gone or silent for long. Judged by the reader."""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelFacts(Shown):
    """The model of a run, and the version of its source."""

    name: str | None
    version: str | None
    git_sha: str | None
    """The Git commit that its source was checked out at."""
    git_dirty: bool | None
    """Whether a tracked file differed from that commit."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RunFacts(Shown):
    """What a run is, and where it comes from. Written once, when it was started."""

    run_id: RunId
    created_at: str
    """When it was started, ISO-8601 in UTC."""
    params: Mapping[str, Any]
    """The parameters of the model."""
    seed: int | None
    sweep: str | None
    """The sweep that the run is part of."""
    tags: tuple[str, ...]
    model: ModelFacts
    command: tuple[str, ...]
    """The command line of the process that started the run."""
    host: str | None
    pid: int
    versions: Mapping[str, str | None]
    """The versions of the programs; None for a program that is not installed."""
    extra: Mapping[str, Any]
    """Keys of the caller."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes facts from their JSON."""
        model, git = obj["model"], obj["model"]["git"]
        return cls(
            run_id=RunId(obj["run_id"]),
            created_at=obj["created_at"],
            params=obj["params"],
            seed=obj["seed"],
            sweep=obj["sweep"],
            tags=tuple(obj["tags"]),
            model=ModelFacts(
                name=model["name"], version=model["version"], git_sha=git["sha"], git_dirty=git["dirty"]
            ),
            command=tuple(obj["command"]),
            host=obj["host"],
            pid=obj["pid"],
            versions=obj["versions"],
            extra=obj["extra"],
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class RunError(Shown):
    """The error that a run failed with."""

    type: str
    message: str
    traceback: str | None


@dataclass(frozen=True, kw_only=True, repr=False)
class RunStatus(Shown):
    """How a run is doing, as of the last sign of its process."""

    state: RunState
    error: RunError | None
    started_at: str
    """When the process began, ISO-8601 in UTC. A run that was resumed has a new one."""
    updated_at: str
    """The last sign of life."""
    ended_at: str | None
    last_tick: int | None
    """The last tick that was committed."""
    commit: int
    """The newest commit; 0 before the first."""
    host: str | None
    pid: int

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a status from its JSON."""
        known = {key: value for key, value in obj.items() if key != "process_start"}
        error = None if obj["error"] is None else RunError(**obj["error"])
        return cls(**{**known, "state": RunState(obj["state"]), "error": error})


@dataclass(frozen=True, kw_only=True, repr=False)
class TableInfo(Shown):
    """The totals of one table."""

    table: TableName | str
    rows: int
    bytes: int
    parts: int
    tick_min: int | None
    tick_max: int | None


@dataclass(frozen=True, kw_only=True, repr=False)
class RunInfo(Shown):
    """A run at a glance."""

    run_id: RunId
    state: RunState | None
    """How it is doing; None if `start_run` did not begin it, or its status is damaged."""
    created_at: str | None
    """When it began, ISO-8601 in UTC: as its facts say, or else the earliest time of its tables."""
    age_seconds: float | None
    """Seconds since then."""
    commit: int
    """The newest commit; 0 before the first."""
    tick_min: int | None
    tick_max: int | None
    rows: int
    """Rows of all tables."""
    bytes: int
    """Bytes of their live parts."""
    tables: tuple[TableInfo, ...]
    facts: RunFacts | None
    status: RunStatus | None
    problems: tuple[str, ...]
    """Why the facts or the status cannot be read. No row is affected."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes an info from its JSON, as ``crv info --json`` prints it."""
        tables = (TableInfo(**{**table, "table": table_of(table["table"])}) for table in obj["tables"])
        return cls(
            **{
                **obj,
                "run_id": RunId(obj["run_id"]),
                "state": None if obj["state"] is None else RunState(obj["state"]),
                "tables": tuple(tables),
                "facts": None if obj["facts"] is None else RunFacts.from_json_obj(obj["facts"]),
                "status": None if obj["status"] is None else RunStatus.from_json_obj(obj["status"]),
                "problems": tuple(obj["problems"]),
            }
        )
