"""Transactions: appends to several tables that become visible as one commit."""

import os
from types import TracebackType
from typing import NamedTuple, Self

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame, Rows
from crv.io._plain import Empty
from crv.io._summaries import TransactionSummary
from crv.io.errors import IoArgumentError
from crv.io.rows import as_frame

__all__ = ["Checkpoint", "Transaction"]


class Checkpoint(NamedTuple):
    """The state of a simulation at a tick."""

    tick: int
    """The tick after which the state was taken."""
    state: bytes
    """The bytes that were given."""


class Transaction:
    """Appends that become visible together, or not at all. Made by `Dataset.transaction`.

    Leaving the ``with`` block commits. If an exception leaves the block, the transaction is aborted.
    """

    summary: TransactionSummary | None
    """The result of the commit; None before."""

    def __init__(self, native: _native.Transaction, empty: Empty) -> None:
        self._native = native
        self._empty = empty
        self._pid = os.getpid()
        self.summary = None

    def append(
        self, table: TableName | str, frame: Frame | Rows, *, validate_schema: bool = True, validate_rows: bool = False
    ) -> None:
        """Adds rows to ``table``; the arguments are those of `Dataset.append`.

        The rows are checked now, and become visible with the commit.

        Raises:
            IoSchemaError: the rows do not fit the table.
            IoNotFoundError: the table is neither canonical nor declared.
            IoWriteError: storage refused the write.
        """
        self._own().append(
            table,
            as_frame(table, frame, self._empty),
            validate_schema=validate_schema,
            validate_rows=validate_rows,
        )

    def checkpoint(self, state: bytes, *, tick: int | None = None, keep: int | None = None) -> None:
        """Adds the state of the simulation itself, such as ``pickle.dumps(model)``, to be continued from.

        It becomes visible with the rows of this transaction, and belongs to their newest tick, or to ``tick``.
        `Dataset.resume` and `Dataset.latest_checkpoint` return it. With ``keep``, only the newest ``keep`` checkpoints
        stay, this one included; a vacuum removes the files of the others.

        Raises:
            IoArgumentError: the state is not bytes, the transaction has no rows and no ``tick`` is given, or it has a
                checkpoint already.
        """
        self._own().checkpoint(state, tick=tick, keep=keep)

    def commit(self) -> TransactionSummary:
        """Makes all rows durable, then visible, as one commit.

        Raises:
            IoWriteError: storage refused the write. No row became visible.
            IoUnknownOutcomeError: storage could not say whether the commit took effect.
        """
        self.summary = self._own().commit()
        return self.summary

    def abort(self) -> None:
        """Ends the transaction without a commit: its rows are dropped. Does nothing after a commit or an abort."""
        self._own().abort()

    def _own(self) -> _native.Transaction:
        if os.getpid() != self._pid:
            raise IoArgumentError(
                f"the transaction belongs to process {self._pid}, not to this one\n"
                "hint: begin a transaction in the process that appends"
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
