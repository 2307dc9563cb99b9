"""The examples run as their README describes, and print what it promises."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from crv.core.grammar import TableName
from crv.io import Catalog, Dataset, IoSettings

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(example: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs an example as a user would, in its own folder."""
    command = [sys.executable, str(EXAMPLES / example), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=300)


@pytest.mark.parametrize("root", [None, "elsewhere"])
def test_the_quickstart_appends_scans_reads_and_shows_the_manifest(tmp_path: Path, root: str | None) -> None:
    done = run("quickstart.py", *([root] if root else []), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "appended 4 rows to buckets [0, 1]" in done.stdout
    assert "mean weight in ticks 1 to 2: 0.15" in done.stdout
    assert "bucket 000000: 3 rows, ticks 0 to 2, 1 part(s)" in done.stdout
    assert "bucket 000001: 1 rows, ticks 101 to 101, 1 part(s)" in done.stdout

    dataset = Dataset(IoSettings(root_dir=str(tmp_path / (root or "out"))), run_id="20250101-000000")
    assert dataset.read(TableName.IDENTITY_EDGES)["edge_weight"].to_list() == [0.0, 0.1, 0.2, 0.3]


def test_the_transactions_leave_two_whole_ticks_and_nothing_of_those_that_failed(tmp_path: Path) -> None:
    done = run("transactions.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "after tick 0: {'exchange': 1, 'holdings': 2}" in done.stdout
    assert "nothing recorded: the model diverged" in done.stdout
    assert "amount" in done.stdout, "the refusal names the column"
    assert "after tick 1: {'exchange': 2, 'holdings': 4}" in done.stdout

    dataset = Dataset(IoSettings(root_dir=str(tmp_path / "out")), run_id="transactions")
    assert dataset.read(TableName.EXCHANGE)["price"].to_list() == [10.0, 11.0]
    assert dataset.read(TableName.HOLDINGS).select(pl.col("quantity").sum()).item() == 10


def test_the_sweep_makes_each_run_once(tmp_path: Path) -> None:
    first = run("sweep.py", "--replications", "1", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "6 of 6 runs are missing" in first.stdout
    again = run("sweep.py", "--replications", "2", cwd=tmp_path)
    assert "6 of 12 runs are missing" in again.stdout, again.stderr
    assert "failed" not in first.stdout + again.stdout
    catalog = Catalog(tmp_path / "out")
    frame = catalog.runs('sweep = "schelling"')
    assert frame["state"].to_list() == ["succeeded"] * 12 and frame["seed"].n_unique() == 12
    assert catalog.scan("model").collect().height == 120
