"""What can be appended, and what can be asked for, for type checkers."""

from typing import Any, Protocol, SupportsIndex, TypedDict


class ArrowStreamExportable(Protocol):
    """A frame: Polars, pyarrow, pandas, DuckDB, and a scan of ours."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any: ...


class ArrowArrayExportable(Protocol):
    """A record batch."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> Any: ...


Frame = ArrowStreamExportable | ArrowArrayExportable
"""Rows that can be appended."""


class Where(TypedDict, total=False):
    """The ticks to read, both ends included; None is no bound."""

    tick_min: SupportsIndex | None
    tick_max: SupportsIndex | None
