"""Looking after a run: what `Dataset.check`, `repair`, `compact`, `vacuum` and `prune` report.

Damage is no exception: it is in the report, each piece with what to do about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from crv.core.grammar import TableName

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
    "VacuumReport",
]


class ProblemKind(StrEnum):
    """The kinds of problems, those that are harmless last."""

    UNREADABLE = "unreadable"
    """Storage refuses to read something."""
    LATER_VERSION = "later-version"
    """A document is of a later version than this crv reads."""
    DAMAGED_BASE = "damaged-base"
    """The base of the log is not what was written."""
    TORN_COMMIT = "torn-commit"
    """The newest commit is not what was written, and no manifest includes it."""
    DAMAGED_COMMIT = "damaged-commit"
    """A commit is not what was written, and it is not the newest, or a manifest may include it."""
    MISSING_COMMIT = "missing-commit"
    """Commits are missing, and later ones are there."""
    LOST_LOG = "lost-log"
    """Manifests include commits beyond the end of the log."""
    MISSING_MANIFEST = "missing-manifest"
    """A table was written, and its manifest is not there."""
    DAMAGED_MANIFEST = "damaged-manifest"
    """A manifest is not what was written."""
    MANIFEST_DISAGREES = "manifest-disagrees"
    """A manifest says something else than the log."""
    MISSING_PART = "missing-part"
    """A part that was committed is not there."""
    DAMAGED_PART = "damaged-part"
    """A part is not what was written."""
    PART_DISAGREES = "part-disagrees"
    """A part is whole, and does not hold what its entry says, or does not fit the table."""
    DOUBLED_PART = "doubled-part"
    """The rows of a part are in a merged part as well, and both are live: a read gives them twice."""
    BUCKET_SIZE = "bucket-size"
    """The settings have another bucket size than the table."""
    LEFTOVER_COMMIT = "leftover-commit"
    """A commit file that the base stands for."""
    OLD_MANIFEST = "old-manifest"
    """A manifest that is older than the base of the log, which says the rest."""
    FOREIGN_MANIFEST = "foreign-manifest"
    """A manifest that another implementation wrote."""
    MERGED_PART = "merged-part"
    """Parts whose rows are in merged parts now."""
    ORPHAN_PART = "orphan-part"
    """A part that no commit names."""
    TEMPORARY_FILE = "temporary-file"
    """A file that was never finished, or is being written."""
    REPLACED_FILE = "replaced-file"
    """A file that a repair replaced, and kept."""
    UNKNOWN_NAME = "unknown-name"
    """A name that is none of the format's."""
    LINK = "link"
    """A link, or a device: what it stands for was not listed."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is not as it should be, or not as it need be."""

    kind: ProblemKind
    harmless: bool
    """Does it neither lose rows nor stop anybody?"""
    path: str
    """The file, or the first of them."""
    message: str
    """What is wrong with it."""
    action: str
    """What to do about it."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The problem that ``crv check --json`` prints so."""
        return cls(**{**obj, "kind": ProblemKind(obj["kind"])})


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What a check found."""

    ok: bool
    """Is there no problem but harmless ones?"""
    deep: bool
    """Was every byte of every part read?"""
    tables: int
    """Tables that were written."""
    commits: int
    """Commit files that were read."""
    parts: int
    """Parts that were looked at."""
    rows: int
    """The rows they hold, as their entries say."""
    bytes: int
    """How many bytes were read, of the log, of manifests and, where deep, of parts."""
    problems: tuple[Problem, ...]
    """What was found, harmless problems last."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The report that ``crv check --json`` prints so."""
        return cls(**{**obj, "problems": _problems(obj["problems"])})


class RepairKind(StrEnum):
    """What a repair can do."""

    SET_ASIDE_COMMIT = "set-aside-commit"
    """A commit file that cannot be read got another name."""
    WRITE_MANIFEST = "write-manifest"
    """A manifest was written as the log tells it."""
    REBUILD_MANIFEST = "rebuild-manifest"
    """A manifest was rebuilt from the parts on disk."""
    WRITE_BASE = "write-base"
    """The base of the log was written from the manifests."""


@dataclass(frozen=True, kw_only=True)
class RepairAction:
    """One thing that a repair did."""

    kind: RepairKind
    path: str
    """To which file."""
    message: str
    """Why, and from what."""
    kept: str | None
    """Where the file is that was there before."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The action that ``crv repair --json`` prints so."""
        return cls(**{**obj, "kind": RepairKind(obj["kind"])})


@dataclass(frozen=True, kw_only=True)
class RepairReport:
    """What a repair did."""

    actions: tuple[RepairAction, ...]
    """What was done, in order."""
    left: tuple[Problem, ...]
    """Problems that are left, harmless ones aside."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The report that ``crv repair --json`` prints so."""
        actions = tuple(RepairAction.from_json_obj(action) for action in obj["actions"])
        return cls(actions=actions, left=_problems(obj["left"]))


@dataclass(frozen=True, kw_only=True)
class PruneReport:
    """What came of pruning a log."""

    through: int
    """The base stands for every commit up to this one; 0 when nothing was ever pruned."""
    removed: int
    """How many commit files were removed."""
    bytes: int
    """How many bytes they had."""
    left: int
    """How many commit files are left."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The report that ``crv prune --json`` prints so."""
        return cls(**obj)


@dataclass(frozen=True, kw_only=True)
class CompactReport:
    """What came of a compaction."""

    table: TableName
    parts_before: int
    """Parts that were replaced."""
    parts_after: int
    """Parts that took their place."""
    bytes_before: int
    """Bytes of the parts that were replaced."""
    bytes_after: int
    """Bytes of the parts that took their place."""
    rows: int
    """Rows in them."""
    commits: tuple[int, ...]
    """The numbers of the commits that say so."""
    gave_way: int
    """Merges that were given up, because somebody else replaced the same parts first."""
    left: int
    """Merges that were left for another call."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The report that ``crv compact --json`` prints so."""
        return cls(**{**obj, "table": TableName(obj["table"]), "commits": tuple(obj["commits"])})


class GarbageKind(StrEnum):
    """Why a file is not needed."""

    MERGED_PART = "merged-part"
    """A part whose rows are in another part now."""
    REMOVED_PART = "removed-part"
    """A part that a commit took out of its table."""
    ORPHAN_PART = "orphan-part"
    """A part that no commit names."""
    TEMPORARY_FILE = "temporary-file"
    """A file that was never finished."""


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """A file that no table needs."""

    kind: GarbageKind
    path: str
    bytes: int
    """Its size."""


@dataclass(frozen=True, kw_only=True)
class VacuumReport:
    """What came of a vacuum."""

    dry_run: bool
    """Was nothing removed, and only said what would be?"""
    removed: tuple[Garbage, ...]
    """The files that were removed, or would be."""
    bytes: int
    """How many bytes they have."""
    kept: int
    """Files that no table needs, and that are not old enough."""
    kept_bytes: int
    """How many bytes those have."""

    @classmethod
    def from_json_obj(cls, obj: Mapping[str, Any]) -> Self:
        """The report that ``crv vacuum --json`` prints so."""
        removed = tuple(Garbage(**{**item, "kind": GarbageKind(item["kind"])}) for item in obj["removed"])
        return cls(**{**obj, "removed": removed})


def _problems(objs: list[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem.from_json_obj(obj) for obj in objs)
