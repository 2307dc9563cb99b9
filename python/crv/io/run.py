"""`start_run`: a run with a life cycle, and with facts that say what it is."""

import operator
import os
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Literal, SupportsIndex

from crv import _native
from crv.io._json import json_object
from crv.io._model import command_line, model_facts
from crv.io._shown import Shown
from crv.io._versions import versions
from crv.io.config import IoSettings
from crv.io.dataset import Dataset
from crv.io.errors import IoArgumentError, IoError

__all__ = ["IfExists", "RemoveReport", "Run", "open_run", "remove_run", "start_run"]

IfExists = Literal["error", "resume", "append"]
"""What `start_run` does if the run exists."""


class Run(Dataset):
    """A `Dataset` whose run has a life cycle. Made by `start_run`.

    Leaving the ``with`` block ends the run: it has succeeded, or, if an exception leaves the block, failed; the type,
    the message and the traceback are stored. `KeyboardInterrupt` and `SystemExit` abort it. A run that is dropped
    without an end, or that is left when the program ends, is aborted. One whose process is killed reads as stale.

    Without a ``with`` block, `finish`, `fail` or `abort` end the run; `close` does not. A run ends once, and can still
    be read then.

    The run belongs to the process that started it. A copy in another process, pickled or forked, appends and reads as a
    `Dataset` does, and never ends the run.
    """

    def __init__(self, settings: IoSettings, run_id: str, _life: _native.Run | None = None) -> None:
        super().__init__(settings, run_id)
        self._life = _life
        self._owner = os.getpid()
        if _life is not None:
            self._native = _life.dataset()
            weakref.finalize(self, _abort, _life, os.getpid())

    def finish(self) -> None:
        """Ends the run: it has succeeded. Brings every manifest.json up to date, as `close` does."""
        self._end("succeeded", None)

    def fail(self, error: BaseException) -> None:
        """Ends the run: it has failed with this error."""
        self._end("failed", _described(error))

    def abort(self) -> None:
        """Ends the run: it was given up."""
        self._end("aborted", None)

    def _end(self, state: str, error: tuple[str, str, str | None] | None) -> None:
        if self._life is None or os.getpid() != self._owner:
            self.close()
        else:
            self._life.finish(state, error)

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        try:
            if isinstance(error, Exception):
                self.fail(error)
            else:
                self.abort()
        except IoError as failure:
            # The error that ended the run says more.
            error.add_note(f"the end of run `{self.run_id}` could not be recorded: {failure}")

    def __reduce__(self) -> tuple[Any, tuple[IoSettings, str]]:
        return Run, (self._settings, self._run_id)


def start_run(
    settings: IoSettings,
    run_id: str | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    seed: SupportsIndex | None = None,
    tags: Iterable[str] = (),
    sweep: str | None = None,
    model: object = None,
    extra: Mapping[str, Any] | None = None,
    if_exists: IfExists = "error",
    keep_merged: timedelta | None = timedelta(hours=1),
) -> Run:
    """Starts a run: writes what it is, ``run.json``, durably before any row, and how it is doing, ``status.json``.

    Without ``run_id`` one is made. ``params`` and ``extra`` are JSON objects; ``seed`` is an integer of any size.
    ``model`` is a name, a class, a module or an instance; without it, the script that is running. The Git commit of the
    directory of its source is recorded, and the command line.

    If the run exists, ``if_exists`` says what to do: ``"error"`` raises, ``"resume"`` continues a run that has ended,
    ``"append"`` adds to it, perhaps beside others. Both begin a run that does not exist. The facts of a run never change:
    continuing it with other ``params`` or another ``seed`` is an error.

    Unless the settings say otherwise, the parts of a bucket are merged in the background once a later bucket has begun,
    and the rest when the run ends. What was merged is kept for ``keep_merged``, for readers of earlier snapshots, and then
    removed by this run, or by the next one that is started with this id; None keeps it until a vacuum.

    Raises:
        IoArgumentError: the run exists; or an argument is invalid, or something in ``params`` or ``extra`` is not JSON.
        IoConflictError: the run that is to be resumed still runs.
        IoManifestError: the facts of the run that is to be continued are damaged.

    >>> import tempfile
    >>> import polars as pl
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> with start_run(settings, "baseline", params={"beta": 0.3}, seed=7) as run:
    ...     for tick in range(3):
    ...         frame = pl.DataFrame({"tick": [tick], "agent_id": "A0", "token_id": "T0", "quantity": tick})
    ...         summary = run.append("holdings", frame)
    >>> info = run.info()
    >>> info.state.value, info.rows, info.status.last_tick, info.facts.params, info.facts.seed
    ('succeeded', 3, 2, {'beta': 0.3}, 7)
    >>> start_run(settings, "baseline")
    Traceback (most recent call last):
    crv.io.errors.IoArgumentError: there is a run `baseline` under...
    """
    name, version, source = model_facts(model)
    life = _native.start_run(
        settings,
        run_id,
        params=json_object("params", {} if params is None else params),
        seed=_digits(seed),
        sweep=sweep,
        tags=_texts(tags),
        model=name,
        version=version,
        source=source,
        extra=json_object("extra", {} if extra is None else extra),
        command=command_line(),
        if_exists=if_exists,
        keep_merged=keep_merged,
        **versions(),
    )
    return Run(settings, life.run_id, life)


