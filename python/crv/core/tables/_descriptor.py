"""The descriptor of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crv.core._names import Names
from crv.core.grammar import TableName
from crv.core.versioning import SchemaVersion

__all__ = ["Columns", "Names", "TableDescriptor"]


class Columns(Mapping[str, str]):
    """Column names and their dtypes, in table order, read-only.

    >>> columns = Columns({"bucket": "i64", "tick": "i64"})
    >>> columns["tick"], list(columns), columns == {"bucket": "i64", "tick": "i64"}
    ('i64', ['bucket', 'tick'], True)
    """

    __slots__ = ("_dtypes",)

    def __init__(self, dtypes: Mapping[str, str]) -> None:
        self._dtypes = dict(dtypes)

    def __getitem__(self, name: str) -> str:
        return self._dtypes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dtypes)

    def __len__(self) -> int:
        return len(self._dtypes)

    def __hash__(self) -> int:
        # Mappings with the same items are equal, in any order.
        return hash(frozenset(self._dtypes.items()))

    def __repr__(self) -> str:
        return repr(self._dtypes)


@dataclass(frozen=True)
class TableDescriptor:
    """A canonical table: its columns, and which of them are required.

    ``columns`` maps each column to its dtype (``i64``, ``f64``, ``str``, ``struct`` or ``list[struct]``) in
    table order. A required column is present and never null; every other column is nullable. ``partitioning``
    is always ``["bucket"]``. The fields are read-only, and descriptors can be hashed and pickled.
    """

    name: TableName
    columns: Mapping[str, str]
    partitioning: Sequence[str]
    required: Sequence[str]
    nullable: Sequence[str]
    version: SchemaVersion

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", Columns(self.columns))
        for field in ("partitioning", "required", "nullable"):
            object.__setattr__(self, field, Names(getattr(self, field)))
