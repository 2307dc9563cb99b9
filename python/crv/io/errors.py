"""What `crv.io` raises.

Every message names the run, the table and the path or column it is about; where there is a next step, a last line
`hint: …` says it. Each class has the stable code of its kind, ``kind``, which is the same in Rust and in the
command line.
"""

from typing import ClassVar

__all__ = [
    "IoArgumentError",
    "IoConfigError",
    "IoError",
    "IoLostRowsWarning",
    "IoManifestError",
    "IoReadError",
    "IoSchemaError",
    "IoUnknownOutcomeError",
    "IoWriteError",
]


class IoError(Exception):
    """Any failure of `crv.io`."""

    kind: ClassVar[str] = "io"


class IoConfigError(IoError):
    """A setting is invalid, or does not fit the run. Change the setting."""

    kind = "config"


class IoSchemaError(IoError):
    """The rows do not fit the table. Change the rows; nothing was written."""

    kind = "schema"


class IoWriteError(IoError):
    """Storage refused a write. The table is unchanged, and the same append can be tried again."""

    kind = "write"


class IoManifestError(IoError):
    """A manifest or commit file is missing, damaged or too new. Check and repair the run, or upgrade crv."""

    kind = "manifest"


class IoReadError(IoError):
    """Storage refused a read, or a part is damaged. The table is as it was."""

    kind = "read"

    vacuumed: bool = False
    """Did a vacuum remove a part after the scan was made? Then a new scan reads the rows from other parts."""


class IoArgumentError(IoError, ValueError):
    """An argument is not of the form that is asked for: a run id, a table, ``where``, a frame."""

    kind = "argument"


class IoUnknownOutcomeError(IoError):
    """A commit may or may not have taken effect, and storage does not say. Look before trying again."""

    kind = "unknown-outcome"

    commit: int | None = None
    """The number of the commit."""

    id: str | None = None
    """The id of this attempt at it, as the commit file has it if it exists."""


class IoLostRowsWarning(UserWarning):
    """A rebuild found that parts which were committed are gone."""


BY_KIND: dict[str, type[IoError]] = {
    error.kind: error
    for error in (
        IoConfigError,
        IoSchemaError,
        IoWriteError,
        IoManifestError,
        IoReadError,
        IoArgumentError,
        IoUnknownOutcomeError,
    )
}
"""The class of each kind; the native module raises from it."""
