"""`crv.mesa`: what a model's DataCollector collects, in a run."""

import copy
import enum
import functools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from mesa import Agent, DataCollector, Model
from polars.testing import assert_frame_equal

from crv.io import Catalog, Dataset, IoArgumentError, IoSchemaError, IoSettings, RunState, start_run
from crv.mesa import Recorder, batch_run, record


class Mood(enum.Enum):
    """The mood of an agent."""

    CALM = "calm"
    ANGRY = "angry"


class Person(Agent):  # type: ignore[misc]
    """An agent with one value of each kind that reporters return."""

    def __init__(self, model: "Town") -> None:
        super().__init__(model)
        self.wealth = 1
        self.pos = (self.unique_id, 0.5)
        self.mood = Mood.CALM

    def step(self) -> None:
        self.wealth += self.random.randrange(3)
        self.mood = self.random.choice(list(Mood))


class Wolf(Person):
    """Another type of agents."""


class Town(Model):  # type: ignore[misc]
    """People who come and go."""

    def __init__(self, people: int = 4, seed: int | None = None, collect_first: bool = True) -> None:
        super().__init__(seed=seed)
        for _ in range(people):
            Person(self)
        Wolf(self)
        self.datacollector = DataCollector(
            model_reporters={
                "people": lambda model: len(model.agents),
                "mean wealth": lambda model: np.mean([agent.wealth for agent in model.agents]),
                "late": lambda model: None if model.steps < 2 else np.float32(0.5),
                "never": lambda model: None,
                "share": lambda model: 0.5 if model.steps % 2 else 1.0,
                "steps": "steps",
                "by mood": self.by_mood,
            },
            agent_reporters={
                "wealth": "wealth",
                "pos": "pos",
                "mood": lambda agent: agent.mood,
                "first": lambda agent: np.int64(agent.unique_id) if agent.unique_id < 3 else None,
            },
            agenttype_reporters={Wolf: {"teeth": lambda agent: [1, 2]}},
            tables={"Life span": ["unique_id", "age"]},
        )
        if collect_first:
            self.datacollector.collect(self)

    def by_mood(self) -> dict[str, int]:
        moods = [agent.mood for agent in self.agents]
        return {mood.value: moods.count(mood) for mood in Mood}

    def step(self) -> None:
        self.agents.shuffle_do("step")
        if self.steps == 2:
            gone = next(iter(self.agents))
            gone.remove()
            self.datacollector.add_table_row("Life span", {"unique_id": gone.unique_id, "age": self.steps})
        if self.steps == 3:
            Person(self)
        self.datacollector.collect(self)


def expected(model: Town) -> dict[str, pl.DataFrame]:
    """What the collector itself returns."""
    collector = model.datacollector
    agents = collector.get_agent_vars_dataframe().reset_index()
    model_vars = collector.get_model_vars_dataframe()
    return {
        "model": pl.DataFrame({"tick": range(len(model_vars)), "people": model_vars["people"].tolist()}),
        "agents": pl.DataFrame(
            {
                "tick": [int(step) for step in agents["Step"]],
                "agent_id": agents["AgentID"].tolist(),
                "wealth": agents["wealth"].tolist(),
                "pos": [list(map(float, pos)) for pos in agents["pos"]],
                "mood": [mood.value for mood in agents["mood"]],
                "first": [None if value is None or np.isnan(value) else int(value) for value in agents["first"]],
            }
        ),
    }


@pytest.fixture
def settings(tmp_path: Path) -> IoSettings:
    return IoSettings(root_dir=str(tmp_path / "out"))


@pytest.mark.parametrize("keep", [True, False])
def test_everything_that_is_collected_is_in_the_run(settings: IoSettings, keep: bool) -> None:
    twin = Town(seed=3)
    for _ in range(4):
        twin.step()
    model = Town(seed=3)
    with record(model, "a", root=settings, params={"people": 4}, keep=keep) as run:
        for _ in range(4):
            model.step()
    info = run.info()
    assert (info.state, info.status.last_tick) == (RunState.SUCCEEDED, 4)  # type: ignore[union-attr]
    assert info.facts is not None
    assert (info.facts.params, info.facts.seed, info.facts.model.name) == ({"people": 4}, 3, "Town")
    assert [table.table for table in info.tables] == ["agents", "agents_wolf", "life_span", "model"]
    for table, frame in expected(twin).items():
        assert_frame_equal(frame, run.read(table).select(frame.columns))
    rows = run.read("model").drop("bucket")
    assert rows["late"].to_list() == [None, None, 0.5, 0.5, 0.5]
    assert "never" not in rows.columns
    assert rows["steps"].to_list() == [0, 1, 2, 3, 4]
    assert rows["by mood"].to_list() == [twin.datacollector.model_vars["by mood"][step] for step in range(5)]
    assert run.read("agents_wolf")["teeth"].to_list() == [[1, 2]] * 5
    assert run.read("life_span").drop("bucket").rows() == [(2, 1, 2)]
    # One commit for each collection, and one for each declaration.
    follow = [commit for commit, _ in run.follow()]
    assert len(follow) == 5
    collector = model.datacollector
    held = len(collector._agent_records) + len(collector.model_vars["people"]) + len(collector.tables["Life span"]["age"])
    assert held == (11 if keep else 0)
    # The collector collects on its own again.
    model.step()
    assert len(collector.model_vars["people"]) == (6 if keep else 1)
    assert run.last_tick() == 4


