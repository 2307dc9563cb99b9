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


def check(dataset: Dataset, writers: int, *, processes: bool = False) -> None:
    read = dataset.read(HOLDINGS)
    assert read.height == writers * APPENDS * 2
    for writer in range(writers):
        own = read.filter(quantity=writer)["tick"].to_list()
        assert own == [*range(APPENDS), *range(100, 100 + APPENDS)], "each writer's order is kept"
    root = Path(dataset.settings.root_dir, "runs", RUN)
    commits = sorted(int(path.stem) for path in (root / "_commits").glob("*.json"))
    # Appends of one process that wait at the same time are one commit.
    assert commits[-1] == writers * APPENDS if processes else commits[-1] <= writers * APPENDS
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
    check(dataset, 2, processes=True)


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


# The other thread runs as soon as the interpreter is released, and not earlier: the switch interval is 1000 s.
DROPPED_WHILE_MERGING = """
import sys, threading
import pyarrow as pa
from crv.io import Dataset, IoSettings

root, last = sys.argv[1:]
rows = 20_000
columns = {"agent_id": [f"A{row * 7919 % rows}" for row in range(rows)], "token_id": ["T"] * rows,
           "quantity": [row * 104729 % 1_000_003 for row in range(rows)]}
dataset = Dataset(IoSettings(root_dir=root, compact_sealed_buckets=True), "r")
for tick in [*range(20), 100]:
    dataset.append("holdings", pa.table({"tick": [tick] * rows, **columns}))
if last == "writer":
    writer = dataset.writer()
    del dataset

turn, ran = threading.Lock(), []
turn.acquire()
thread = threading.Thread(target=lambda: turn.acquire() and ran.append(True))
thread.start()
sys.setswitchinterval(1000)
turn.release()
assert not ran
if last == "writer":
    del writer
else:
    del dataset
ran_meanwhile = bool(ran)
thread.join()
assert ran_meanwhile
"""


@pytest.mark.parametrize("last", ["dataset", "writer"])
def test_other_threads_run_while_a_dataset_is_dropped(settings: IoSettings, last: str) -> None:
    command = [sys.executable, "-c", DROPPED_WHILE_MERGING, settings.root_dir, last]
    subprocess.run(command, check=True, timeout=60)
    assert Dataset(settings, "r").read(HOLDINGS).height == 21 * 20_000


def test_an_interpreter_that_ends_beside_busy_threads_drops_what_is_open(settings: IoSettings) -> None:
    script = """
import sys, threading
import pyarrow as pa
from crv.io import Dataset, IoSettings
dataset = Dataset(IoSettings(root_dir=sys.argv[1], compact_sealed_buckets=True), "r")

def rows(tick):
    return pa.table({"tick": [tick], "agent_id": ["A"], "token_id": ["T"], "quantity": [1]})

for tick in range(250):
    dataset.append("holdings", rows(tick))
transaction, writer = dataset.transaction(), dataset.writer()
transaction.append("holdings", rows(250))
writer.append("holdings", rows(251))

for _ in range(2):
    # With their own globals: otherwise they would keep those of the script alive.
    threading.Thread(target=exec, args=("while True: sum(range(1000))", {}), daemon=True).start()
"""
    subprocess.run([sys.executable, "-c", script, settings.root_dir], check=True, timeout=60)
    manifest = json.loads(Path(settings.root_dir, "runs/r/tables/holdings/manifest.json").read_text())
    assert sum(partition["row_count"] for partition in manifest["partitions"].values()) == 250
    assert list(Path(settings.root_dir).rglob("*.tmp")) == []
