"""Truncation, checkpoints of a model, and continuing a run."""

import pickle
from typing import Any

import polars as pl
import pytest
from frames import RUN, holdings

from crv.core.grammar import TableName
from crv.io import Checkpoint, Dataset, IoArgumentError, IoSettings, TruncateReport


def step(dataset: Dataset, tick: int, *, keep: int | None = None) -> None:
    """One tick of a model, with its state."""
    with dataset.transaction() as tx:
        tx.append("holdings", holdings(tick))
        tx.append("agents", [{"tick": tick, "agent_id": 1}])
        tx.checkpoint(pickle.dumps(tick), keep=keep)


@pytest.fixture
def run(dataset: Dataset) -> Dataset:
    """A run with a declared table."""
    dataset.declare("agents", {"agent_id": "i64"})
    return dataset


def test_a_truncation_removes_later_rows_from_every_table(run: Dataset, settings: IoSettings) -> None:
    for tick in range(4):
        step(run, tick)
    lazy = run.scan("agents")
    report = run.truncate(after_tick=1)
    assert report == TruncateReport(
        after_tick=1,
        commit=7,
        rows=6,
        parts_removed=6,
        parts_cut=0,
        tables=(TableName.HOLDINGS, "agents", "model_state"),
    )
    other = Dataset(settings, RUN)
    for table in ("holdings", "agents"):
        assert other.read(table)["tick"].to_list() == [0, 1]
    assert run.last_tick() == 1
    assert lazy.collect()["tick"].to_list() == [0, 1, 2, 3], "a reader that began before is served"
    assert run.truncate(after_tick=1).commit is None
    assert run.truncate(after_tick=-1).rows == 6
    assert run.last_tick() is None
    assert run.check(deep=True).ok


def test_a_part_on_both_sides_is_cut(run: Dataset) -> None:
    run.append("agents", pl.DataFrame({"tick": [0, 5, 3, 7], "agent_id": [0, 5, 3, 7]}))
    assert run.truncate(after_tick=4).parts_cut == 1
    assert run.read("agents")["agent_id"].to_list() == [0, 3]


def test_a_run_goes_on_from_its_newest_checkpoint(run: Dataset, settings: IoSettings) -> None:
    assert run.latest_checkpoint() is None
    assert run.resume() is None
    for tick in range(4):
        step(run, tick, keep=2)
    run.append("holdings", holdings(4, 5))
    checkpoint = Dataset(settings, RUN).resume()
    assert checkpoint == Checkpoint(3, pickle.dumps(3))
    tick, state = checkpoint
    assert pickle.loads(state) == tick == 3
    assert run.last_tick() == 3
    assert run.read("model_state")["tick"].to_list() == [2, 3]
    step(run, 4, keep=1)
    assert run.latest_checkpoint() == Checkpoint(4, pickle.dumps(4))
    assert run.read("model_state").height == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("text",), "the state is bytes, not str"),
        ((b"", -1), "tick -1 of a checkpoint is negative"),
        ((b"", None, 0), "`keep` is 0"),
        ((b"", None, -1), "`keep` is -1"),
        ((b"",), "belongs to no tick"),
    ],
)
def test_a_checkpoint_that_cannot_be_is_refused(run: Dataset, arguments: tuple[Any, ...], told: str) -> None:
    state, tick, keep = (*arguments, None, None)[:3]
    transaction = run.transaction()
    with pytest.raises(IoArgumentError, match=told):
        transaction.checkpoint(state, tick=tick, keep=keep)
    assert run.tables() == ["agents"]


def test_a_transaction_has_one_checkpoint(run: Dataset) -> None:
    transaction = run.transaction()
    transaction.append("holdings", holdings(0))
    transaction.checkpoint(b"1")
    with pytest.raises(IoArgumentError, match="has a checkpoint already"):
        transaction.checkpoint(b"2")
    transaction.commit()
    assert run.latest_checkpoint() == (0, b"1")
    with pytest.raises(IoArgumentError, match="tick -2 is negative"):
        run.truncate(after_tick=-2)
