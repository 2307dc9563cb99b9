"""The Sugarscape example records the model, and its check detects a run that differs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from crv.core.grammar import TableName
from crv.io import Dataset, IoSettings

pytest.importorskip("matplotlib", reason="needs examples/requirements.txt")
pytest.importorskip("mesa", reason="needs examples/requirements.txt")

EXAMPLES = Path(__file__).parent.parent / "examples"
TABLES = [TableName.EXCHANGE, TableName.IDENTITY_EDGES, TableName.HOLDINGS, TableName.HOLDINGS_VALUATION]


def sugarscape(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the example as a user would."""
    command = [sys.executable, str(EXAMPLES / "sugarscape.py"), "--root", str(root), *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=300)


def opened(root: Path, run: str) -> Dataset:
    return Dataset(IoSettings(root_dir=str(root)), run_id=run)


def test_a_run_is_recorded_checked_and_drawn(tmp_path: Path) -> None:
    done = sugarscape(tmp_path, "--steps", "5", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "check: the run equals the data of the model's DataCollector" in done.stdout
    assert f"run: {tmp_path / 'runs' / 'sugarscape-3'}" in done.stdout
    picture = tmp_path / "sugarscape-3.png"
    assert f"picture: {picture}" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")

    dataset = opened(tmp_path, "sugarscape-3")
    assert dataset.read(TableName.HOLDINGS)["tick"].unique().sort().to_list() == [0, 1, 2, 3, 4, 5]
    start = dataset.read(TableName.HOLDINGS, {"tick_max": 0})
    assert start.height == 2 * 200, "sugar and spice of each of the model's 200 traders"
    trades = dataset.read(TableName.EXCHANGE)
    assert f"trades: {trades.height}" in done.stdout
    paid = trades.unnest("additional_payload")
    # One unit of the dearer resource.
    dearer = pl.when(pl.col("price") >= 1).then("sugar").otherwise("spice")
    assert paid.select((dearer == 1).all()).item()
    assert paid.filter(pl.col("price").is_between(1, 2, closed="left"))["spice"].unique().to_list() == [1]
    assert (paid["quantity"] == paid["sugar"]).all()


def test_a_step_is_one_commit_over_all_its_tables(tmp_path: Path) -> None:
    done = sugarscape(tmp_path, "--steps", "4", "--run", "steps")
    assert done.returncode == 0, done.stderr
    commits = (tmp_path / "runs" / "steps" / "_commits").glob("*.json")
    operations = [json.loads(commit.read_text())["operation"] for commit in commits]
    # The initial state and four steps; the end of the run merges its parts.
    assert operations.count("append") == 5
    assert set(operations) == {"append", "compact"}


def test_equal_seeds_give_equal_runs_and_different_seeds_do_not(tmp_path: Path) -> None:
    for run, seed in [("one", "7"), ("same", "7"), ("other", "8")]:
        assert sugarscape(tmp_path, "--steps", "3", "--seed", seed, "--run", run).returncode == 0
    for table in TABLES:
        assert opened(tmp_path, "one").read(table).equals(opened(tmp_path, "same").read(table)), table
    assert (
        not opened(tmp_path, "one").read(TableName.HOLDINGS).equals(opened(tmp_path, "other").read(TableName.HOLDINGS))
    )


def test_a_run_that_is_already_there_is_left_alone(tmp_path: Path) -> None:
    assert sugarscape(tmp_path, "--steps", "1").returncode == 0
    before = opened(tmp_path, "sugarscape-1").read(TableName.HOLDINGS)
    again = sugarscape(tmp_path, "--steps", "1")
    assert again.returncode == 2
    assert "there is a run" in again.stderr
    assert opened(tmp_path, "sugarscape-1").read(TableName.HOLDINGS).equals(before)


def test_no_steps_are_refused(tmp_path: Path) -> None:
    refused = sugarscape(tmp_path, "--steps", "0")
    assert refused.returncode == 2
    assert "at least 1" in refused.stderr


@pytest.fixture
def recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Dataset, Any, Callable[..., list[str]]]]:
    """A short run, its model, and the example's check."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from mesa.examples.advanced.sugarscape_g1mt.model import SugarscapeG1mt
    from sugarscape_parts.check import mismatches
    from sugarscape_parts.record import record_step

    model = SugarscapeG1mt(seed=2)
    with opened(tmp_path, "checked") as dataset:
        record_step(dataset, model)
        for _ in range(2):
            model.step()
            record_step(dataset, model)
        assert mismatches(dataset, model) == []
        yield dataset, model, mismatches


def test_the_check_notices_a_trade_too_many(recorded: tuple[Dataset, Any, Callable[..., list[str]]]) -> None:
    dataset, model, mismatches = recorded
    dataset.append(TableName.EXCHANGE, dataset.read(TableName.EXCHANGE, {"tick_min": 2}, limit=1))
    found = "\n".join(mismatches(dataset, model))
    assert "trade volume at step 2" in found
    assert "mean price at step 2" in found
    assert "trade partners" in found


def test_the_check_notices_a_trader_too_many(recorded: tuple[Dataset, Any, Callable[..., list[str]]]) -> None:
    dataset, model, mismatches = recorded
    ghost = dataset.read(TableName.HOLDINGS, {"tick_min": 2}, limit=1).with_columns(agent_id=pl.lit("trader_0"))
    dataset.append(TableName.HOLDINGS, ghost)
    found = "\n".join(mismatches(dataset, model))
    assert "number of traders at step 2" in found
    assert "final holdings of ('trader_0', 'sugar')" in found


def test_the_check_notices_a_step_that_was_not_recorded(
    recorded: tuple[Dataset, Any, Callable[..., list[str]]],
) -> None:
    dataset, model, mismatches = recorded
    model.step()
    assert "number of traders at step 3" in "\n".join(mismatches(dataset, model))


def test_the_amounts_recorded_are_those_that_changed_hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from mesa.examples.advanced.sugarscape_g1mt.agents import Trader
    from mesa.examples.advanced.sugarscape_g1mt.model import SugarscapeG1mt
    from sugarscape_parts.record import record_step

    moved: list[tuple[int, int]] = []
    sell_spice = Trader.sell_spice

    def watched(seller: Any, other: Any, sugar: int, spice: int) -> None:
        moved.append((sugar, spice))
        sell_spice(seller, other, sugar, spice)

    monkeypatch.setattr(Trader, "sell_spice", watched)
    model = SugarscapeG1mt(seed=2)
    model.step()
    with opened(tmp_path, "amounts") as dataset:
        record_step(dataset, model)
        paid = dataset.read(TableName.EXCHANGE).unnest("additional_payload").select("sugar", "spice")
    # The model trades in its own order, so only the amounts can be compared, not their order.
    assert sorted(paid.iter_rows()) == sorted(moved)
