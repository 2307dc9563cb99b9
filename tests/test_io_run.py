"""`start_run`: facts, the life cycle of a run, and removing it."""

import gc
import json
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frames import RUN, holdings

from crv.io import (
    Dataset,
    IoArgumentError,
    IoConflictError,
    IoManifestError,
    IoNotFoundError,
    IoSettings,
    Run,
    RunState,
    list_runs,
    remove_run,
    start_run,
    summarize_runs,
)
from crv.io.run_manifest import write_run_bundle_manifest


def state(settings: IoSettings, run_id: str = RUN) -> RunState:
    status = Dataset(settings, run_id).status()
    assert status is not None
    return status.state


def test_facts_say_what_the_run_is(settings: IoSettings) -> None:
    params = {"beta": 0.3, "n": np.int64(7), "f": np.float32(0.5), "grid": np.arange(3), "t": (True, None, "ü")}
    with start_run(
        settings, RUN, params=params, seed=2**128, tags=["a", "b"], sweep="s1", model="SIR", extra={"who": "me"}
    ) as run:
        facts = run.facts()
    assert facts is not None
    assert facts.params == {"beta": 0.3, "n": 7, "f": 0.5, "grid": [0, 1, 2], "t": [True, None, "ü"]}
    assert (facts.seed, facts.tags, facts.sweep, facts.extra) == (2**128, ("a", "b"), "s1", {"who": "me"})
    assert (facts.model.name, facts.pid, facts.run_id) == ("SIR", os.getpid(), RUN)
    assert facts.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert Path(facts.command[0]).name.startswith("python")
    document = json.loads(Path(settings.root_dir, "runs", RUN, "run.json").read_text())
    assert (document["format"], document["params"]["grid"]) == (1, [0, 1, 2])


class Model:
    """A model with a version."""

    __version__ = "1.2"


def test_the_model_may_be_a_class_or_an_instance(settings: IoSettings) -> None:
    for at, model in enumerate([Model, Model()]):
        with start_run(settings, f"r{at}", model=model) as run:
            facts = run.facts()
        assert facts is not None
        assert (facts.model.name, facts.model.version) == ("Model", "1.2")


def test_the_commit_is_that_of_the_models_source(settings: IoSettings, tmp_path: Path) -> None:
    source = tmp_path / "model"
    source.mkdir()
    script = source / "sir.py"
    script.write_text(
        "import sys\nfrom crv.io import IoSettings, start_run\n"
        "with start_run(IoSettings(root_dir=sys.argv[1]), 'r'):\n    pass\n"
    )

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=source, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "model")
    # Run from another directory: the commit is not that of the current one.
    subprocess.run([sys.executable, script, settings.root_dir], cwd=tmp_path, check=True)
    facts = Dataset(settings, "r").facts()
    assert facts is not None
    assert (facts.model.name, facts.model.git_sha, facts.model.git_dirty) == ("sir", git("rev-parse", "HEAD"), False)
    assert facts.command[-2:] == (str(script), settings.root_dir)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"a": math.nan}, "params.a"),
        ({"a": {"b": [1, {2}]}}, "params.a.b[1]"),
        ({"f": print}, "params.f"),
        ({"a": {1: 2}}, "params.a"),
        ({"a": float("-inf")}, "params.a"),
        ({"a": "\ud800"}, "params.a"),
        ({"a": b"x"}, "params.a"),
        ({"a": np.array([math.nan])}, "params.a[0]"),
        ({"a": np.datetime64("2020-01-01", "ns")}, None),
        ([1], "params"),
        ("x", "params"),
    ],
)
def test_parameters_that_are_not_json_are_refused_by_their_key(
    settings: IoSettings, params: Any, path: str | None
) -> None:
    if path is None:
        with start_run(settings, RUN, params=params):
            return
    with pytest.raises(IoArgumentError) as caught:
        start_run(settings, RUN, params=params)
    assert f"`{path}`" in str(caught.value) and "hint:" in str(caught.value)
    assert not Path(settings.root_dir).exists()


def test_parameters_that_contain_themselves_are_refused(settings: IoSettings) -> None:
    params: dict[str, Any] = {}
    params["self"] = params
    with pytest.raises(IoArgumentError, match="nested deeper"):
        start_run(settings, RUN, params=params)