def open_run(run: "str | PathLike[str]", root: "IoSettings | str | PathLike[str] | None" = None) -> Dataset:
    """Opens a run that exists: by its id, under ``root``, or by its path, such as ``out/runs/first``.

    A run that is damaged is opened, too. ``root`` is a directory, a pack, or settings; by default that of the settings of this directory and environment.

    Raises:
        IoNotFoundError: there is no such run; the message names the one that was probably meant.

    >>> import tempfile
    >>> root = tempfile.mkdtemp()
    >>> with start_run(IoSettings(root_dir=root), "first"):
    ...     pass
    >>> open_run("first", root).run_id, open_run(f"{root}/runs/first").run_id
    ('first', 'first')
    """
    text = os.fspath(run)
    parent, name = os.path.split(text.rstrip("/"))
    if root is None and parent:
        if os.path.basename(parent) != "runs":
            raise IoArgumentError(f"`{text}` is no path of a run\nhint: a run is at `ROOT/runs/RUN`")
        root, text = os.path.dirname(parent) or ".", name
    if isinstance(root, IoSettings):
        settings = root
    else:
        settings = IoSettings.load() if root is None else IoSettings(root_dir=os.fspath(root))
    dataset = Dataset(settings, text)
    dataset._own().check_exists()
    return dataset


@dataclass(frozen=True, kw_only=True, repr=False)
class RemoveReport(Shown):
    """What `remove_run` removed."""

    files: int
    """Files of the run."""
    bytes: int
    """Their size in bytes."""
    leftovers: int
    """Runs whose removal was interrupted before, and that were removed now."""


def remove_run(settings: IoSettings, run_id: str, *, force: bool = False) -> RemoveReport:
    """Removes a run with all that lies in its directory. Call it while no process uses the run.

    After a kill in the middle the run is whole or gone; the next call removes what is left. ``force`` also removes a run
    that still runs, and files in it that are not of a run.

    Raises:
        IoNotFoundError: there is no such run, or the directory is none.
        IoConflictError: the run still runs, or has files in it that are not of a run. Nothing was removed.

    >>> import tempfile
    >>> settings = IoSettings(root_dir=tempfile.mkdtemp())
    >>> with start_run(settings, "r"):
    ...     pass
    >>> remove_run(settings, "r").files
    2
    """
    return RemoveReport(**_native.remove_run(settings, run_id, force=force))


def _abort(life: _native.Run, pid: int) -> None:
    """Ends a run that was dropped. One that has ended stays as it is."""
    if os.getpid() == pid:
        # Error ignored: no caller is left to handle it, and a run without an end reads as stale.
        try:
            life.finish("aborted", None)
        except IoError:
            pass


def _described(error: BaseException) -> tuple[str, str, str | None]:
    import traceback

    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:
        message = "(its text cannot be made)"
    try:
        lines = "".join(traceback.format_exception(error))
    except Exception:
        lines = None
    return _utf8(name), _utf8(message), None if lines is None else _utf8(lines)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _digits(seed: SupportsIndex | None) -> str | None:
    if seed is None:
        return None
    try:
        if isinstance(seed, bool):
            raise TypeError
        return str(operator.index(seed))
    except (TypeError, ValueError) as error:
        raise IoArgumentError(f"`seed` is {seed!r}\nhint: pass an int, or None if the run has no seed") from error


def _texts(tags: Iterable[str]) -> list[str]:
    texts = None if isinstance(tags, str) else list(tags)
    if texts is None or not all(isinstance(tag, str) for tag in texts):
        raise IoArgumentError(f"`tags` is {tags!r}\nhint: pass a list of strings, such as ['baseline']")
    return texts
