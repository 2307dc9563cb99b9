"""A sweep: one run for each point of a parameter space, on some processes."""

import hashlib
import itertools
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TextIO

from crv.io._json import json_object
from crv.io._shown import Shown
from crv.io.catalog import Catalog
from crv.io.config import IoSettings
from crv.io.dataset import Dataset
from crv.io.errors import (
    IoArgumentError,
    IoConfigError,
    IoError,
    IoManifestError,
    IoNotFoundError,
    IoReadError,
)
from crv.io.run import Run, remove_run, start_run

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

__all__ = ["Sweep", "SweepPoint", "SweepReport", "sweep"]

Simulate = Callable[[Run, "SweepPoint"], object]
"""A simulation: it appends to the run what it makes of the point."""

@dataclass(frozen=True, kw_only=True, repr=False)
class SweepPoint(Shown):
    """A point of a sweep: what one run is to be made of."""

    run_id: str
    params: dict[str, Any]
    replication: int
    """0, 1, … for runs with the same parameters."""
    seed: int
    """For the random numbers of this run alone."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SweepReport(Shown):
    """What `Sweep.run` did."""

    succeeded: tuple[str, ...]
    """The runs that succeeded, in the order in which they ended."""
    failed: dict[str, str]
    """The runs that failed, with why."""
    skipped: tuple[str, ...]
    """Points that were left out, because their runs had succeeded already, or run elsewhere."""


class Sweep:
    """The points of a parameter space, and the runs that belong to them. `sweep` makes one."""

    def __init__(self, name: str, settings: IoSettings, points: Sequence[SweepPoint], seed: int) -> None:
        self.name = name
        self.settings = settings
        self.points = tuple(points)
        self.seed = seed

    def __repr__(self) -> str:
        return f"Sweep({self.name!r}, {len(self.points)} points, root_dir={self.settings.root_dir!r})"

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[SweepPoint]:
        return iter(self.points)

    def pending(self) -> list[SweepPoint]:
        """Returns the points without a run that has succeeded or is running: those that are still to be made.

        Raises:
            IoArgumentError: a run of a point was made with another seed.
        """
        known = self._known()
        for point in self.points:
            seed = known.get(point.run_id, (None, None))[1]
            if seed is not None and int(seed) != point.seed:
                raise IoArgumentError(
                    f"run `{point.run_id}` was made with seed {seed}, and the sweep would make it with {point.seed}\n"
                    "hint: give the sweep the seed that it had, or another name"
                )
        done = ("succeeded", "running")
        return [point for point in self.points if known.get(point.run_id, (None, None))[0] not in done]

    def _known(self) -> dict[str, tuple[str | None, int | str | None]]:
        """Returns the state and the seed of every run under the root."""
        try:
            frame = Catalog(self.settings).runs(columns=["run_id", "state", "seed"])
        except IoConfigError:
            # The first run creates the root.
            return {}
        return {run_id: (state, seed) for run_id, state, seed in frame.iter_rows()}

    def run(
        self,
        simulate: Simulate,
        *,
        workers: int = 1,
        if_exists: Literal["replace", "resume"] = "replace",
        model: object = None,
        progress: bool | None = None,
    ) -> SweepReport:
        """Makes the runs that are `pending`, ``workers`` at a time, each in a process of its own kind.

        ``simulate(run, point)`` appends to the run what it makes of ``point.params`` and ``point.seed``. It must be a
        function of a module, since every worker imports it; a script needs ``if __name__ == "__main__":`` around the call.
        With ``workers=0`` it is called in this process.

        A run that fails does not stop the others; neither does a worker that dies. A run that failed, was aborted or was
        killed before is removed and made again, or continued with ``if_exists="resume"``: then ``simulate`` begins with
        `Run.resume`. A run that is damaged is left alone, and reported as failed. Started again, a sweep makes only what is
        missing. ``model`` is that of the facts, as in `start_run`; by default ``simulate``. ``progress`` shows a bar on
        standard error; by default where that is a terminal.

        Raises:
            IoArgumentError: an argument is invalid.
        """
        return self._run(simulate, workers=workers, if_exists=if_exists, model=model, progress=progress)

    def _run(
        self,
        simulate: Simulate,
        *,
        workers: int,
        if_exists: Literal["replace", "resume"] = "replace",
        model: object = None,
        progress: bool | None = None,
        extra: Mapping[str, Any] | None = None,
        seeded: bool = True,
    ) -> SweepReport:
        """As `run`; the facts of the runs have ``extra``, and no seed if the model takes none."""
        if workers < 0 or if_exists not in ("replace", "resume"):
            raise IoArgumentError('`workers` is at least 0, and `if_exists` is "replace" or "resume"')
        pending = self.pending()
        waiting = {point.run_id for point in pending}
        skipped = [point.run_id for point in self.points if point.run_id not in waiting]
        bar = _Bar(len(pending), progress)
        outcome = _Outcome([], {}, skipped, bar)
        of_model = simulate if model is None else model
        more = {"sweep_seed": self.seed, **(extra or {})}
        task = _Task(self.settings, self.name, simulate, if_exists, of_model, more, seeded)
        try:
            if workers == 0:
                for point in pending:
                    outcome.add(point, task(point))
            else:
                _in_processes(task, pending, workers, outcome)
        finally:
            bar.end()
        return SweepReport(
            succeeded=tuple(outcome.succeeded), failed=outcome.failed, skipped=tuple(outcome.skipped)
        )


def sweep(
    name: str,
    space: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    replications: int = 1,
    seed: int = 0,
    root: "IoSettings | str | PathLike[str]" = "out",
) -> Sweep:
    """Returns the sweep ``name``: a point for each combination of parameters and each replication.

    ``space`` is a grid, ``{"density": [0.2, 0.4], "size": 50}``, whose lists are combined, or a list of points, each a dict of
    parameters. ``seed`` is that of the sweep: each point gets one of its own from it, by NumPy's `SeedSequence`. The id and
    the seed of a point follow from its parameters: a grid that grows later keeps the runs that were made.

    Raises:
        IoArgumentError: an argument is invalid, or two points are equal.

    >>> import tempfile
    >>> def walk(run, point):
    ...     import numpy as np
    ...     steps = np.random.default_rng(point.seed).normal(point.params["drift"], size=3)
    ...     run.append("walk", {"tick": range(3), "x": steps.cumsum()}, declare=True)
    >>> walks = sweep("walks", {"drift": [0.0, 1.0]}, replications=2, seed=7, root=tempfile.mkdtemp())
    >>> len(walks), len(walks.pending())
    (4, 4)
    >>> report = walks.run(walk, workers=0)
    >>> len(report.succeeded), report.failed, len(walks.pending())
    (4, {}, 0)
    """
    settings = root if isinstance(root, IoSettings) else IoSettings(root_dir=str(root))
    if replications < 1:
        raise IoArgumentError(f"a sweep has at least 1 replication, not {replications}")
    points = []
    for params in _combinations(space):
        plain = json.loads(json_object("params", params))
        # Sorted, so that the order of the parameters makes no difference.
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
        for replication in range(replications):
            run_id = f"{name}-{digest[:5].hex()}-{replication}"
            spawned = _spawned(seed, int.from_bytes(digest[:4], "little"), replication)
            points.append(
                SweepPoint(run_id=run_id, params=plain, replication=replication, seed=spawned)
            )
    by_id = {point.run_id: point for point in points}
    if len(by_id) < len(points):
        twice = next(point for point in points if by_id[point.run_id] is not point)
        raise IoArgumentError(f"sweep `{name}` has the point {twice.params} twice\nhint: use `replications`")
    return Sweep(name, settings, points, seed)


def _combinations(space: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(space, Mapping):
        values = [_values(value) for value in space.values()]
        return [dict(zip(space, chosen, strict=True)) for chosen in itertools.product(*values)]
    points = list(space)
    for point in points:
        if not isinstance(point, Mapping):
            raise IoArgumentError(
                f"a point of a sweep is a dict of parameters, not {type(point).__name__}\n"
                "hint: pass a dict of lists, or a list of dicts"
            )
    return [dict(point) for point in points]


def _values(value: Any) -> list[Any]:
    """Returns the values of a parameter of a grid: those of a list, a range or an array, or one."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return [value]
    values = value.tolist() if hasattr(value, "tolist") else list(value)
    if not values:
        raise IoArgumentError("a parameter of a grid has no values")
    return values


