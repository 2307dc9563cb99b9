"""`batch_run`: a Mesa model over a parameter space, each run stored."""

import inspect
import os
from collections.abc import Iterable, Mapping
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from crv.io.catalog import Catalog
from crv.io.config import IoSettings
from crv.io.dataset import Dataset
from crv.io.errors import IoArgumentError, IoError, IoNotFoundError
from crv.io.run import Run
from crv.io.sweep import Sweep, SweepPoint, sweep
from crv.mesa._recorder import Recorder

if TYPE_CHECKING:
    import polars as pl
    from mesa import Model

__all__ = ["batch_run"]


def batch_run(
    model_cls: "type[Model]",
    parameters: Mapping[str, Any | Iterable[Any]],
    number_processes: int | None = 1,
    iterations: int = 1,
    data_collection_period: int = -1,
    max_steps: int = 1000,
    display_progress: bool = True,
    *,
    name: str | None = None,
    root: "IoSettings | str | PathLike[str]" = "out",
    seed: int = 0,
    types: Mapping[str, Any] | None = None,
) -> "pl.DataFrame":
    """Runs a model over a parameter space, and returns the results as one frame.

    The first arguments are those of Mesa's `batch_run`, and so are the columns: ``RunId``, ``iteration``, ``Step``, the
    parameters, the model reporters, ``AgentID`` and the agent reporters. Each run is a run of the sweep ``name``, by default the
    model's name, with all its steps, and is found again with `crv.io.Catalog` under ``root``: its id is the column
    ``run_id``. Called again, only runs that are missing are made: a batch that was stopped or killed goes on.

    ``Step`` is the model's step, as in the run's tables. ``data_collection_period`` says which steps the frame has: every so many, and the last one; -1 for the last one alone. A
    model whose constructor takes ``seed`` or ``rng`` gets one of its own, spawned from ``seed``, unless it is among the parameters.
    With ``number_processes`` above 1, or None for every core, the model must be a class of a module, and a script needs
    ``if __name__ == "__main__":`` around the call.

    Raises:
        IoArgumentError: a run failed: the first error, and how many; the others are stored.
    """
    plan = sweep(
        name or model_cls.__name__.lower(), dict(parameters), replications=iterations, seed=seed, root=root
    )
    _check_earlier(plan, max_steps)
    simulate = partial(_simulate, model_cls, max_steps, dict(types or {}))
    workers = number_processes or os.cpu_count() or 1
    report = plan._run(
        simulate,
        workers=0 if workers == 1 else workers,
        model=model_cls,
        progress=None if display_progress else False,
        extra={"max_steps": max_steps},
        seeded=_seed_argument(model_cls, plan.points[0].params) is not None,
    )
    if report.failed:
        run_id, why = next(iter(report.failed.items()))
        raise IoArgumentError(
            f"{len(report.failed)} of {len(plan)} runs failed; run `{run_id}`: {why}\n"
            "hint: the others are stored; called again, only those that are missing are made"
        )
    return _results(plan, data_collection_period)


def _simulate(model_cls: "type[Model]", max_steps: int, types: Mapping[str, Any], run: Run, point: SweepPoint) -> None:
    """Makes one run, as Mesa's `batch_run` does: until the model stops, or has made more than ``max_steps``."""
    arguments = dict(point.params)
    if argument := _seed_argument(model_cls, arguments):
        arguments[argument] = point.seed
    model = model_cls(**arguments)
    with Recorder(model, run, keep=False, types=types):
        while model.running and model.steps <= max_steps:
            model.step()


def _seed_argument(model_cls: "type[Model]", params: Mapping[str, Any]) -> str | None:
    """Returns the argument of the constructor for the seed; None if it takes none, or the seed is a parameter."""
    if {"seed", "rng"} & set(params):
        return None
    taken = inspect.signature(model_cls).parameters
    # Newer versions of Mesa call it `rng`.
    for argument in ("seed", "rng"):
        if argument in taken:
            return argument
    return "seed" if any(of.kind is inspect.Parameter.VAR_KEYWORD for of in taken.values()) else None


def _check_earlier(plan: Sweep, max_steps: int) -> None:
    """Refuses to go on with a batch that was made with another ``max_steps``: its runs are of another length."""
    for point in plan.points:
        try:
            facts = Dataset(plan.settings, point.run_id).facts()
        except IoError:
            continue
        known = max_steps if facts is None else facts.extra.get("max_steps", max_steps)
        if known != max_steps:
            raise IoArgumentError(
                f"run `{point.run_id}` was made with max_steps={known}, and the batch asks for {max_steps}\n"
                "hint: give the batch another name"
            )


def _results(plan: Sweep, period: int) -> "pl.DataFrame":
    import polars as pl

    # Mesa makes the runs of an iteration one after the other.
    points = sorted(plan.points, key=lambda point: point.replication)
    catalog, ids = Catalog(plan.settings), [point.run_id for point in points]
    iterations = [point.replication for point in points]
    runs = pl.DataFrame({"run_id": ids, "RunId": range(len(ids)), "iteration": iterations})
    names = list(points[0].params)
    params = pl.DataFrame([point.params for point in points], infer_schema_length=None)
    runs = runs.with_columns(params.get_columns())

    def rows(table: str) -> "pl.DataFrame | None":
        try:
            frame = catalog.scan(table, ids)
        except IoNotFoundError:
            return None
        return frame.drop("bucket").collect()

    model, agents = rows("model"), rows("agents")
    steps = [frame.select("run_id", "tick") for frame in (model, agents) if frame is not None]
    if not steps:
        return runs.select("RunId", "iteration", *names, "run_id")
    wanted = pl.concat(steps).unique()
    last = pl.col("tick").max().over("run_id") == pl.col("tick")
    wanted = wanted.filter(last if period < 1 else last | (pl.col("tick") % period == 0))
    frame = wanted.join(runs, on="run_id")
    for further in (model, agents):
        if further is not None:
            # Of columns of one name, Mesa returns the last: parameters, then model reporters, then agent reporters.
            twice = [name for name in further.columns if name in frame.columns and name not in ("run_id", "tick")]
            frame = frame.drop(twice).join(further, on=["run_id", "tick"], how="left")
    agent_columns = [] if agents is None else ["agent_id", *(c for c in agents.columns if c not in _KEYS)]
    model_columns = [] if model is None else [c for c in model.columns if c not in _KEYS]
    order = ["RunId", "iteration", "tick", *names, *model_columns, *agent_columns, "run_id"]
    frame = frame.select(list(dict.fromkeys(order))).sort("RunId", "tick", maintain_order=True)
    return frame.rename({"tick": "Step", **({"agent_id": "AgentID"} if agent_columns else {})})


_KEYS = ("run_id", "tick", "agent_id")
