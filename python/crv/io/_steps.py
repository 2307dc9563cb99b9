"""The steps of a simulation as rows of declared tables: each step one commit.

A simulator knows the names of its columns, and their types only from the values. A column is declared when it has its first
value, and keeps its type from then on: integers become floats where the column has floats, and anything else is an error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from crv.io._plain import frame_of
from crv.io.dataset import Dataset
from crv.io.errors import IoNotFoundError, IoSchemaError

__all__ = ["StepTables"]


class StepTables:
    """The tables that the steps of a simulation are appended to."""

    def __init__(self, dataset: Dataset, what: str, types: Mapping[str, Any] | None = None) -> None:
        self._dataset = dataset
        self._what = what
        """What a column is called in errors: "reporter"."""
        self._types = dict(types or {})
        """Types that the caller chose, by column."""
        self._declared: dict[str, set[str]] = {}
        """The columns of each table that was written."""

    def append(self, step: int, tables: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Appends rows of several tables as one commit. ``tables`` maps tables to columns of equal length."""
        frames = {}
        for table, columns in tables.items():
            known = self._known(table)
            # The type of a column is not known before its first value.
            kept = {name: values for name, values in columns.items() if name in known or not _is_null(values)}
            if not kept or not len(next(iter(kept.values()))):
                continue
            try:
                frame: Any = frame_of(table, kept, self._dataset._own().empty)
                if new := [name for name in kept if name not in known]:
                    self._declare(table, frame, new)
            except IoSchemaError as error:
                raise self._told(step, error) from error
            frames[table] = frame
        if not frames:
            return
        with self._dataset.transaction() as transaction:
            for table, frame in frames.items():
                try:
                    transaction.append(table, frame)
                except IoSchemaError as error:
                    raise self._told(step, error) from error

    def _known(self, table: str) -> set[str]:
        if table not in self._declared:
            try:
                self._declared[table] = set(self._dataset.columns(table))
            except IoNotFoundError:
                return set()
        return self._declared[table]

    def _declare(self, table: str, frame: Any, new: Sequence[str]) -> None:
        chosen = {name: self._types[name] for name in new if name in self._types}
        found = [name for name in new if name not in chosen]
        if found:
            self._dataset.append(table, frame.drop(chosen).clear(), declare=True)
        if chosen:
            # A declaration names every column of the table.
            before = dict(self._dataset.columns(table)) if found or self._known(table) else {}
            before.pop("bucket", None)
            columns = {name: column.type for name, column in before.items()} | chosen
            required = [name for name, column in before.items() if column.required]
            self._dataset.declare(table, columns, required=required)
        self._declared.pop(table, None)

    def _told(self, step: int, error: IoSchemaError) -> IoSchemaError:
        text, _, hint = str(error).partition("\nhint: ")
        ours = f"a column has the name and the first type of its {self._what}; choose another with `types`"
        return IoSchemaError(f"step {step}: {text}\nhint: {f'{hint}; ' if hint else ''}{ours}")


def _is_null(values: Sequence[Any]) -> bool:
    # An array of NumPy has no nulls.
    return not hasattr(values, "dtype") and all(value is None for value in values)
