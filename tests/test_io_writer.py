"""The buffered writer: rows are buffered in memory, and durable after a flush."""

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from frames import RUN, files, holdings, messages, parts
from polars.testing import assert_frame_equal

from crv.core.grammar import TableName
from crv.core.schema import HoldingsRow
from crv.io import Dataset, IoArgumentError, IoManifestError, IoSchemaError, IoSettings, IoWriteError, Writer

HOLDINGS, MESSAGES = TableName.HOLDINGS, TableName.MESSAGES


def commits(settings: IoSettings) -> int:
    return len(files(settings.root_dir, "0*.json"))


def ticks(dataset: Dataset, table: TableName) -> list[int]:
    try:
        return dataset.read(table)["tick"].to_list()
    except IoManifestError:
        return []


def test_leaving_the_block_writes_what_appending_at_once_would(dataset: Dataset, settings: IoSettings) -> None:
    frames = [messages(tick, claims={"n": tick} if tick % 3 else {"x": "y"}) for tick in range(150)]
    with dataset.writer() as w:
        assert [w.append(MESSAGES, frame) for frame in frames[:100]] == [None] * 100
        assert w.buffered_rows == 100 and w.buffered_bytes > 1000
        assert parts(settings.root_dir) == []
        written = w.append(MESSAGES, frames[100])
        assert written is not None and written["commit"] == 1 and w.summary == written
        for frame in frames[101:]:
            w.append(MESSAGES, frame)
    assert w.closed and w.summary is not None and w.summary["commit"] == 2
    assert len(parts(settings.root_dir)) == 2, "one for each bucket"
    at_once = Dataset(settings, "at-once")
    at_once.append(MESSAGES, pl.concat(frames, how="diagonal_relaxed"))
    assert_frame_equal(dataset.read(MESSAGES), at_once.read(MESSAGES))


def test_a_tick_goes_out_whole(dataset: Dataset, settings: IoSettings) -> None:
    with dataset.writer(max_rows=5) as w:
        for tick in range(20):
            w.append(HOLDINGS, holdings(tick))
            w.append(MESSAGES, messages(tick))
            assert w.buffered_rows <= 5
            assert ticks(dataset, HOLDINGS) == ticks(dataset, MESSAGES)
    assert ticks(dataset, HOLDINGS) == ticks(dataset, MESSAGES) == list(range(20))
    assert commits(settings) == 10


def test_bytes_are_a_bound_too(dataset: Dataset, settings: IoSettings) -> None:
    with dataset.writer(max_bytes=1) as w:
        for tick in range(3):
            w.append(HOLDINGS, holdings(tick))
    assert commits(settings) == 3


def test_rows_are_durable_when_they_were_flushed(dataset: Dataset, settings: IoSettings) -> None:
    w = dataset.writer()
    assert w.flush() == {"commit": None, "tables": []} and w.summary is None
    w.append(HOLDINGS, holdings(0, 1))
    assert ticks(Dataset(settings, RUN), HOLDINGS) == []
    summary = w.flush()
    assert (summary["commit"], summary["tables"][0]["rows"], w.buffered_rows) == (1, 2, 0)
    assert ticks(Dataset(settings, RUN), HOLDINGS) == [0, 1]
    assert w.close()["commit"] is None and w.close()["commit"] is None
    with pytest.raises(IoArgumentError, match="closed\nhint: begin another"):
        w.append(HOLDINGS, holdings(2))


def test_a_refused_append_names_the_row_and_leaves_the_writer_as_it_was(dataset: Dataset) -> None:
    with dataset.writer() as w:
        w.append(HOLDINGS, holdings(0))
        with pytest.raises(IoSchemaError, match=rf"run `{RUN}`, table `holdings`.*`quantity`.*row 1"):
            w.append(HOLDINGS, holdings(1, 2).with_columns(quantity=pl.Series(["3", "x"])))
        with pytest.raises(IoSchemaError, match="visibility_scope"):
            w.append(MESSAGES, messages(1).with_columns(visibility_scope=pl.lit("Loud")), validate_rows=True)
        with pytest.raises(IoSchemaError, match="missing"):
            w.append(HOLDINGS, holdings(1).drop("quantity"))
        w.append(HOLDINGS, holdings(1).drop("quantity"), validate_schema=False)
        assert w.buffered_rows == 2
    assert dataset.read(HOLDINGS)["quantity"].to_list() == [1, None]


