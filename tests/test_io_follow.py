"""`Dataset.follow` and `Dataset.at`."""

import threading
from datetime import timedelta

import pytest

from crv.io import Dataset, IoArgumentError, IoConflictError, IoNotFoundError, IoSettings, start_run


def rows(tick: int) -> dict[str, list[float]]:
    return {"tick": [tick, tick], "x": [tick / 2, tick / 4]}


def test_a_live_run_is_followed_to_its_end(settings: IoSettings) -> None:
    started, found = threading.Event(), []

    def write() -> None:
        with start_run(settings, "live") as run:
            run.append("state", rows(0), declare=True)
            started.set()
            for tick in range(1, 10):
                run.append("state", rows(tick))

    writer = threading.Thread(target=write)
    writer.start()
    started.wait()
    for commit, frames in Dataset(settings, "live").follow(["state"]):
        found.append((commit, frames["state"]["tick"].to_list()))
    writer.join()
    assert found == [(tick + 2, [tick, tick]) for tick in range(10)]
    later = Dataset(settings, "live").follow(after=found[-2][0])
    assert [commit for commit, _ in later] == [found[-1][0]]


def test_an_earlier_commit_is_read(settings: IoSettings) -> None:
    dataset = Dataset(settings, "run")
    dataset.append("state", rows(0), declare=True)
    first = 2
    for tick in range(1, 4):
        dataset.append("state", rows(tick))
    at = dataset.at(first + 1)
    assert at.read("state")["tick"].to_list() == [0, 0, 1, 1]
    assert at.scan("state", where={"tick_min": 1}).collect().height == 2
    assert at.read("state", limit=3).height == 3
    assert repr(at).endswith(f".at({first + 1})")
    with pytest.raises(IoArgumentError, match="has no commit 99"):
        dataset.at(99).read("state")
    with pytest.raises(IoNotFoundError):
        dataset.at(first).read("holdings")


def test_what_cannot_be_followed_is_told(settings: IoSettings) -> None:
    with pytest.raises(IoNotFoundError, match="no run `none`"):
        Dataset(settings, "none").follow()
    with start_run(settings, "run") as run:
        for tick in range(4):
            run.append("state", rows(tick), declare=True)
        run.truncate(after_tick=1)
    follow = Dataset(settings, "run").follow()
    with pytest.raises(IoConflictError, match="removed rows"):
        list(follow)
    run.prune(timedelta(0))
    with pytest.raises(IoArgumentError, match="commit 1 was pruned"):
        next(Dataset(settings, "run").follow())
