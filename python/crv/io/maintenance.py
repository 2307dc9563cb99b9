"""Maintenance of a run: the reports of `Dataset.check`, `repair`, `compact`, `vacuum` and `prune`.

Damage does not raise an exception: the reports list it, with what to do about each problem.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from crv.core.grammar import TableName
from crv.io._shown import Shown
from crv.io._tables import table_of

__all__ = [
    "CheckReport",
    "CompactReport",
    "Garbage",
    "GarbageKind",
    "Problem",
    "ProblemKind",
    "PruneReport",
    "RepairAction",
    "RepairKind",
    "RepairReport",
    "TruncateReport",
    "VacuumReport",
]


class ProblemKind(StrEnum):
    """The kinds of problems, harmless ones last."""

    UNREADABLE = "unreadable"
    """Storage refused to read a file or directory."""
    LATER_VERSION = "later-version"
    """A document has a later format version than this crv reads."""
    DAMAGED_BASE = "damaged-base"
    """The base is damaged."""
    TORN_COMMIT = "torn-commit"
    """The newest commit is damaged, and no manifest includes it."""
    DAMAGED_COMMIT = "damaged-commit"
    """A commit is damaged, and it is not the newest, or a manifest may include it."""
    MISSING_COMMIT = "missing-commit"
    """Commits are missing, although later ones exist."""
    LOST_LOG = "lost-log"
    """Manifests include commits beyond the end of the log."""
    MISSING_MANIFEST = "missing-manifest"
    """A table was written or declared, and its manifest is missing."""
    DAMAGED_MANIFEST = "damaged-manifest"
    """A manifest is damaged."""
    MANIFEST_DISAGREES = "manifest-disagrees"
    """A manifest differs from the log."""
    MISSING_PART = "missing-part"
    """A part that was committed is missing."""
    DAMAGED_PART = "damaged-part"
    """A part is damaged."""
    PART_DISAGREES = "part-disagrees"
    """A part is undamaged, but differs from its entry or does not fit the table."""
    DOUBLED_PART = "doubled-part"
    """The rows of a part are also in a merged part, and both are live: a read returns them twice."""
    DAMAGED_FACTS = "damaged-facts"
    """The facts of the run are damaged."""
    BUCKET_SIZE = "bucket-size"
    """The settings have another bucket size than the table."""
    FOREIGN_FACTS = "foreign-facts"
    """The facts are those of another run."""
    DAMAGED_STATUS = "damaged-status"
    """The status of the run is damaged."""
    LEFTOVER_COMMIT = "leftover-commit"
    """A commit file that the base replaces."""
    OLD_MANIFEST = "old-manifest"
    """A manifest that is older than the base, which has the newer state."""
    FOREIGN_MANIFEST = "foreign-manifest"
    """A manifest that another implementation wrote."""
    MERGED_PART = "merged-part"
    """Parts that a merge replaced."""
    ORPHAN_PART = "orphan-part"
    """A part that no commit names."""
    TEMPORARY_FILE = "temporary-file"
    """A file that was never finished, or is being written."""
    REPLACED_FILE = "replaced-file"
    """A file that a repair replaced, and kept under this name."""
    UNKNOWN_NAME = "unknown-name"
    """An unrecognized file, ignored."""
    LINK = "link"
    """A link or a device. Its target was not checked."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Problem(Shown):
    """A problem, or something that is harmless but need not be there."""

    kind: ProblemKind
    harmless: bool
    """Whether it neither loses rows nor stops a reader or a writer."""
    path: str
    """The path of the file, or of the first one."""
    message: str
    """What is wrong."""
    action: str
    """What to do about it."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a problem from its JSON, as ``crv check --json`` prints it."""
        return cls(**{**obj, "kind": ProblemKind(obj["kind"])})


@dataclass(frozen=True, kw_only=True, repr=False)
class CheckReport(Shown):
    """The result of a check."""

    ok: bool
    """Whether all problems are harmless."""
    deep: bool
    """Whether every byte of every part was read."""
    tables: int
    """The number of tables that were written or declared."""
    commits: int
    """The number of commit files that were read."""
    parts: int
    """The number of parts that were checked."""
    rows: int
    """The number of rows, by the entries of the parts."""
    bytes: int
    """The number of bytes read: of the log, of manifests and, if ``deep``, of parts."""
    problems: tuple[Problem, ...]
    """The problems, harmless ones last."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a report from its JSON, as ``crv check --json`` prints it."""
        return cls(**{**obj, "problems": _problems(obj["problems"])})


