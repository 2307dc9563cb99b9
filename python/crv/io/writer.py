"""A buffered writer: rows gather in memory, and go out as few large commits."""

import os
import warnings
from types import TracebackType
from typing import Never, Self

from crv import _native
from crv.core.grammar import TableName
from crv.io._frames import Frame, Rows
from crv.io._summaries import TransactionSummary
from crv.io.errors import IoArgumentError, IoError
from crv.io.rows import as_frame

__all__ = ["Writer"]


class Writer:
    """Gathers rows of any tables in memory and writes them as few, large commits. Made by `Dataset.writer`.

    **Rows are durable, and visible to readers, when they were flushed, not before.** Until then they are lost with the
    process. They go out, as one commit over all tables, before rows of a later bucket are taken in, before rows are
    taken in that the bounds do not hold beside what is there, and with `flush` and `close`.

    A tick goes out whole, if the ticks come one after the other: rows of the newest wait until a later one begins, or
    until `flush` or `close` says that there are no more of it. Only a tick that the bounds do not hold goes out in
    several commits, each of whole appends.

    Leaving the ``with`` block closes the writer. When an exception leaves it, the complete ticks are written and the
    newest, which may be half a tick, is let go, as `abandon_tick` does it; the exception has a note that says so.

    After an error the writer is as it was before the call, and the call can be made again. A flush that failed completes
    no tick: the newest can still be abandoned. Threads can share a writer. It belongs to the process that made it, and
    cannot be pickled.

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
    """What was written last; None until then."""

    def __init__(self, native: _native.Writer) -> None:
        self._pid = os.getpid()
        self._native = native
        self.summary = None

    def append(
        self, table: TableName | str, frame: Frame | Rows, *, validate_schema: bool = True, validate_rows: bool = False
    ) -> TransactionSummary | None:
        """Takes in rows of ``table``, checked as `Dataset.append` checks them, and copied.

        If others had to be written first, what that came to, else None. After an error these rows are not in the
        writer.
        """
        return self._wrote(
            self._own().append(
                table, as_frame(table, frame), validate_schema=validate_schema, validate_rows=validate_rows
            )
        )

    def flush(self) -> TransactionSummary:
        """Writes all that was gathered as one commit. When it returns, the rows survive power loss.

        After an error they are still here. One that stays, because another writer has given a payload field another
        type, leaves `discard`.
        """
        summary = self._own().flush()
        self._wrote(summary)
        return summary

    def close(self) -> TransactionSummary:
        """Flushes, and takes in no more. After an error the writer is still open, and can be closed again."""
        summary = self._own().close()
        self._wrote(summary)
        return summary

    def abandon_tick(self) -> int:
        """Drops the rows of the newest tick that are here, so that it can be done again. Returns how many they were.

        A write that failed has taken none of them. Rows of the tick that a flush or the bounds have written are in the
        store and stay there: if `append` returned a summary with this tick, doing the tick again doubles them. Rows that
        are `in_doubt` are dropped too: they are in the store if that commit took effect. To know, `flush` first.
        """
        return self._own().abandon_tick()

    def discard(self) -> int:
        """Lets go of all rows that wait, those of a commit in doubt as well. How many they were."""
        return self._own().discard()

    @property
    def in_doubt(self) -> tuple[int, str] | None:
        """The number and id of a commit of which storage could not say whether it took effect; an
        `IoUnknownOutcomeError` told of it.

        Its rows are kept. The next flush looks whether it is there, writes nothing twice, and fails as long as nobody
        can tell. If that does not end, because the log was pruned, look for the rows and `resolve` it.
        """
        return self._own().in_doubt

    def resolve(self, *, took_effect: bool) -> None:
        """Says whether the commit in doubt took effect: its rows are let go, or written with the next flush."""
        self._own().resolve(took_effect=took_effect)

    @property
    def buffered_rows(self) -> int:
        """How many rows wait to be written, over all tables."""
        return self._own().buffered_rows

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of memory they take."""
        return self._own().buffered_bytes

    @property
    def closed(self) -> bool:
        """Has it been closed?"""
        return self._own().is_closed

    def _wrote(self, summary: TransactionSummary | None) -> TransactionSummary | None:
        if summary is not None and summary["commit"] is not None:
            self.summary = summary
        return summary

    def _own(self) -> _native.Writer:
        if os.getpid() != self._pid:
            raise IoArgumentError(
                f"the writer belongs to process {self._pid}, which writes its rows, not to this one\n"
                "hint: begin one in the process that appends"
            )
        return self._native

    def _leave(self) -> str | None:
        """Writes the complete ticks and ends. What there is to say about rows that are not in the store."""
        doubt = self.in_doubt
        newest = self.abandon_tick()
        let_go = f"{newest} rows of the newest tick, which may not be complete, were let go" if newest else None
        if let_go and doubt:
            let_go += f" (those of them in commit {doubt[0]}, whose outcome is unknown, are written if it took effect)"
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
            # A fork leaves the block as well. What was gathered is its parent's.
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