def test_a_recorder_in_a_run_of_the_caller(settings: IoSettings) -> None:
    model = Town(seed=1, collect_first=False)
    with start_run(settings, "a") as run:
        recorder = Recorder(model, run, types={"people": "f64", "mood": "str"})
        model.step()
        model.datacollector.add_table_row("Life span", {"unique_id": 9, "age": 1})
        recorder.close()
        recorder.close()
        model.step()
        assert run.read("model")["tick"].to_list() == [1]
        assert run.read("model")["people"].dtype == pl.Float64
        assert run.read("life_span")["unique_id"].to_list() == [9]
        with record(model, run):
            model.step()
        # What the collector holds is recorded as well, but for the steps that the run has.
        assert run.read("model")["tick"].to_list() == [1, 2, 3]
        assert run.read("agents").filter(pl.col("tick") == 1).height == 5
        assert run.read("life_span")["tick"].to_list() == [1, 2]


def test_an_exception_ends_the_run_and_the_recording(settings: IoSettings) -> None:
    model = Town(seed=1)
    with pytest.raises(ZeroDivisionError), record(model, "a", root=settings) as run:
        model.step()
        _ = 1 / 0
    assert run.info().state is RunState.FAILED
    assert run.read("model")["tick"].to_list() == [0, 1]
    with record(model, "b", root=settings) as run:
        model.step()
    assert run.read("model")["tick"].to_list() == [0, 1, 2]


class Reporting(Model):  # type: ignore[misc]
    """A model with one reporter."""

    def __init__(self, reporter: Callable[[Any], Any], name: str = "x") -> None:
        super().__init__()
        self.datacollector = DataCollector(model_reporters={name: reporter})

    def step(self) -> None:
        self.datacollector.collect(self)


@pytest.mark.parametrize(
    ("reporter", "told"),
    [
        (lambda model: object(), "column `x`: <object object"),
        (lambda model: 1 if model.steps < 3 else "one", "`x`"),
        (lambda model: 1 if model.steps < 3 else 0.5, "`x`"),
        (lambda model: [1, "a"], "`x.item` is text"),
        (lambda model: {1, 2}, "`x`"),
        (lambda model: 2**70, "`x`"),
    ],
)
def test_a_value_that_no_column_holds_names_its_reporter(
    settings: IoSettings, reporter: Callable[[Any], Any], told: str
) -> None:
    model = Reporting(reporter)
    with pytest.raises(IoSchemaError) as caught, record(model, "a", root=settings):
        for _ in range(4):
            model.step()
    text = str(caught.value)
    assert text.startswith("step ") and told in text and "table `model`" in text and "reporter" in text, text
    # The step is not there by half, and those before it are.
    run = Dataset(settings, "a")
    step = int(text.split()[1].rstrip(":"))
    assert (run.last_tick() or 0) == step - 1


def test_integers_become_floats_where_the_column_has_floats(settings: IoSettings) -> None:
    model = Reporting(lambda model: 0.5 if model.steps == 1 else 2)
    with record(model, "a", root=settings) as run:
        for _ in range(3):
            model.step()
    assert run.read("model")["x"].to_list() == [0.5, 2.0, 2.0]
    # Where the first value would mislead, the caller chooses.
    model = Reporting(lambda model: 0 if model.steps == 1 else 0.5)
    with record(model, "b", root=settings, types={"x": float}) as run:
        for _ in range(3):
            model.step()
    assert run.read("model")["x"].to_list() == [0.0, 0.5, 0.5]


def test_what_cannot_be_recorded_is_refused(settings: IoSettings) -> None:
    run = Dataset(settings, "a")
    with pytest.raises(IoArgumentError, match="the model Model has no `datacollector`"):
        Recorder(Model(), run)
    for name in ("tick", "bucket"):
        with pytest.raises(IoArgumentError, match=f"a model reporter has the name `{name}`"):
            Recorder(Reporting(lambda model: 1, name), run)
    model = Town()
    with Recorder(model, run):
        with pytest.raises(IoArgumentError, match="the model Town has a recorder already"):
            Recorder(model, Dataset(settings, "b"))
        with pytest.raises(IoArgumentError, match="run `a` has a recorder already"):
            Recorder(Town(), run)
    clash = Town()
    clash.datacollector.tables["agents"] = {"x": []}
    with pytest.raises(IoArgumentError, match="would both be table `agents`"):
        Recorder(clash, Dataset(settings, "c"))


