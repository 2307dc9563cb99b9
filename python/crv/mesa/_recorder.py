"""`Recorder`: the rows of a `DataCollector`, appended to a run after each collection."""

import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from crv.io._steps import StepTables
from crv.io.config import IoSettings
from crv.io.dataset import Dataset
from crv.io.errors import IoArgumentError
from crv.io.run import IfExists, Run, start_run

if TYPE_CHECKING:
    from mesa import Model

__all__ = ["Recorder", "record"]

_RESERVED = ("tick", "bucket")
"""Columns that every table has."""
_AGENT_ID = "agent_id"
_MODEL, _AGENTS = "model", "agents"

_recorded: "weakref.WeakValueDictionary[tuple[str, str], Recorder]" = weakref.WeakValueDictionary()
"""The recorders of this process, by root and run."""


class Recorder:
    """Records what a Mesa model's `DataCollector` collects into a run: each collection is one commit.

    Model reporters become the table ``model``, agent reporters ``agents``, those of an agent type ``agents_wolf``, and a table
    ``Lifespan`` of the collector ``lifespan``. Each has the column ``tick``, the model's step; those of agents have
    ``agent_id``. A column is declared when it has its first value: nulls before it are none. ``types`` chooses the type of
    a column, ``{"gini": "f64"}``, where the first value would mislead.

    What the collector holds already, such as that of a model's constructor, is recorded first, but for what this run has of it.
    Mesa does not say of which steps the model reporters' values are: with no other reporters, record from the beginning. With ``keep=False`` it is dropped from memory once it is recorded, and the collector's own frames stay empty. A
    copy of the model, pickled for a checkpoint, is not recorded; resumed, it can be.

    `close` ends the recording, or leaving a ``with`` block does. The run belongs to the caller.

    Raises:
        IoArgumentError: the model has no `DataCollector`, or it, or the run, has a recorder already; or a reporter has the
            name of a column that every table has.
        IoSchemaError: from the model's step: a reporter returned something that its column cannot hold.
    """

    def __init__(
        self, model: "Model", run: Dataset, *, keep: bool = True, types: Mapping[str, Any] | None = None
    ) -> None:
        self._closed = True
        collector, names = _checked(model)
        self._key = (run.settings.root_dir, str(run.run_id))
        if self._key in _recorded:
            raise IoArgumentError(
                f"run `{run.run_id}` has a recorder already\nhint: close it first, or record into a run of its own"
            )
        self._model, self._collector, self._keep = model, collector, keep
        self._names = names
        self._steps = StepTables(run, "reporter", types)
        self._done = _Done.of(collector, self._key)
        self._closed = False
        _recorded[self._key] = self
        try:
            self._catch_up()
        except BaseException:
            self._end()
            raise
        collector.collect = _Collect(self)

    def close(self) -> None:
        """Ends the recording. Rows that agents added to tables since the last collection are recorded."""
        if self._closed:
            return
        try:
            self._append(_tick(self._model.steps), {})
        finally:
            self._end()

    def _end(self) -> None:
        self._closed = True
        _recorded.pop(self._key, None)
        # The collector's own method comes back.
        vars(self._collector).pop("collect", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif not self._closed:
            self._end()

    def _collect(self, model: "Model") -> None:
        type(self._collector).collect(self._collector, model)
        self._record(_tick(model.steps))

    def _record(self, step: int) -> None:
        """Records the collection that the collector made last, at ``step``."""
        collector = self._collector
        tables: dict[str, Mapping[str, Sequence[Any]]] = {}
        if collector.model_vars:
            last = {name: values[-1:] for name, values in collector.model_vars.items()}
            tables[_MODEL] = {"tick": [step], **last}
        if collector.agent_reporters:
            records = collector._agent_records.get(step, ())
            tables[_AGENTS] = _columns(step, records, collector.agent_reporters)
        of_types = getattr(collector, "_agenttype_records", {}).get(step, {})
        for agent_type, records in of_types.items():
            tables[self._names.of_type(agent_type)] = _columns(
                step, records, collector.agenttype_reporters[agent_type]
            )
        self._append(step, tables)
        self._done.collections += 1
        self._forget()

    def _forget(self) -> None:
        """Drops what is recorded from memory, unless it is to be kept."""
        if self._keep:
            return
        self._done.collections = 0
        for values in self._collector.model_vars.values():
            values.clear()
        self._collector._agent_records.clear()
        getattr(self._collector, "_agenttype_records", {}).clear()

    def _append(self, step: int, tables: dict[str, Mapping[str, Sequence[Any]]]) -> None:
        for name, columns in self._collector.tables.items():
            new = {column: values[self._done.rows[name] :] for column, values in columns.items()}
            count = len(next(iter(new.values()), ()))
            if count:
                ticks = {} if "tick" in new else {"tick": [step] * count}
                tables[self._names.of_table(name)] = {**ticks, **new}
        self._steps.append(step, tables)
        for name, columns in self._collector.tables.items():
            if not self._keep:
                for values in columns.values():
                    values.clear()
            self._done.rows[name] = len(next(iter(columns.values()), ()))

    def _catch_up(self) -> None:
        """Records the collections that the collector holds and that are not in the run."""
        collector = self._collector
        count = max((len(values) for values in collector.model_vars.values()), default=0)
        steps = sorted({*collector._agent_records, *getattr(collector, "_agenttype_records", {})})
        held = max(count, len(steps))
        if count and len(steps) != count:
            # Mesa stores no steps for model reporters. Those of a constructor are of step 0; of others nothing is known.
            if held > self._done.collections and not (count == 1 and self._model.steps == 0):
                raise IoArgumentError(
                    f"the collector of {type(self._model).__name__} holds {count} collections of model reporters, "
                    "and Mesa does not say of which steps\n"
                    "hint: record from the beginning: make the recorder before the model's first step"
                )
            steps = [0] * count
        for place, step in enumerate(steps):
            if place < self._done.collections:
                continue
            tables: dict[str, Mapping[str, Sequence[Any]]] = {}
            if count:
                at = {name: values[place : place + 1] for name, values in collector.model_vars.items()}
                tables[_MODEL] = {"tick": [_tick(step)], **at}
            if step in collector._agent_records:
                tables[_AGENTS] = _columns(_tick(step), collector._agent_records[step], collector.agent_reporters)
            for agent_type, records in getattr(collector, "_agenttype_records", {}).get(step, {}).items():
                reporters = collector.agenttype_reporters[agent_type]
                tables[self._names.of_type(agent_type)] = _columns(_tick(step), records, reporters)
            self._steps.append(_tick(step), tables)
        self._done.collections = held
        # Mesa stores no steps for the rows of tables, either: they are of the step that the model is at.
        self._append(_tick(self._model.steps), {})
        self._forget()


def _checked(model: "Model") -> tuple[Any, "_TableNames"]:
    """Returns the collector of a model that can be recorded, and the names of its tables."""
    collector = getattr(model, "datacollector", None)
    if collector is None:
        raise IoArgumentError(
            f"the model {type(model).__name__} has no `datacollector`\n"
            "hint: self.datacollector = mesa.DataCollector(model_reporters={…}, agent_reporters={…})"
        )
    if isinstance(vars(collector).get("collect"), _Collect):
        raise IoArgumentError(f"the model {type(model).__name__} has a recorder already\nhint: close it first")
    return collector, _TableNames(collector)


class _Done:
    """What of a collector's contents is in a run. It belongs to the collector, so that a pickled model knows it."""

    def __init__(self, run: tuple[str, str], tables: Mapping[str, Any]) -> None:
        self.run = run
        self.collections = 0
        """The first collections that the collector holds, as many as are recorded."""
        self.rows = dict.fromkeys(tables, 0)
        """The same for the rows of each table."""

    @classmethod
    def of(cls, collector: Any, run: tuple[str, str]) -> Self:
        done = getattr(collector, "_crv_done", None)
        if not isinstance(done, cls) or done.run != run:
            done = collector._crv_done = cls(run, collector.tables)
        return done


class _Collect:
    """The `collect` of a collector that is recorded. It is an object of its own, so that a recorder is known by it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __call__(self, model: "Model") -> None:
        self._recorder._collect(model)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of the model, pickled or copied, is not recorded: it gets the collector's own method.
        return getattr, (self._recorder._collector, "collect")


class _TableNames:
    """The tables of a run for those of a collector."""

    def __init__(self, collector: Any) -> None:
        taken: dict[str, str] = {}

        def take(table: str, of: str) -> str:
            if table in taken:
                raise IoArgumentError(
                    f"{of} and {taken[table]} would both be table `{table}`\nhint: give one of them another name"
                )
            taken[table] = of
            return table

        for what, reporters in (
            ("model reporter", collector.model_reporters),
            ("agent reporter", collector.agent_reporters),
        ):
            _check(what, reporters, (*_RESERVED, *((_AGENT_ID,) if what == "agent reporter" else ())))
        if collector.model_reporters:
            take(_MODEL, "the model reporters")
        if collector.agent_reporters:
            take(_AGENTS, "the agent reporters")
        self._types = {}
        for agent_type, reporters in getattr(collector, "agenttype_reporters", {}).items():
            _check(f"reporter of {agent_type.__name__}", reporters, (*_RESERVED, _AGENT_ID))
            name = f"{_AGENTS}_{_snake(agent_type.__name__)}"
            self._types[agent_type] = take(name, f"agent type {agent_type.__name__}")
        self._tables = {name: take(_snake(name), f"table {name}") for name in collector.tables}
        for name, columns in collector.tables.items():
            _check(f"column of table {name}", columns, ("bucket",))

    def of_type(self, agent_type: type) -> str:
        return self._types[agent_type]

    def of_table(self, name: str) -> str:
        return self._tables[name]


def _check(what: str, names: Mapping[str, Any], reserved: Sequence[str]) -> None:
    for name in names:
        if name in reserved:
            raise IoArgumentError(
                f"a {what} has the name `{name}`, which is a column that every such table has\nhint: give it another name"
            )


def _tick(step: float) -> int:
    """Returns a step as a tick. Newer versions of Mesa count time, which may lie between two steps."""
    tick = round(step)
    if tick != step:
        raise IoArgumentError(
            f"the model collects at time {step}, which is no tick\nhint: collect at whole times, once a step"
        )
    return tick


def _columns(step: int, records: Any, reporters: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Returns the columns of a collector's records: (step, id, value of each reporter)."""
    if not records:
        return {}
    columns: dict[str, Sequence[Any]] = {"tick": [step] * len(records)}
    for place, name in enumerate((_AGENT_ID, *reporters), start=1):
        columns[name] = list(map(itemgetter(place), records))
    return columns


def _snake(name: str) -> str:
    """Returns a name as that of a table.

    >>> _snake("WolfPack"), _snake("Life span"), _snake("GDP")
    ('wolf_pack', 'life_span', 'gdp')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^0-9a-zA-Z]+", "_", words).strip("_").lower()


@contextmanager
def record(
    model: "Model",
    run: Dataset | str | None = None,
    *,
    root: "IoSettings | str | PathLike[str]" = "out",
    params: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    keep: bool = True,
    types: Mapping[str, Any] | None = None,
    if_exists: IfExists = "error",
) -> Iterator[Run | Dataset]:
    """Records a Mesa model in a ``with`` block, into a run that begins and ends with it.

    ``run`` is the id of the run, made if there is none; or a run that the caller has started, and ends. The run's facts have
    ``params``, the model's seed, and the commit of the model's source. An exception in the block is an end, too: the run has
    failed. The other arguments are those of `Recorder` and of `crv.io.start_run`.
    """
    if isinstance(run, Dataset):
        with Recorder(model, run, keep=keep, types=types):
            yield run
        return
    # Before there is a run.
    _checked(model)
    settings = root if isinstance(root, IoSettings) else IoSettings(root_dir=fspath(root))
    seed = getattr(model, "_seed", None)
    started = start_run(
        settings,
        run,
        params=params,
        seed=seed if isinstance(seed, int) else None,
        tags=tags,
        model=type(model),
        if_exists=if_exists,
    )
    with started, Recorder(model, started, keep=keep, types=types):
        yield started
