"""The exceptions of `crv.io`.

Every message names the run, the table and the path or column that it is about. If there is a next step, it is in a
last line ``hint: …``. ``kind`` is the stable code of each class, the same as in Rust.
"""

from typing import ClassVar

__all__ = [
    "IoArgumentError",
    "IoConfigError",
    "IoConflictError",
    "IoError",
    "IoLostRowsWarning",
    "IoManifestError",
    "IoNotFoundError",
    "IoReadError",
    "IoSchemaError",
    "IoUnknownOutcomeError",
    "IoWriteError",
]


class IoError(Exception):
    """The base class of all exceptions of `crv.io`."""

    kind: ClassVar[str] = "io"


class IoConfigError(IoError):
    """A setting is invalid, or does not fit the run. Change the setting."""

    kind = "config"


class IoSchemaError(IoError):
    """The rows do not fit the table, or it cannot be declared so. Change the rows or columns; nothing was written."""

    kind = "schema"


class IoWriteError(IoError):
    """Storage refused a write. The table is unchanged, and the same call can be retried."""

    kind = "write"


class IoConflictError(IoWriteError):
    """Other writers kept changing the same things. Nothing was changed, and the same call can be retried."""

    kind = "conflict"


class IoManifestError(IoError):
    """A manifest or commit file is missing, damaged or too new. Check and repair the run, or upgrade crv."""

    kind = "manifest"


class IoNotFoundError(IoManifestError):
    """There is no such run or table, or nothing was ever written to it. Check the name, or declare or append first."""

    kind = "not-found"


class IoReadError(IoError):
    """Storage refused a read, or a part is damaged. The table is unchanged."""

    kind = "read"

    vacuumed: bool = False
    """Whether a vacuum removed a part after the scan was made. If so, a new scan reads the rows from other parts."""


class IoArgumentError(IoError, ValueError):
    """An argument is invalid: a run id, a table, ``where``, a frame."""

    kind = "argument"


class IoUnknownOutcomeError(IoError):
    """Storage could not say whether a commit took effect. Check whether its rows are there before you retry."""

    kind = "unknown-outcome"

    commit: int | None = None
    """The number of the commit."""

    id: str | None = None
    """The id of this attempt. If the commit took effect, its commit file has this id."""


class IoLostRowsWarning(UserWarning):
    """A rebuild found that parts which were committed are no longer on disk: their rows are lost."""


class IoSkippedRunsWarning(UserWarning):
    """A scan of many runs left out runs that cannot be read."""


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
        IoConflictError,
        IoNotFoundError,
    )
}
"""The class of each kind; the native module looks the class of an error up here."""