def _spawned(seed: int, point: int, replication: int) -> int:
    try:
        from numpy.random import SeedSequence
    except ImportError as error:
        raise IoArgumentError("a sweep needs NumPy for its seeds\nhint: pip install numpy") from error
    state = SeedSequence(seed, spawn_key=(point, replication)).generate_state(1, "uint64")
    # Half of it, for generators that take signed integers.
    return int(state[0] >> 1)


@dataclass(frozen=True)
class _Task:
    """Makes the run of a point; in a worker, too. Returns None, or why it failed; `_ELSEWHERE` if it was not for us."""

    settings: IoSettings
    name: str
    simulate: Simulate
    if_exists: Literal["replace", "resume"]
    model: object
    extra: Mapping[str, Any]
    seeded: bool

    def __call__(self, point: SweepPoint) -> str | None:
        try:
            run = self._start(point)
        except IoError as error:
            # Another process may have begun, or made it, since it was pending.
            state = self._state(point)
            return _ELSEWHERE if state in ("running", "succeeded") else f"{type(error).__name__}: {error}"
        try:
            with run:
                self.simulate(run, point)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _state(self, point: SweepPoint) -> str | None:
        """Returns the state of the point's run, "damaged" if it cannot be read, or None without one."""
        try:
            state = Dataset(self.settings, point.run_id).info().state
        except IoNotFoundError:
            return None
        except (IoManifestError, IoReadError):
            return "damaged"
        return None if state is None else state.value

    def _start(self, point: SweepPoint) -> Run:
        state = self._state(point)
        if state == "damaged":
            raise IoReadError(f"run `{point.run_id}` is damaged\nhint: `crv check {point.run_id}` says why")
        if self.if_exists == "replace" and state in ("failed", "aborted", "stale"):
            remove_run(self.settings, point.run_id)
        return start_run(
            self.settings,
            point.run_id,
            params=point.params,
            seed=point.seed if self.seeded else None,
            sweep=self.name,
            model=self.model,
            extra={"replication": point.replication, **self.extra},
            if_exists="resume" if self.if_exists == "resume" else "error",
        )


