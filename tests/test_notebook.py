"""How results look, and the ways in and out of notebooks: arrays, pandas, xarray."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from crv.io import (
    Catalog,
    Dataset,
    IoArgumentError,
    IoNotFoundError,
    IoSettings,
    open_run,
    start_run,
)

HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202eabc"


@pytest.fixture
def settings(tmp_path: Path) -> IoSettings:
    settings = IoSettings(root_dir=str(tmp_path / "out"))
    for number in range(3):
        params = {"density": number / 2, "name": HOSTILE}
        with start_run(settings, f"w-{number}", params=params, seed=7, sweep="s1") as run:
            for tick in range(2):
                ids = np.arange(2 + (number == 2 and tick == 1))
                wealth = 10.0 * number + tick + ids / 4
                run.record("agents", {"wealth": wealth, "kind": ["a", "b", "c"][: len(ids)], "alive": True}, tick=tick)
    return settings


class Tags(HTMLParser):
    """Collects the tags of a page, and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_everything_has_a_table_and_text_stays_text(settings: IoSettings) -> None:
    dataset, catalog = Dataset(settings, "w-0"), Catalog(settings)
    shown: list[Any] = [
        dataset,
        catalog,
        dataset.info(),
        dataset.facts(),
        dataset.status(),
        dataset.manifest("agents"),
        dataset.digest(),
        dataset.check(),
        dataset.vacuum(dry_run=True),
    ]
    for value in shown:
        text = value._repr_html_()
        assert Tags(text).seen <= {"table", "caption", "tr", "th", "td", "span"}, type(value)
        assert not re.search("[\x00-\x1f\u202e]", text)
        assert len(repr(value)) < 1_000
    assert "&lt;script&gt;" in catalog._repr_html_() and "3 runs" in catalog._repr_html_()
    assert "succeeded" in dataset._repr_html_() and "0 to 1" in dataset._repr_html_()
    # A run that is damaged is shown as such.
    Path(settings.root_dir, "runs/w-0/tables/agents/manifest.json").write_text("{")
    assert "error" in Dataset(settings, "w-0")._repr_html_()
    # A run that is damaged is opened: to be repaired.
    assert open_run("w-0", settings).check().problems
    assert "does not exist" in Catalog(f"{settings.root_dir}/none")._repr_html_()


def test_long_collections_are_short(settings: IoSettings) -> None:
    dataset = Dataset(settings, "many")
    for tick in range(120):
        dataset.record("agents", {"x": [1.0]}, tick=100 * tick)
    manifest = dataset.manifest("agents")
    assert "<120 items>" in repr(manifest) and len(repr(manifest)) < 500
    assert "70 more" in manifest._repr_html_()


def test_a_dataset_is_a_collection_of_tables(settings: IoSettings) -> None:
    dataset = Dataset(settings, "w-1")
    assert list(dataset) == ["agents"] and "agents" in dataset and "wages" not in dataset
    assert dataset["agents"].select(pl.len()).collect().item() == 4
    with pytest.raises(IoNotFoundError):
        dataset["wages"]


def test_a_run_is_opened_by_its_id_or_path(settings: IoSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    root = settings.root_dir
    for run in (open_run("w-1", root), open_run("w-1", settings), open_run(Path(root) / "runs" / "w-1")):
        assert run.read("agents").height == 4
    with pytest.raises(IoNotFoundError, match="did you mean `w-1`|w-"):
        open_run("w-11", root)
    with pytest.raises(IoArgumentError, match="is no path of a run"):
        open_run(f"{root}/w-1")
    monkeypatch.setenv("CRV_IO_ROOT_DIR", root)
    assert open_run("w-2").run_id == "w-2"
    Catalog(settings).pack(f"{root}/s.crvpack")
    assert open_run("w-2", f"{root}/s.crvpack").read("agents").height == 5


def test_arrays_of_one_tick(settings: IoSettings) -> None:
    dataset = Dataset(settings, "arrays")
    columns = {
        "x": np.array([[0.0, 1.0], [2.0, 3.0]]),
        "on": np.array([True, False]),
        "n": np.array([1, 2], dtype=np.int32),
        "zero": np.array(5),
        "text": "same",
        "maybe": [None, 1],
    }
    dataset.record("state", columns, tick=3)
    dataset.record("state", columns, tick=4)
    rows = dataset.read("state").filter(pl.col("tick") == 3).drop("bucket")
    assert rows["agent_id"].to_list() == [0, 1] and rows["x"].to_list() == [[0.0, 1.0], [2.0, 3.0]]
    assert rows["zero"].to_list() == [5, 5] and rows["text"].to_list() == ["same", "same"]
    assert rows["n"].dtype == pl.Int32 and rows["maybe"].to_list() == [None, 1]
    dataset.record("named", {"agent_id": ["a", "b"], "x": [1, 2]}, tick=0)
    assert dataset.read("named")["agent_id"].to_list() == ["a", "b"]
    with pytest.raises(IoArgumentError, match="leave `tick` out"):
        dataset.record("state", {"tick": [1, 2]}, tick=5)
    with pytest.raises(IoArgumentError, match="`x` has 2, `y` has 3"):
        dataset.record("state", {"x": [1, 2], "y": [1, 2, 3]}, tick=5)


def test_pandas_and_xarray(settings: IoSettings) -> None:
    catalog = Catalog(settings)
    frame = catalog.to_pandas("agents", params=["density"])
    assert len(frame) == 13 and list(frame.columns[:2]) == ["run_id", "density"]
    assert len(Dataset(settings, "w-0").to_pandas("agents")) == 4
    cube = catalog.to_xarray("agents", params=["density"])
    assert dict(cube.sizes) == {"run_id": 3, "tick": 2, "agent_id": 3}
    assert cube["density"].values.tolist() == [0.0, 0.5, 1.0]
    assert cube["wealth"].sel(run_id="w-2", tick=1, agent_id=2).item() == 21.5
    assert np.isnan(cube["wealth"].sel(run_id="w-0", tick=1, agent_id=2).item())
    assert cube["kind"].sel(run_id="w-1", tick=0, agent_id=1).item() == "b"
    whole = catalog.to_xarray("agents", "w-[01]", columns=["wealth"])
    assert whole["wealth"].dtype == np.float64 and whole["wealth"].shape == (2, 2, 2) and list(whole.data_vars) == ["wealth"]
    assert whole["wealth"].sel(run_id="w-1").values.tolist() == [[10.0, 10.25], [11.0, 11.25]]
    flat = catalog.to_xarray("agents", "w-0", dims=("tick", "agent_id"), columns=["alive"])
    assert flat["alive"].values.tolist() == [[True, True], [True, True]]
    with pytest.raises(IoArgumentError, match="two rows are at one place: run_id w-0, tick 0"):
        catalog.to_xarray("agents", dims=("run_id", "tick"))
    assert dict(catalog.to_xarray("agents", "w-0", dims="agent_id", ticks=(0, 0)).sizes) == {"agent_id": 2}
    with pytest.raises(IoArgumentError, match="at least one dimension"):
        catalog.to_xarray("agents", dims=())
    with pytest.raises(IoArgumentError, match="there is no column `wages`"):
        catalog.to_xarray("agents", columns=["wages"])
