"""Transactions: several tables, one commit."""

import multiprocessing
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from frames import files, holdings, messages, parts

from crv.core.grammar import TableName
from crv.io import Dataset, IoArgumentError, IoManifestError, IoSchemaError, IoSettings

HOLDINGS, MESSAGES = TableName.HOLDINGS, TableName.MESSAGES


def test_leaving_the_block_commits_all_tables_at_once(dataset: Dataset, settings: IoSettings) -> None:
    other = Dataset(settings, dataset.run_id)
    with dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(0, 100))
        tx.append(MESSAGES, messages(0))
        before = tx.summary
        assert before is None
        for table in (HOLDINGS, MESSAGES):
            with pytest.raises(IoManifestError, match="there is no run"):
                other.read(table)
    assert tx.summary is not None and tx.summary["commit"] == 1
    assert [(table["table"], table["rows"], table["commit"]) for table in tx.summary["tables"]] == [
        ("holdings", 2, 1),
        ("messages", 1, 1),
    ]
    assert other.read(HOLDINGS).height == 2 and other.read(MESSAGES).height == 1


def test_an_exception_in_the_block_leaves_nothing_behind(dataset: Dataset, settings: IoSettings) -> None:
    with pytest.raises(ZeroDivisionError), dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(0))
        tx.append(MESSAGES, messages(0))
        _ = 1 // 0
    assert tx.summary is None
    assert parts(settings.root_dir) == [] and files(settings.root_dir, "*.tmp") == []
    dataset.append(HOLDINGS, holdings(0))
    assert dataset.read(HOLDINGS).height == 1


def test_a_refused_frame_takes_the_whole_transaction_with_it(dataset: Dataset, settings: IoSettings) -> None:
    with pytest.raises(IoSchemaError), dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(0))
        tx.append(MESSAGES, messages(0).drop("claims"))
    assert parts(settings.root_dir) == []


def test_a_refused_frame_that_is_caught_leaves_the_rest(dataset: Dataset) -> None:
    with dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(0))
        with pytest.raises(IoSchemaError):
            tx.append(HOLDINGS, holdings(0).with_columns(quantity=pl.lit("x")))
    assert dataset.read(HOLDINGS).height == 1


def test_several_appends_to_a_table_keep_their_order_and_schema(dataset: Dataset) -> None:
    with dataset.transaction() as tx:
        tx.append(MESSAGES, messages(3, claims={"a": 1}))
        tx.append(MESSAGES, messages(1, claims={"b": "x"}))
    found = dataset.read(MESSAGES)
    assert found["tick"].to_list() == [3, 1]
    assert found["claims"].to_list() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_an_empty_transaction_commits_nothing(dataset: Dataset) -> None:
    with dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(0).clear())
    assert tx.summary is not None and tx.summary["commit"] is None


def test_it_can_be_ended_by_hand(dataset: Dataset) -> None:
    with dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(0))
        assert tx.commit()["commit"] == 1
    with dataset.transaction() as tx:
        tx.append(HOLDINGS, holdings(1))
        tx.abort()
    assert dataset.read(HOLDINGS)["tick"].to_list() == [0]


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_after_its_end_it_takes_no_more(dataset: Dataset, end: str) -> None:
    tx = dataset.transaction()
    getattr(tx, end)()
    with pytest.raises(IoArgumentError, match="has ended\nhint: start another"):
        tx.append(HOLDINGS, holdings(0))
    with pytest.raises(IoArgumentError, match="has ended"):
        tx.commit()
    tx.abort()


def test_one_that_is_dropped_leaves_nothing_behind(dataset: Dataset, settings: IoSettings) -> None:
    tx = dataset.transaction()
    tx.append(HOLDINGS, holdings(0))
    del tx
    assert parts(settings.root_dir) == []


def _use(tx: Any, answers: Any) -> None:
    try:
        tx.commit()
        answers.put("committed")
    except IoArgumentError as error:
        answers.put(str(error))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_it_belongs_to_the_process_that_began_it(dataset: Dataset) -> None:
    fork = multiprocessing.get_context("fork")
    tx = dataset.transaction()
    tx.append(HOLDINGS, holdings(0))
    answers = fork.Queue()
    child = fork.Process(target=_use, args=(tx, answers))
    child.start()
    assert "belongs to process" in answers.get(timeout=30)
    child.join(30)
    assert child.exitcode == 0
    tx.commit()
    assert dataset.read(HOLDINGS).height == 1, "the child's end took nothing away"


def test_a_producer_may_use_its_arrays_again_after_an_append(dataset: Dataset) -> None:
    """A simulation that reuses its arrays for the rows of every tick."""
    ticks = np.zeros(100, dtype=np.int64)
    names = pa.array(["A"] * 100)
    with dataset.transaction() as tx:
        for tick in range(3):
            ticks[:] = tick
            column = pa.array(ticks)
            assert column.buffers()[1].address == ticks.ctypes.data, "the rows are where the simulation writes them"
            frame = pa.table({"tick": column, "agent_id": names, "token_id": names, "quantity": column})
            tx.append(HOLDINGS, frame)
        ticks[:] = -7
    for name in ("tick", "quantity"):
        assert dataset.read(HOLDINGS)[name].value_counts().sort(name)["count"].to_list() == [100, 100, 100]