def wealth_of(agent: Person) -> int:
    return agent.wealth


class Counting(Model):  # type: ignore[misc]
    """A model that can be pickled: its reporters are attributes."""

    def __init__(self, agents: bool = True) -> None:
        super().__init__()
        Person(self)
        self.count = 0
        reporters = {"wealth": wealth_of} if agents else None
        tables = {"events": ["what"]}
        self.datacollector = DataCollector(model_reporters={"count": "count"}, agent_reporters=reporters, tables=tables)

    def step(self) -> None:
        self.count += 10
        self.datacollector.collect(self)
        self.datacollector.add_table_row("events", {"what": f"after {int(self.steps)}"})


def collect(model: Counting) -> None:
    """One step, whatever the model's own step was pickled as."""
    model.count += 10
    model.steps += 1
    model.datacollector.collect(model)
    model.datacollector.add_table_row("events", {"what": f"after {int(model.steps)}"})


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("agents", [True, False])
@pytest.mark.parametrize("copied", ["pickled", "copied"])
def test_a_copy_of_a_recorded_model_is_not_recorded_and_can_be_resumed(
    settings: IoSettings, keep: bool, agents: bool, copied: str
) -> None:
    model = Counting(agents)
    with start_run(settings, "a") as run:
        recorder = Recorder(model, run, keep=keep)
        for _ in range(3):
            model.step()
        again = copy.copy(model)
        collector = model.datacollector
        again.datacollector = pickle.loads(pickle.dumps(collector)) if copied == "pickled" else copy.deepcopy(collector)
        assert again.datacollector is not collector
        # As if the process had ended here: the row after step 3 is in the copy alone.
        recorder._end()
        assert run.read("events")["what"].to_list() == ["after 1", "after 2"]
    with start_run(settings, "a", if_exists="resume") as run:
        with Recorder(again, run, keep=keep):
            for _ in range(2):
                collect(again)
        rows = run.read("model").select("tick", "count").rows()
    assert rows == [(tick, 10 * tick) for tick in range(1, 6)]
    assert run.read("events")["what"].to_list() == [f"after {step}" for step in range(1, 6)]
    # The first model goes on by itself.
    model.step()
    assert run.last_tick() == 5


def test_collections_of_unknown_steps_are_refused(settings: IoSettings) -> None:
    model = Counting(agents=False)
    for _ in range(3):
        model.step()
    with pytest.raises(IoArgumentError, match="holds 3 collections of model reporters"):
        Recorder(model, Dataset(settings, "a"))
    # Agent reporters say of which steps they are.
    model = Counting()
    for _ in range(3):
        model.step()
    run = Dataset(settings, "b")
    # Rows of the caller's own tables are none of the recorder's.
    run.append("world", {"tick": [9], "size": [5]}, declare=True)
    Recorder(model, run).close()
    assert run.read("model").select("tick", "count").rows() == [(1, 10), (2, 20), (3, 30)]
    assert run.read("events")["what"].to_list() == ["after 1", "after 2", "after 3"]


def test_a_model_that_cannot_be_recorded_leaves_no_run(settings: IoSettings) -> None:
    with pytest.raises(IoArgumentError, match="has no `datacollector`"), record(Model(), "a", root=settings):
        pass
    assert not Path(settings.root_dir, "runs", "a").exists()


class Named(Model):  # type: ignore[misc]
    """A parameter, a model reporter and an agent reporter of one name; a seed among the keywords."""

    def __init__(self, wealth: int, **more: Any) -> None:
        super().__init__(**more)
        Person(self)
        self.first = self.random.random()
        self.datacollector = DataCollector(
            model_reporters={"wealth": lambda model: 100, "first": "first"}, agent_reporters={"wealth": "wealth"}
        )

    def step(self) -> None:
        self.datacollector.collect(self)


def test_the_last_of_equal_names_wins_and_seeds_are_those_of_the_facts(settings: IoSettings) -> None:
    arguments: dict[str, Any] = {"max_steps": 1, "display_progress": False, "root": settings}
    frame = batch_run(Named, {"wealth": [5, 6]}, iterations=2, **arguments)
    assert frame["wealth"].to_list() == [1] * 4
    assert frame["first"].n_unique() == 4, "each run has a seed of its own"
    assert Catalog(settings).runs()["seed"].null_count() == 0
    with pytest.raises(IoArgumentError, match="was made with max_steps=1, and the batch asks for 9"):
        batch_run(Named, {"wealth": [5, 6]}, iterations=2, **(arguments | {"max_steps": 9}))
    given = batch_run(Named, {"wealth": 5, "seed": [1, 2]}, name="given", **arguments)
    assert given["seed"].to_list() == [1, 2]
    assert Catalog(settings).runs(runs="given-*")["seed"].null_count() == 2


