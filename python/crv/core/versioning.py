"""The schema version of the tables, and which versions are compatible."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date as _date
from typing import Final

from crv.core.errors import SchemaError, VersionMismatch

__all__ = [
    "SCHEMA_COMPAT_MAJOR",
    "SCHEMA_COMPAT_MINOR",
    "SCHEMA_MAJOR_VERSION",
    "SCHEMA_MINOR_VERSION",
    "SCHEMA_V",
    "SchemaVersion",
    "ensure_compatible",
    "is_compatible",
    "is_successor_of",
]

# `date.fromisoformat` also accepts other forms, such as 20250920.
_ISO_SHAPE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, order=True, slots=True)
class SchemaVersion:
    """A schema version of the tables: two numbers, and the date of the version.

    Raises:
        SchemaError: a number is negative, or the date is not a calendar day in the form ``YYYY-MM-DD``.

    >>> str(SchemaVersion(0, 2, "2026-02-28"))
    '0.2@2026-02-28'
    """

    major: int
    minor: int
    date: str

    def __post_init__(self) -> None:
        for part, value in (("major", self.major), ("minor", self.minor)):
            if value < 0:
                raise SchemaError(f"SchemaVersion {part} must be non-negative, got `{value}`")
        if not _is_calendar_day(self.date):
            raise SchemaError(f"SchemaVersion date must be ISO YYYY-MM-DD, got `{self.date}`")

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}@{self.date}"


def _is_calendar_day(text: str) -> bool:
    if _ISO_SHAPE.fullmatch(text) is None:
        return False
    try:
        _date.fromisoformat(text)
    except ValueError:
        return False
    return True


SCHEMA_V: Final = SchemaVersion(0, 1, "2025-09-20")
"""The version that this build reads and writes. Every part stores it, as ``0.1@2025-09-20``."""

SCHEMA_MAJOR_VERSION: Final = SCHEMA_V.major
SCHEMA_MINOR_VERSION: Final = SCHEMA_V.minor
SCHEMA_COMPAT_MAJOR: Final = SCHEMA_MAJOR_VERSION
SCHEMA_COMPAT_MINOR: Final = SCHEMA_MINOR_VERSION


def is_compatible(version: SchemaVersion) -> bool:
    """Return whether data of this version can be read: major and minor equal those of ``SCHEMA_V``.

    >>> is_compatible(SchemaVersion(0, 1, "1999-01-01")), is_compatible(SchemaVersion(0, 2, "2025-09-20"))
    (True, False)
    """
    return version.major == SCHEMA_COMPAT_MAJOR and version.minor == SCHEMA_COMPAT_MINOR


def ensure_compatible(version: SchemaVersion) -> None:
    """Refuse a version that is not compatible.

    Raises:
        VersionMismatch: the version is not compatible. The message names both versions.
    """
    if not is_compatible(version):
        raise VersionMismatch(
            f"schema version {version} is not compatible with {SCHEMA_V}\n"
            f"hint: read it with a version of crv whose schema is {version.major}.{version.minor}"
        )


def is_successor_of(candidate: SchemaVersion, current: SchemaVersion) -> bool:
    """Return whether ``candidate`` may follow ``current``: the next minor, or the next major with minor 0.

    >>> is_successor_of(SchemaVersion(0, 2, "2026-01-01"), SCHEMA_V)
    True
    >>> is_successor_of(SchemaVersion(1, 1, "2026-01-01"), SCHEMA_V)
    False
    """
    if candidate.major == current.major:
        return candidate.minor == current.minor + 1
    return candidate.major == current.major + 1 and candidate.minor == 0
