"""A buffered writer: rows are buffered in memory and written as a few large commits."""

import os
import warnings
from types import TracebackType
from typing import Never, Self

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame, Rows
from crv.io._plain import Empty
from crv.io._summaries import TransactionSummary
from crv.io.errors import IoArgumentError, IoError
from crv.io.rows import as_frame

__all__ = ["Writer"]


class Writer:
    """Buffers rows of any tables in memory and writes them as a few large commits. Made by `Dataset.writer`.

    **Rows become durable, and visible to readers, only when they are flushed.** Until then they are lost if the process
    ends. The buffered rows are written, as one commit over all tables, before an append with rows of a later bucket,
    before an append that would exceed the bounds, before one that begins a tick when they have waited for ``flush_every``,
    and by `flush` and `close`.

    All rows of a tick go into one commit, if the caller appends in tick order: rows of the newest tick stay buffered
    until a later tick begins, or until `flush` or `close`. Only a tick larger than the bounds is written in several
    commits, each of whole appends.

    Leaving the ``with`` block closes the writer. If an exception leaves the block, the complete ticks are written, and
    the newest tick, which may be incomplete, is dropped as by `abandon_tick`; a note on the exception says so.

    After an error the writer is unchanged, and the call can be retried. A failed flush completes no tick: the newest
    can still be abandoned. Threads can share a writer. It belongs to the process that made it, and cannot be pickled.

    >>> import tempfile
    >>> import polars as pl
    >>> from crv.io import Dataset, IoSettings
    >>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), run_id="sweep-9")
    >>> with dataset.writer() as w:
    ...     for tick in range(250):
    ...         frame = pl.DataFrame({"tick": [tick], "agent_id": "A0", "token_id": "T0", "quantity": tick})
    ...         written = w.append("holdings", frame)
    ...     print(w.buffered_rows, "rows wait: the buckets before are closed, and written")
    50 rows wait: the buckets before are closed, and written
    >>> dataset.read("holdings").height
    250
    >>> [len(bucket.parts) for bucket in dataset.manifest("holdings").partitions.values()]
    [1, 1, 1]
    """

    summary: TransactionSummary | None
    """The result of the last commit; None before."""

    def __init__(self, native: _native.Writer, empty: Empty) -> None:
        self._empty = empty
        self._pid = os.getpid()
        self._native = native
        self.summary = None

    def append(
        self, table: TableName | str, frame: Frame | Rows, *, validate_schema: bool = True, validate_rows: bool = False
    ) -> TransactionSummary | None:
        """Buffers rows of ``table``, checked as by `Dataset.append`, and copied.

        Returns the result of the commit if earlier rows had to be written first, else None. After an error the rows of
        this call are not in the writer.

        Raises:
            IoSchemaError: the rows do not fit the table.
            IoNotFoundError: the table is neither canonical nor declared.
            IoWriteError: earlier rows could not be written. They stay buffered, and the call can be retried.
            IoUnknownOutcomeError: storage could not say whether the commit of earlier rows took effect: see `in_doubt`.
        """
        return self._wrote(
            self._own().append(
                table,
                as_frame(table, frame, self._empty),
                validate_schema=validate_schema,
                validate_rows=validate_rows,
            )
        )

    def flush(self) -> TransactionSummary:
        """Writes all buffered rows as one commit. When this returns, they are visible and survive power loss.

        After an error the rows are still buffered.

        Raises:
            IoWriteError: storage refused the write. The call can be retried.
            IoSchemaError: another writer has given a payload field another type since. Every flush fails: `discard`
                drops the rows.
            IoUnknownOutcomeError: storage could not say whether the commit took effect: see `in_doubt`.
        """
        summary = self._own().flush()
        self._wrote(summary)
        return summary

    def close(self) -> TransactionSummary:
        """Flushes and closes the writer. After an error the writer is still open, and can be closed again."""
        summary = self._own().close()
        self._wrote(summary)
        return summary

    def abandon_tick(self) -> int:
        """Drops the buffered rows of the newest tick, so that it can be simulated again. Returns their number.

        A failed write leaves all rows of the tick in the buffer. Rows of the tick that were already written, by a flush
        or at the bounds, stay in the store: if `append` returned a summary with this tick, simulating it again stores
        them twice. Rows of the tick that are `in_doubt` are dropped too: they are in the store if that commit took
        effect. To learn whether it did, `flush` first.
        """
        return self._own().abandon_tick()

    def discard(self) -> int:
        """Drops all buffered rows, including those of a commit in doubt. Returns their number."""
        return self._own().discard()

    @property
    def in_doubt(self) -> tuple[int, str] | None:
        """The number and id of a commit of unknown outcome, which raised an `IoUnknownOutcomeError`; else None.

        Its rows are kept. The next flush reads back whether the commit took effect, writes nothing twice, and fails as
        long as this is unknown. After the log was pruned beyond that commit it stays unknown: search for the rows, and
        pass the outcome to `resolve`.
        """
        return self._own().in_doubt

    def resolve(self, *, took_effect: bool) -> None:
        """Sets whether the commit in doubt took effect: its rows are dropped, or written by the next flush."""
        self._own().resolve(took_effect=took_effect)

    @property
    def buffered_rows(self) -> int:
        """The number of buffered rows, over all tables."""
        return self._own().buffered_rows

    @property
    def buffered_bytes(self) -> int:
        """The bytes of memory that the buffered rows take."""
        return self._own().buffered_bytes

    @property
    def closed(self) -> bool:
        """Whether the writer is closed."""
        return self._own().is_closed

    def _wrote(self, summary: TransactionSummary | None) -> TransactionSummary | None:
        if summary is not None and summary["commit"] is not None:
            self.summary = summary
        return summary

    def _own(self) -> _native.Writer:
        if os.getpid() != self._pid:
            raise IoArgumentError(
                f"the writer belongs to process {self._pid}, which writes its rows, not to this one\n"
                "hint: begin a writer in the process that appends"
            )
        return self._native

    def _leave(self) -> str | None:
        """Writes the complete ticks and closes the writer. Returns a note about rows that are not in the store."""
        doubt = self.in_doubt
        newest = self.abandon_tick()
        let_go = f"{newest} rows of the newest tick, which may be incomplete, were dropped" if newest else None
        if let_go and doubt:
            let_go += f" (those in commit {doubt[0]}, whose outcome is unknown, are in the store if it took effect)"
        try:
            self.close()
        except IoError as error:
            lost = f"{self.buffered_rows} rows could not be written: {error}"
            return f"{let_go}; {lost}" if let_go else lost
        return let_go

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if os.getpid() != self._pid:
            # A forked process leaves the block too. The buffered rows belong to its parent.
            return
        if error is None:
            self.close()
        elif (note := self._leave()) is not None:
            error.add_note(f"crv: {note}")

    def __del__(self) -> None:
        native = getattr(self, "_native", None)
        if native is None or os.getpid() != self._pid or native.is_closed or not native.buffered_rows:
            return
        note = self._leave()
        warnings.warn(f"a writer was not closed{f': {note}' if note else ''}", ResourceWarning, source=self, stacklevel=2)

    def __reduce__(self) -> Never:
        raise TypeError("a Writer cannot be pickled: the rows it holds belong to one process; pickle its dataset")

    def __repr__(self) -> str:
        if os.getpid() != self._pid:
            return f"Writer(of process {self._pid})"
        state = "closed" if self._native.is_closed else f"buffered_rows={self._native.buffered_rows}"
        return f"Writer({state})"