class RepairKind(StrEnum):
    """The kinds of repairs."""

    SET_ASIDE_COMMIT = "set-aside-commit"
    """A damaged commit file was renamed."""
    WRITE_MANIFEST = "write-manifest"
    """A manifest was written from the log."""
    REBUILD_MANIFEST = "rebuild-manifest"
    """A manifest was rebuilt from the parts on disk."""
    WRITE_BASE = "write-base"
    """The base was written from the manifests."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RepairAction(Shown):
    """One step of a repair."""

    kind: RepairKind
    path: str
    """The file that was written or renamed."""
    message: str
    """The reason, and the source of the new content."""
    kept: str | None
    """The path under which the old file is kept, if there was one."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes an action from its JSON, as ``crv repair --json`` prints it."""
        return cls(**{**obj, "kind": RepairKind(obj["kind"])})


@dataclass(frozen=True, kw_only=True, repr=False)
class RepairReport(Shown):
    """The result of a repair."""

    actions: tuple[RepairAction, ...]
    """The steps, in order."""
    left: tuple[Problem, ...]
    """The problems that are left, without harmless ones."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a report from its JSON, as ``crv repair --json`` prints it."""
        actions = tuple(RepairAction.from_json_obj(action) for action in obj["actions"])
        return cls(actions=actions, left=_problems(obj["left"]))


@dataclass(frozen=True, kw_only=True, repr=False)
class PruneReport(Shown):
    """The result of a prune."""

    through: int
    """The base replaces every commit up to this one; 0 if nothing was ever pruned."""
    removed: int
    """The number of commit files that were removed."""
    bytes: int
    """Their size in bytes."""
    left: int
    """The number of commit files that are left."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a report from its JSON, as ``crv prune --json`` prints it."""
        return cls(**obj)


@dataclass(frozen=True, kw_only=True, repr=False)
class CompactReport(Shown):
    """The result of a compaction."""

    table: TableName | str
    parts_before: int
    """The number of parts that were replaced."""
    parts_after: int
    """The number of merged parts that replaced them."""
    bytes_before: int
    """The size of the replaced parts, in bytes."""
    bytes_after: int
    """The size of the merged parts, in bytes."""
    rows: int
    """The number of rows in the merged parts."""
    commits: tuple[int, ...]
    """The numbers of the commits that replaced the parts."""
    gave_way: int
    """The number of merges that were dropped because another writer replaced the same parts first."""
    left: int
    """The number of merges that are left for another call."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a report from its JSON, as ``crv compact --json`` prints it."""
        return cls(**{**obj, "table": table_of(obj["table"]), "commits": tuple(obj["commits"])})


@dataclass(frozen=True, kw_only=True, repr=False)
class TruncateReport(Shown):
    """The result of a truncation."""

    after_tick: int
    """The last tick that was kept."""
    commit: int | None
    """The number of the commit; None if there were no rows beyond the tick."""
    rows: int
    """The number of rows that were removed, over all tables."""
    parts_removed: int
    """The number of parts that were taken out as a whole."""
    parts_cut: int
    """The number of parts that were replaced by one with their rows up to the tick."""
    tables: tuple[TableName | str, ...]
    """The tables that had rows beyond the tick."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a report from its JSON, as ``crv truncate --json`` prints it."""
        return cls(**{**obj, "tables": tuple(table_of(table) for table in obj["tables"])})


class GarbageKind(StrEnum):
    """Why a file is not needed."""

    MERGED_PART = "merged-part"
    """A part that a merge replaced."""
    REMOVED_PART = "removed-part"
    """A part that a commit removed from its table."""
    ORPHAN_PART = "orphan-part"
    """A part that no commit names."""
    TEMPORARY_FILE = "temporary-file"
    """A file that was never finished."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Garbage(Shown):
    """A file that no table needs."""

    kind: GarbageKind
    path: str
    bytes: int
    """Its size in bytes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class VacuumReport(Shown):
    """The result of a vacuum."""

    dry_run: bool
    """Whether nothing was removed, and the report lists what would be."""
    removed: tuple[Garbage, ...]
    """The files that were removed, or would be."""
    bytes: int
    """Their size in bytes."""
    kept: int
    """The number of files that no table needs, and that are not old enough to remove."""
    kept_bytes: int
    """Their size in bytes."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """Makes a report from its JSON, as ``crv vacuum --json`` prints it."""
        removed = tuple(Garbage(**{**item, "kind": GarbageKind(item["kind"])}) for item in obj["removed"])
        return cls(**{**obj, "removed": removed})


def _problems(objs: list[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem.from_json_obj(obj) for obj in objs)