def test_rows_can_be_models(dataset: Dataset) -> None:
    with dataset.writer() as w:
        w.append(HOLDINGS, [HoldingsRow(tick=3, agent_id="A0", token_id="T0", quantity=5)])
        assert w.append(HOLDINGS, []) is None
    assert ticks(dataset, HOLDINGS) == [3]


def test_an_array_that_is_filled_anew_at_every_tick_is_copied(dataset: Dataset) -> None:
    quantity, ids = np.zeros(4, dtype=np.int64), pa.array(["A", "B", "C", "D"])
    with dataset.writer() as w:
        for tick in range(3):
            quantity[:] = tick * 10
            columns = {"tick": np.full(4, tick), "agent_id": ids, "token_id": ids, "quantity": pa.array(quantity)}
            w.append(HOLDINGS, pa.table(columns))
    assert dataset.read(HOLDINGS)["quantity"].to_list() == [0] * 4 + [10] * 4 + [20] * 4


def test_an_exception_keeps_the_complete_ticks_and_says_what_it_let_go(dataset: Dataset) -> None:
    with pytest.raises(ZeroDivisionError) as raised, dataset.writer() as w:
        for tick in range(3):
            w.append(HOLDINGS, holdings(tick))
            if tick == 2:
                _ = 1 // 0
            w.append(MESSAGES, messages(tick))
    assert ticks(dataset, HOLDINGS) == ticks(dataset, MESSAGES) == [0, 1]
    assert raised.value.__notes__ == ["crv: 1 rows of the newest tick, which may be incomplete, were dropped"]


def test_an_exception_is_not_lost_when_writing_fails_too(dataset: Dataset, settings: IoSettings) -> None:
    with pytest.raises(ZeroDivisionError) as raised, dataset.writer() as w:
        w.append(HOLDINGS, holdings(0, 1))
        w.append(HOLDINGS, holdings(2))
        # A file in place of the root.
        with open(settings.root_dir, "w") as file:
            file.write("in the way")
        _ = 1 // 0
    (note,) = raised.value.__notes__
    assert "1 rows of the newest tick" in note and "2 rows could not be written" in note and "root_dir" in note
    assert w.buffered_rows == 2 and not w.closed
    os.remove(settings.root_dir)
    w.close()
    assert ticks(dataset, HOLDINGS) == [0, 1]


class InDoubt:
    """A native writer with a commit in doubt, whose rows of the newest tick are dropped."""

    in_doubt = (3, "an id")
    buffered_rows, is_closed = 0, True

    def abandon_tick(self) -> int:
        return 2

    def close(self) -> dict[str, Any]:
        return {"commit": None, "tables": []}


def test_the_note_says_that_rows_in_doubt_may_be_written() -> None:
    native: Any = InDoubt()
    with pytest.raises(ZeroDivisionError) as raised, Writer(native, native):
        _ = 1 // 0
    (note,) = raised.value.__notes__
    assert note.startswith("crv: 2 rows of the newest tick") and "commit 3, whose outcome is unknown" in note


def test_a_flush_that_fails_keeps_the_rows(dataset: Dataset, settings: IoSettings) -> None:
    w = dataset.writer()
    w.append(HOLDINGS, holdings(99))
    with open(settings.root_dir, "w") as file:
        file.write("in the way")
    with pytest.raises(IoWriteError):
        w.flush()
    with pytest.raises(IoWriteError):
        w.append(HOLDINGS, holdings(100))
    with pytest.raises(IoWriteError):
        w.close()
    assert w.buffered_rows == 1 and w.in_doubt is None
    os.remove(settings.root_dir)
    w.resolve(took_effect=True)
    w.append(HOLDINGS, holdings(100))
    w.close()
    assert ticks(dataset, HOLDINGS) == [99, 100]


def test_a_tick_can_be_abandoned_and_all_be_discarded(dataset: Dataset) -> None:
    with dataset.writer() as w:
        w.append(HOLDINGS, holdings(0))
        w.append(MESSAGES, messages(1, claims={"n": 1}))
        assert w.abandon_tick() == 1
        w.append(MESSAGES, messages(1, claims={"n": "x"}))
        w.flush()
        w.append(HOLDINGS, holdings(2, 3))
        assert w.discard() == 2
    assert (ticks(dataset, HOLDINGS), ticks(dataset, MESSAGES)) == ([0], [1])


@pytest.mark.parametrize("name", ["max_rows", "max_bytes"])
@pytest.mark.parametrize("bound", [0, -1, -(10**40), True, 1.5, "7"])
def test_a_bound_that_is_none_is_refused_by_name(dataset: Dataset, name: str, bound: Any) -> None:
    with pytest.raises(IoArgumentError, match=rf"`{name}` is {bound!r}\nhint: .*at least 1"):
        dataset.writer(**{name: bound})


