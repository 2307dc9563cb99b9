"""Types of frames, and of the ticks and rows to read."""

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex, TypedDict

from crv.io.errors import IoArgumentError

if TYPE_CHECKING:
    # Only for type checkers: pydantic takes longer to import than all of crv.io.
    from crv.core.schema import TableRow


class ArrowStreamExportable(Protocol):
    """A frame of Polars, pyarrow, pandas or DuckDB, or a scan of crv."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any: ...


class ArrowArrayExportable(Protocol):
    """A record batch."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> Any: ...


class ArrowSchemaExportable(Protocol):
    """A schema of pyarrow, or any other that exports its Arrow schema."""

    def __arrow_c_schema__(self) -> Any: ...


class ArrowScan(ArrowStreamExportable, Protocol):
    """Rows of a table, as of the moment of the scan. Every read of the stream starts from the first row."""

    def __arrow_c_schema__(self) -> Any: ...


Frame = ArrowStreamExportable | ArrowArrayExportable
"""Rows that can be appended."""


Rows = Sequence["TableRow"] | Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""A list of row models of one table, a list of dicts, or a dict of columns."""


class Where(TypedDict, total=False):
    """The ticks to read, both ends included. None, or a missing key, is no bound."""

    tick_min: SupportsIndex | None
    tick_max: SupportsIndex | None


def row_count(limit: int) -> int:
    """Returns ``limit`` as a number of rows, or raises `IoArgumentError`."""
    try:
        count = operator.index(limit)
    except TypeError:
        count = -1
    if count < 0 or isinstance(limit, bool):
        raise IoArgumentError(f"`limit` is {limit!r}\nhint: pass an int of at least 0, or None for all rows")
    return count