_ELSEWHERE = "\0elsewhere"


class _Outcome:
    """What became of the points so far."""

    def __init__(self, succeeded: list[str], failed: dict[str, str], skipped: list[str], bar: "_Bar") -> None:
        self.succeeded, self.failed, self.skipped, self._bar = succeeded, failed, skipped, bar

    def add(self, point: SweepPoint, why: str | None) -> None:
        if why is None:
            self.succeeded.append(point.run_id)
        elif why == _ELSEWHERE:
            self.skipped.append(point.run_id)
        else:
            self.failed[point.run_id] = why
        self._bar.step(len(self.failed))


def _in_processes(task: _Task, points: Iterable[SweepPoint], workers: int, outcome: _Outcome) -> None:
    from concurrent.futures import FIRST_COMPLETED, wait
    from concurrent.futures.process import BrokenProcessPool

    todo = deque(points)
    # A pool of one process each: a process that dies breaks its own pool alone.
    idle = [_pool() for _ in range(min(workers, len(todo)))]
    begun: dict[Future[str | None], tuple[SweepPoint, ProcessPoolExecutor]] = {}
    try:
        while todo or begun:
            while todo and idle:
                point, pool = todo.popleft(), idle.pop()
                begun[pool.submit(task, point)] = (point, pool)
            done, _ = wait(begun, return_when=FIRST_COMPLETED)
            for future in done:
                point, pool = begun.pop(future)
                try:
                    why = future.result()
                except BrokenProcessPool:
                    why = "its process died"
                    pool.shutdown()
                    pool = _pool()
                except Exception as error:
                    # The task could not be sent to the process, or its result not back.
                    why = f"{type(error).__name__}: {error}"
                outcome.add(point, why)
                idle.append(pool)
    finally:
        for pool in [*idle, *(pool for _, pool in begun.values())]:
            pool.shutdown(cancel_futures=True)


def _pool() -> "ProcessPoolExecutor":
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned: Polars hangs in a process that was forked from one with threads.
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


class _Bar:
    """A progress bar on standard error."""

    def __init__(self, total: int, shown: bool | None, to: TextIO | None = None) -> None:
        self._to = sys.stderr if to is None else to
        self._shown = total > 0 and (self._to.isatty() if shown is None else shown)
        self._total, self._done = total, 0
        self._draw(0)

    def step(self, failed: int) -> None:
        self._done += 1
        self._draw(failed)

    def _draw(self, failed: int) -> None:
        if self._shown:
            full = 30 * self._done // self._total
            told = f", {failed} failed" if failed else ""
            self._to.write(f"\r[{'#' * full}{'.' * (30 - full)}] {self._done}/{self._total} runs{told}")
            self._to.flush()

    def end(self) -> None:
        if self._shown:
            self._to.write("\n")
