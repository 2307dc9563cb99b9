"""Several threads and processes on one run."""

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from frames import RUN, holdings

from crv.core.grammar import TableName
from crv.io import Dataset, IoSettings

HOLDINGS = TableName.HOLDINGS
APPENDS = 15


def append_many(dataset: Dataset, writer: int) -> int:
    for tick in range(APPENDS):
        # Not Polars: its threads do not survive a fork.
        rows = {"tick": [tick, 100 + tick], "agent_id": ["A", "A"], "token_id": ["T", "T"], "quantity": [writer] * 2}
        dataset.append(HOLDINGS, pa.table(rows))
    return os.getpid()


def check(dataset: Dataset, writers: int) -> None:
    read = dataset.read(HOLDINGS)
    assert read.height == writers * APPENDS * 2
    for writer in range(writers):
        own = read.filter(quantity=writer)["tick"].to_list()
        assert own == [*range(APPENDS), *range(100, 100 + APPENDS)], "each writer's order is kept"
    root = Path(dataset.settings.root_dir, "runs", RUN)
    commits = sorted(int(path.stem) for path in (root / "_commits").glob("*.json"))
    assert commits[-1] == writers * APPENDS
    dataset.close()
    manifest = json.loads((root / "tables/holdings/manifest.json").read_text())
    assert sum(partition["row_count"] for partition in manifest["partitions"].values()) == read.height


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_append_side_by_side(dataset: Dataset, method: str) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        pids = list(pool.map(append_many, [dataset, dataset], range(2)))
    assert os.getpid() not in pids
    check(dataset, 2)


def test_threads_share_a_dataset(dataset: Dataset) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append_many, [dataset] * 4, range(4)))
    check(dataset, 4)


def test_handles_of_one_process_append_side_by_side(dataset: Dataset, settings: IoSettings) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(append_many, [Dataset(settings, RUN) for _ in range(3)], range(3)))
    check(dataset, 3)


def test_a_dataset_is_pickled_by_settings_and_run(dataset: Dataset) -> None:
    dataset.append(HOLDINGS, holdings(0))
    again = pickle.loads(pickle.dumps(dataset))
    assert (again.settings, again.run_id) == (dataset.settings, dataset.run_id)
    assert again.read(HOLDINGS).equals(dataset.read(HOLDINGS))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_the_run_for_itself(dataset: Dataset) -> None:
    dataset.append(HOLDINGS, holdings(0))
    second = holdings(1)
    child = os.fork()
    if child == 0:
        try:
            dataset.append(HOLDINGS, second)
            dataset.close()
            code = 0 if dataset._pid == os.getpid() else 3
        except BaseException:
            code = 4
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    dataset.append(HOLDINGS, holdings(2))
    assert dataset.read(HOLDINGS)["tick"].to_list() == [0, 1, 2]


def test_an_interpreter_that_ends_leaves_the_manifest_current(settings: IoSettings) -> None:
    script = """
import sys, polars as pl
from crv.io import Dataset, IoSettings
dataset = Dataset(IoSettings(root_dir=sys.argv[1]), "r")
for tick in range(50):
    dataset.append("holdings", pl.DataFrame({"tick": [tick], "agent_id": "A", "token_id": "T", "quantity": 1}))
"""
    subprocess.run([sys.executable, "-c", script, settings.root_dir], check=True)
    manifest = json.loads(Path(settings.root_dir, "runs/r/tables/holdings/manifest.json").read_text())
    assert manifest["partitions"]["000000"]["row_count"] == 50
