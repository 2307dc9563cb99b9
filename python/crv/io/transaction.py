"""Transactions: appends to several tables that become visible as one commit."""

import os
from types import TracebackType
from typing import Self

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame, Rows
from crv.io._summaries import TransactionSummary
from crv.io.errors import IoArgumentError
from crv.io.rows import as_frame

__all__ = ["Transaction"]


class Transaction:
    """Appends that become visible together, or not at all. Made by `Dataset.transaction`.

    Leaving the ``with`` block commits; an exception in it leaves nothing behind.
    """

    summary: TransactionSummary | None
    """What was committed; None until then."""

    def __init__(self, native: _native.Transaction) -> None:
        self._native = native
        self._pid = os.getpid()
        self.summary = None

    def append(
        self, table: TableName | str, frame: Frame | Rows, *, validate_schema: bool = True, validate_rows: bool = False
    ) -> None:
        """Adds rows to ``table``, as `Dataset.append` takes them. They are checked now, and visible after the commit."""
        self._own().append(table, as_frame(table, frame), validate_schema=validate_schema, validate_rows=validate_rows)

    def commit(self) -> TransactionSummary:
        """Makes everything durable, then visible, as one commit."""
        self.summary = self._own().commit()
        return self.summary

    def abort(self) -> None:
        """Gives the transaction up. Nothing of it becomes visible; a transaction that has ended stays as it is."""
        self._own().abort()

    def _own(self) -> _native.Transaction:
        if os.getpid() != self._pid:
            raise IoArgumentError(
                f"the transaction belongs to process {self._pid}, not to this one\n"
                "hint: begin one in the process that appends"
            )
        return self._native

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error_type is not None:
            self.abort()
        elif self._native.is_open:
            self.commit()