@pytest.mark.parametrize(
    "wrong",
    [{"seed": 1.5}, {"seed": True}, {"seed": "7"}, {"tags": "abc"}, {"tags": [1]}, {"if_exists": "maybe"}],
)
def test_wrong_arguments_are_refused(settings: IoSettings, wrong: dict[str, Any]) -> None:
    with pytest.raises(IoArgumentError, match="hint:"):
        start_run(settings, RUN, **wrong)
    assert not Path(settings.root_dir).exists()


def test_swapped_arguments_are_refused(settings: IoSettings) -> None:
    with pytest.raises(IoArgumentError, match="settings are an IoSettings, not str"):
        start_run(RUN, settings)  # type: ignore[arg-type]


def test_a_block_that_ends_has_succeeded(settings: IoSettings) -> None:
    with start_run(settings, RUN) as run:
        run.append("holdings", holdings(0, 5))
        assert state(settings) is RunState.RUNNING
    status = run.status()
    assert status is not None
    assert (status.state, status.last_tick, status.commit, status.error) == (RunState.SUCCEEDED, 5, 1, None)
    assert run.read("holdings").height == 2, "it can still be read"


def test_an_exception_fails_the_run_and_is_stored(settings: IoSettings) -> None:
    with pytest.raises(ZeroDivisionError), start_run(settings, RUN):
        1 / 0  # noqa: B018
    status = Dataset(settings, RUN).status()
    assert status is not None and status.error is not None
    assert (status.state, status.error.type, status.error.message) == (
        RunState.FAILED,
        "ZeroDivisionError",
        "division by zero",
    )
    assert "1 / 0" in (status.error.traceback or "")