def test_a_bound_may_be_beyond_everything(dataset: Dataset) -> None:
    with dataset.writer(max_rows=10**40, max_bytes=2**64) as w:
        w.append(HOLDINGS, holdings(0))
    assert ticks(dataset, HOLDINGS) == [0]


def test_it_writes_to_memory_as_well() -> None:
    settings = IoSettings(root_dir="buffered-writer-in-memory", fs_protocol="memory")
    with Dataset(settings, RUN) as dataset:
        with dataset.writer() as w:
            w.append(HOLDINGS, holdings(0, 100))
        assert ticks(dataset, HOLDINGS) == [0, 100]


def test_it_is_not_pickled(dataset: Dataset) -> None:
    with dataset.writer() as w, pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(w)


def test_threads_share_one(dataset: Dataset) -> None:
    def append_many(w: Writer, quantity: int) -> None:
        for tick in range(50):
            w.append(HOLDINGS, holdings(tick, quantity=quantity))

    with dataset.writer(max_rows=17) as w, ThreadPoolExecutor(4) as pool:
        list(pool.map(append_many, [w] * 4, range(4)))
    read = dataset.read(HOLDINGS)
    for quantity in range(4):
        assert read.filter(quantity=quantity)["tick"].to_list() == list(range(50))


def test_one_that_is_dropped_writes_its_complete_ticks_and_warns(dataset: Dataset) -> None:
    w = dataset.writer()
    w.append(HOLDINGS, holdings(0, 1))
    w.append(HOLDINGS, holdings(2))
    with pytest.warns(ResourceWarning, match="not closed: 1 rows of the newest tick"):
        del w
        gc.collect()
    assert ticks(dataset, HOLDINGS) == [0, 1]


def _use(w: Writer, answers: Any) -> None:
    try:
        w.append(HOLDINGS, pa.table({"tick": [1], "agent_id": ["A"], "token_id": ["T"], "quantity": [1]}))
        answers.put("appended")
    except IoArgumentError as error:
        answers.put(str(error))
    del w
    gc.collect()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_it_belongs_to_the_process_that_began_it(dataset: Dataset) -> None:
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    with dataset.writer() as w:
        w.append(HOLDINGS, holdings(0))
        child = fork.Process(target=_use, args=(w, answers))
        child.start()
        assert "belongs to process" in answers.get(timeout=30)
        child.join(30)
        assert child.exitcode == 0
        assert ticks(dataset, HOLDINGS) == [], "the child wrote nothing"
    assert ticks(dataset, HOLDINGS) == [0]


def test_a_fork_that_leaves_the_block_and_ends_writes_nothing(settings: IoSettings) -> None:
    # A new interpreter: the forked child runs to its end, finalizers included.
    script = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import pyarrow as pa
from crv.io import Dataset, IoSettings
rows = {"tick": [0], "agent_id": ["A"], "token_id": ["T"], "quantity": [1]}
dataset = Dataset(IoSettings(root_dir=sys.argv[1]), "r")
unclosed = dataset.writer()
unclosed.append("holdings", pa.table(rows))
with dataset.writer() as w:
    w.append("holdings", pa.table(rows))
    child = os.fork()
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    unclosed.close()
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script, settings.root_dir], check=True)
    assert ticks(Dataset(settings, "r"), HOLDINGS) == [0, 0]
    assert commits(settings) == 2


def test_it_shows_what_it_is(dataset: Dataset) -> None:
    w = dataset.writer()
    assert repr(w) == "Writer(buffered_rows=0)"
    w.close()
    assert repr(w) == "Writer(closed)"


@pytest.mark.parametrize("every", [0.05, timedelta(milliseconds=50)])
def test_complete_ticks_are_written_after_some_time(dataset: Dataset, every: float | timedelta) -> None:
    w = dataset.writer(flush_every=every)
    assert w.append(HOLDINGS, holdings(0)) is None
    time.sleep(0.1)
    assert w.append(HOLDINGS, holdings(0)) is None, "the tick has not ended"
    assert w.append(HOLDINGS, holdings(1)) is not None
    assert ticks(dataset, HOLDINGS) == [0, 0]
    w.close()


@pytest.mark.parametrize("every", [0, -1.0, float("nan"), 1e300])
def test_a_time_that_is_none_is_refused(dataset: Dataset, every: float) -> None:
    with pytest.raises(IoArgumentError, match="`flush_every` is"):
        dataset.writer(flush_every=every)