def test_a_batch_is_a_sweep_and_a_frame(settings: IoSettings) -> None:
    arguments: dict[str, Any] = {
        "parameters": {"people": [2, 3], "collect_first": True},
        "iterations": 2,
        "max_steps": 3,
        "display_progress": False,
        "root": settings,
        "seed": 7,
    }
    frame = batch_run(Town, **arguments)
    assert frame.columns[:5] == ["RunId", "iteration", "Step", "people", "collect_first"]
    assert {"AgentID", "wealth", "mean wealth", "run_id"} <= set(frame.columns)
    assert frame["Step"].unique().to_list() == [4], "Mesa makes one step more than max_steps"
    runs = frame.group_by("RunId", maintain_order=True).agg(pl.col("people").first(), pl.col("iteration").first())
    # The model reporter of the same name comes after the parameter.
    assert runs.rows() == [(0, 3, 0), (1, 4, 0), (2, 3, 1), (3, 4, 1)]
    every = batch_run(Town, data_collection_period=2, **arguments)
    assert every["Step"].unique().sort().to_list() == [0, 2, 4]
    stored = Catalog(settings).runs()
    assert (stored.height, stored["model"].unique().to_list()) == (4, ["Town"])
    assert stored["seed"].n_unique() == 4
    # Nothing is made twice, and more iterations are made beside the others.
    before = stored["created_at"].to_list()
    more = batch_run(Town, **{**arguments, "iterations": 3})
    assert more["RunId"].n_unique() == 6
    assert set(before) < set(Catalog(settings).runs()["created_at"].to_list())


def test_a_run_of_a_batch_that_fails_does_not_stop_the_others(settings: IoSettings) -> None:
    with pytest.raises(IoArgumentError, match="1 of 2 runs failed; run `failing-.*`: ValueError: no people"):
        batch_run(Failing, {"people": [0, 1]}, max_steps=2, display_progress=False, root=settings)
    assert sorted(Catalog(settings).runs()["state"].to_list()) == ["failed", "succeeded"]


class Failing(Town):
    """A model that needs people."""

    def __init__(self, people: int) -> None:
        if people == 0:
            raise ValueError("no people")
        super().__init__(people)


def test_a_batch_runs_in_processes(settings: IoSettings) -> None:
    frame = batch_run(Failing, {"people": [1, 2]}, 2, 1, max_steps=1, display_progress=False, root=settings)
    assert frame["RunId"].n_unique() == 2


def test_the_data_sets_of_newer_versions(settings: IoSettings) -> None:
    pytest.importorskip("mesa.experimental.data_collection")
    from mesa.experimental.data_collection import DatasetConfig

    from crv.mesa import DataRecorder

    class Herd(Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for _ in range(3):
                Person(self)
            self.total = 0.0
            self.data_registry.track_agents(self.agents, "people", fields=["wealth", "mood"])
            self.data_registry.track_model(self, "figures", fields=["total"])

        def step(self) -> None:
            self.agents.shuffle_do("step")
            self.total += 0.5

    model = Herd()
    run = Dataset(settings, "a")
    recorder = DataRecorder(model, run, {"people": DatasetConfig(), "figures": DatasetConfig(interval=2)})
    model.run_for(4)
    recorder.finalise()
    assert run.read("figures").drop("bucket").rows() == [(0, 0.0), (2, 1.0), (4, 2.0)]
    people = run.read("people")
    assert people.columns == ["bucket", "tick", "agent_id", "wealth", "mood"]
    assert people["tick"].unique().sort().to_list() == [0, 1, 2, 3, 4]
    assert recorder.summary()["tables"] == {"people": 15, "figures": 3}


def test_an_import_does_not_import_mesa() -> None:
    import subprocess
    import sys

    code = "import sys, crv.mesa; sys.exit(any(name in sys.modules for name in ('mesa', 'polars', 'pandas')))"
    subprocess.run([sys.executable, "-c", code], check=True)


def partial_of(model: Model, factor: int) -> int:
    return factor * int(model.steps)


def test_reporters_of_every_kind(settings: IoSettings) -> None:
    model = Model()
    model.datacollector = DataCollector(
        model_reporters={
            "attribute": "steps",
            "function": [partial_of, [model, 3]],
            "partial": functools.partial(partial_of, factor=2),
        }
    )
    with record(model, "a", root=settings) as run:
        for _ in range(2):
            model.step()
            model.datacollector.collect(model)
    assert run.read("model").drop("bucket").rows() == [(1, 1, 3, 2), (2, 2, 6, 4)]