class StrangeError(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError


def test_errors_with_strange_texts_are_stored(settings: IoSettings) -> None:
    for at, error in enumerate([StrangeError(), ValueError("\ud800"), ValueError("x" * 10**7)]):
        with pytest.raises(type(error)), start_run(settings, f"r{at}"):
            raise error
        assert state(settings, f"r{at}") is RunState.FAILED


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_aborts_the_run(settings: IoSettings, error: type[BaseException]) -> None:
    with pytest.raises(error), start_run(settings, RUN):
        raise error
    assert state(settings) is RunState.ABORTED


def test_a_run_that_is_dropped_is_aborted(settings: IoSettings) -> None:
    run = start_run(settings, RUN)
    run.append("holdings", holdings(0))
    run.close()
    assert state(settings) is RunState.RUNNING, "closing does not end it"
    del run
    gc.collect()
    assert state(settings) is RunState.ABORTED


def test_a_run_ends_once(settings: IoSettings) -> None:
    run = start_run(settings, RUN)
    run.fail(ValueError("first"))
    run.finish()
    run.abort()
    del run
    gc.collect()
    assert state(settings) is RunState.FAILED


PROGRAM = """
import os, signal, sys
from crv.io import IoSettings, start_run
run = start_run(IoSettings(root_dir=sys.argv[1]), "r")
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "raise":
    raise ValueError
if sys.argv[2] == "fork":
    if os.fork() == 0:
        sys.exit()
    assert os.wait()[1] == 0
    assert run.status().state == "running", run.status()
    run.finish()
"""


@pytest.mark.parametrize(
    ("how", "code", "expected"),
    [("end", 0, "aborted"), ("raise", 1, "aborted"), ("kill", -signal.SIGKILL, "stale"), ("fork", 0, "succeeded")],
)
def test_what_a_program_leaves(settings: IoSettings, how: str, code: int, expected: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, settings.root_dir, how]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert state(settings, "r") == expected
    assert Dataset(settings, "r").facts() is not None
    assert [run.info and run.info.state for run in summarize_runs(settings)] == [expected]


def append_one(run: Run, tick: int) -> str:
    with run:
        run.append("holdings", holdings(tick))
    return repr(run)


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_workers_copy_appends_and_does_not_end_the_run(settings: IoSettings, method: str) -> None:
    run = start_run(settings, RUN)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        assert set(pool.map(append_one, [run, run], range(2))) == {repr(run)}
    del pool
    copy = pickle.loads(pickle.dumps(run))
    assert isinstance(copy, Run)
    copy.finish()
    del copy
    gc.collect()
    assert state(settings) is RunState.RUNNING
    assert run.read("holdings").height == 2
    run.finish()
    assert state(settings) is RunState.SUCCEEDED


def test_a_run_that_exists_is_refused_resumed_or_appended_to(settings: IoSettings) -> None:
    with start_run(settings, RUN, params={"beta": 0.3}) as run:
        run.append("holdings", holdings(1))
    with pytest.raises(IoArgumentError, match=f"crv rm {RUN}"):
        start_run(settings, RUN)
    with pytest.raises(IoArgumentError, match="`params.beta` was 0.3 and is 0.4 now"):
        start_run(settings, RUN, params={"beta": 0.4}, if_exists="resume")
    with start_run(settings, RUN, params={"beta": 0.3}, if_exists="resume") as run:
        run.append("holdings", holdings(2))
    with start_run(settings, RUN, if_exists="append") as run:
        assert run.read("holdings")["tick"].to_list() == [1, 2]


@pytest.fixture
def sleeper(settings: IoSettings) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun the run, and waits."""
    program = (
        "import sys, time; from crv.io import IoSettings, start_run\n"
        "run = start_run(IoSettings(root_dir=sys.argv[1]), sys.argv[2]); print('go', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, settings.root_dir, RUN], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "go\n"
        yield child
        child.kill()


def test_a_run_that_still_runs_is_neither_resumed_nor_removed(
    settings: IoSettings, sleeper: subprocess.Popen[str]
) -> None:
    with pytest.raises(IoConflictError, match=f"process {sleeper.pid}"):
        start_run(settings, RUN, if_exists="resume")
    with pytest.raises(IoConflictError, match="still runs"):
        remove_run(settings, RUN)
    sleeper.kill()
    sleeper.wait()
    assert state(settings) is RunState.STALE
    with start_run(settings, RUN, if_exists="resume"):
        assert state(settings) is RunState.RUNNING


def test_runs_are_removed(settings: IoSettings) -> None:
    with start_run(settings) as run:
        run.append("holdings", holdings(0))
    assert run.run_id.startswith("run_")
    Path(settings.root_dir, "runs", run.run_id, "mine.txt").write_text("x")
    with pytest.raises(IoConflictError, match="mine.txt"):
        remove_run(settings, run.run_id)
    assert remove_run(settings, run.run_id, force=True).files == 6
    with pytest.raises(IoNotFoundError):
        remove_run(settings, run.run_id)
    assert list_runs(settings) == []


def test_facts_that_are_damaged_hide_nothing(settings: IoSettings) -> None:
    with start_run(settings, RUN, params={"beta": 0.3}) as run:
        run.append("holdings", holdings(0))
    bundle = write_run_bundle_manifest(settings, RUN)
    assert bundle["facts"] is not None and bundle["facts"]["params"] == {"beta": 0.3}
    Path(settings.root_dir, "runs", RUN, "run.json").write_text("{")
    with pytest.raises(IoManifestError, match="run.json"):
        run.facts()
    info = run.info()
    assert (info.rows, info.facts, len(info.problems)) == (1, None, 1)
    assert [problem.kind for problem in run.check().problems] == ["damaged-facts"]
    assert write_run_bundle_manifest(settings, RUN)["facts"] == bundle["facts"]


@pytest.mark.parametrize(("compact", "expected"), [(None, [1, 1]), (True, [1, 1]), (False, [4, 4])])
def test_a_run_is_laid_out_well_by_itself(tmp_path: Path, compact: bool | None, expected: list[int]) -> None:
    settings = IoSettings(root_dir=str(tmp_path), tick_bucket_size=4, compact_sealed_buckets=compact)
    with start_run(settings, RUN, keep_merged=timedelta(0)) as run:
        for tick in range(8):
            run.append("holdings", holdings(tick))
    assert [len(bucket.parts) for bucket in run.manifest("holdings").partitions.values()] == expected
    assert len(list(tmp_path.rglob("*.parquet"))) == sum(expected), "what was merged is not kept"
    with pytest.raises(IoArgumentError, match="an age is a timedelta"):
        start_run(settings, keep_merged=7)  # type: ignore[arg-type]


def test_a_plain_dataset_has_no_facts(dataset: Dataset, settings: IoSettings) -> None:
    for tick in range(2):
        dataset.append("holdings", holdings(tick))
    assert (dataset.facts(), dataset.status(), dataset.info().state) == (None, None, None)
    Path(settings.root_dir, "runs", RUN, "tables/holdings/manifest.json").write_text("{")
    for commit in Path(settings.root_dir, "runs", RUN, "_commits").iterdir():
        commit.write_text("{")
    (run,) = summarize_runs(settings)
    assert run.info is None and run.error
