"""Many runs as one dataset: `Catalog.runs` and `Catalog.scan`."""

import pickle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from crv import _native
from crv.io import (
    Catalog,
    Dataset,
    IoArgumentError,
    IoManifestError,
    IoNotFoundError,
    IoSchemaError,
    IoSettings,
    IoSkippedRunsWarning,
    runs,
    start_run,
)

AGENTS = {"agent_id": "i64", "wealth": "f64", "name": "str"}
COUNT = 12


def rows(run: int, tick: int) -> dict[str, list[Any]]:
    ids = list(range(run % 3 + 1))
    return {
        "tick": [tick] * len(ids),
        "agent_id": ids,
        "wealth": [run * 10 + tick + agent / 4 for agent in ids],
        "name": [f"agent {agent} of run {run}" for agent in ids],
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> IoSettings:
    """A sweep of some runs, each with several small parts, and one merged."""
    settings = IoSettings(root_dir=str(tmp_path_factory.mktemp("sweep")))
    for number in range(COUNT):
        params = {"density": number / 10, "mode": "a" if number % 2 else "b"}
        with start_run(settings, f"w-{number:02}", params=params, sweep="s1", seed=number) as run:
            run.declare("agents", AGENTS, required=["agent_id"])
            for tick in range(5):
                run.append("agents", rows(number, tick))
            if number == 7:
                run.compact("agents")
    return settings


@pytest.fixture(scope="module")
def expected(settings: IoSettings) -> pl.DataFrame:
    """The rows of all runs, read one by one."""
    frames = []
    for number in range(COUNT):
        run = f"w-{number:02}"
        frame = Dataset(settings, run).read("agents")
        frames.append(
            frame.select(pl.lit(run).alias("run_id"), pl.lit(number / 10).alias("density"), pl.all())
        )
    return pl.concat(frames)


def test_runs_are_a_frame(settings: IoSettings) -> None:
    frame = runs(settings)
    assert frame.height == COUNT
    assert frame["state"].to_list() == ["succeeded"] * COUNT
    assert frame["seed"].to_list() == list(range(COUNT))
    assert frame.schema["created_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["params.density"] == pl.Float64
    assert frame.schema["tags"] == pl.List(pl.String)
    assert frame["tables"].to_list() == [["agents"]] * COUNT
    assert runs(settings.root_dir, 'density > 0.85 and mode = "a"')["run_id"].to_list() == ["w-09", "w-11"]
    by_expression = runs(settings, pl.col("params.density") > 1.0, columns=["run_id", "density"])
    assert by_expression.rows() == [("w-11", 1.1)]
    top = runs(settings, sort=["mode", "rows"], descending=True, limit=3, columns=["mode", "rows"])
    assert top.columns == ["params.mode", "rows"]
    assert top.rows() == sorted(top.rows(), reverse=True)
    catalog = Catalog(settings)
    assert catalog.runs(runs="*1?").height == 2
    assert catalog.runs("seed < 11", runs="density > 0.95")["run_id"].to_list() == ["w-10"]
    assert repr(catalog) == f"Catalog({settings.root_dir!r})"
    assert runs(settings, "density > 99").height == 0


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (None, range(COUNT)),
        ("w-0[35]", [3, 5]),
        ("density > 0.75", [8, 9, 10, 11]),
        (["w-04", "w-02"], [2, 4]),
        (pl.DataFrame({"run_id": ["w-07"]}), [7]),
        (pl.col("seed") < 2, [0, 1]),
    ],
)
def test_a_scan_has_the_rows_of_its_runs(
    settings: IoSettings, expected: pl.DataFrame, selection: Any, wanted: Any
) -> None:
    names = [f"w-{number:02}" for number in wanted]
    kept = expected.filter(pl.col("run_id").is_in(names))
    catalog = Catalog(settings)
    lazy = catalog.scan("agents", selection, params=["density"])
    assert_frame_equal(lazy.collect(), kept)
    assert_frame_equal(lazy.collect(engine="streaming"), kept)
    assert_frame_equal(lazy.select("wealth", "run_id").head(7).collect(), kept.select("wealth", "run_id").head(7))
    arrow = pl.DataFrame(catalog.scan_arrow("agents", selection, params=["density"]))
    assert_frame_equal(arrow, kept)
    ticks = catalog.scan("agents", selection, ticks=(1, 2), params=["density"])
    assert_frame_equal(ticks.collect(), kept.filter(pl.col("tick").is_between(1, 2)))


@pytest.mark.parametrize(
    "condition",
    [
        pl.col("run_id") == "w-05",
        (pl.col("density") > 0.95) & (pl.col("wealth") > 101),
        (pl.col("tick") == 3) & pl.col("run_id").is_in(["w-01", "w-02"]),
        (pl.col("tick") >= 4) | (pl.col("run_id") == "w-00"),
        pl.col("density").is_null() | (pl.col("agent_id") == 2),
        (pl.col("tick") > 1) & (pl.col("tick") < 3) & (pl.col("density") < 0.45),
        pl.col("run_id") == "none",
        pl.col("tick") > 100,
        pl.col("name").str.contains("of run 1"),
    ],
)
def test_filters_of_a_lazy_frame_keep_their_rows(
    settings: IoSettings, expected: pl.DataFrame, condition: pl.Expr
) -> None:
    lazy = Catalog(settings).scan("agents", params=["density"])
    assert_frame_equal(lazy.filter(condition).collect(), expected.filter(condition))
    assert lazy.filter(condition).select(pl.len()).collect().item() == expected.filter(condition).height
    # A limit counts rows before the filter, or after it.
    assert_frame_equal(lazy.head(20).filter(condition).collect(), expected.head(20).filter(condition))
    assert_frame_equal(lazy.filter(condition).head(5).collect(), expected.filter(condition).head(5))


def test_a_filter_opens_only_its_runs(tmp_path: Path) -> None:
    settings = IoSettings(root_dir=str(tmp_path))
    for number in range(4):
        with start_run(settings, f"r{number}", params={"beta": number}) as run:
            run.append("agents", {"tick": [0, 150], "x": [number, number]}, declare=True)
    lazy = Catalog(settings).scan("agents", params=["beta"])
    # The parts of the other runs, and of the other bucket, may as well be gone.
    for other in ("r0", "r1", "r3"):
        for part in Dataset(settings, other).files("agents"):
            Path(part).unlink()
    assert lazy.filter(pl.col("run_id") == "r2").collect()["x"].to_list() == [2, 2]
    assert lazy.filter(pl.col("beta") == 2).collect()["x"].to_list() == [2, 2]
    assert lazy.filter((pl.col("beta") > 1) & (pl.col("beta") < 3) & (pl.col("x") > 0)).collect().height == 2
    Path(Dataset(settings, "r2").files("agents")[1]).unlink()
    assert lazy.filter((pl.col("beta") == 2) & (pl.col("tick") < 100)).collect()["x"].to_list() == [2]
    with pytest.raises(Exception, match="run `r0`.*is missing"):
        lazy.collect()


def test_the_mean_by_parameter_is_one_statement(settings: IoSettings, expected: pl.DataFrame) -> None:
    means = (
        Catalog(settings)
        .scan("agents", params=["density"])
        .group_by("density")
        .agg(pl.col("wealth").mean())
        .sort("density")
    )
    assert_frame_equal(means.collect(), expected.group_by("density").agg(pl.col("wealth").mean()).sort("density"))


def _height(lazy: pl.LazyFrame) -> int:
    return lazy.collect().height


def test_a_scan_is_read_in_another_process(settings: IoSettings, expected: pl.DataFrame) -> None:
    scan = Catalog(settings).scan_arrow("agents", "w-0*", params=["density"], columns=["density", "tick"], limit=9)
    assert isinstance(scan, _native.CatalogScan)
    again = pickle.loads(pickle.dumps(scan))
    assert_frame_equal(pl.DataFrame(again), expected.select("density", "tick").head(9))
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(_rows_of, (settings,)) == expected.height


def _rows_of(settings: IoSettings) -> int:
    return _height(Catalog(settings).scan("agents"))


def test_columns_of_all_runs_are_united(tmp_path: Path) -> None:
    settings = IoSettings(root_dir=str(tmp_path))
    Dataset(settings, "a").append("t", {"tick": [0], "x": [1]}, declare=True)
    Dataset(settings, "b").append("t", {"tick": [0], "x": [2], "y": ["z"]}, declare=True)
    catalog = Catalog(settings)
    frame = catalog.scan("t").collect()
    assert frame.select("run_id", "x", "y").rows() == [("a", 1, None), ("b", 2, "z")]
    assert frame.lazy().filter(pl.col("y").is_null()).collect().height == 1
    Dataset(settings, "c").append("t", {"tick": [0], "x": ["text"]}, declare=True)
    with pytest.raises(IoSchemaError, match="field `x` is i64 in run `a`, and str in run `c`"):
        catalog.scan("t")
    assert catalog.scan("t", ["a", "b"]).collect().height == 2


def test_damaged_runs_are_left_out_when_asked(tmp_path: Path) -> None:
    settings = IoSettings(root_dir=str(tmp_path))
    for run in "abc":
        Dataset(settings, run).append("t", {"tick": [0], "x": [1]}, declare=True)
    (tmp_path / "runs/b/tables/t/manifest.json").write_text("{")
    catalog = Catalog(settings)
    frame = catalog.runs()
    assert frame["state"].to_list() == [None, "damaged", None]
    assert "manifest" in frame["problem"][1]
    with pytest.raises(IoManifestError, match="run `b` cannot be read"):
        catalog.scan("t")
    with pytest.warns(IoSkippedRunsWarning, match="left out: b: "):
        lazy = catalog.scan("t", on_error="skip")
    assert lazy.collect()["run_id"].to_list() == ["a", "c"]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda c: c.runs("densty > 1"), IoArgumentError, "did you mean `density`"),
        (lambda c: c.runs("density >"), IoArgumentError, "cannot be read at `the end`"),
        (lambda c: c.runs(columns=["nope"]), IoArgumentError, "no column `nope`"),
        (lambda c: c.runs(sort="nope"), IoArgumentError, "no column `nope`"),
        (lambda c: c.runs(runs="x-*"), IoNotFoundError, "no run matches `x-\\*`"),
        (lambda c: c.scan("agents", ["w-99"]), IoNotFoundError, "there is no run `w-99`"),
        (lambda c: c.scan("agents", 5), IoArgumentError, "cannot be selected by int"),
        (lambda c: c.scan("agents", pl.DataFrame({"x": [1]})), IoArgumentError, "no column `run_id`"),
        (lambda c: c.scan("other"), IoNotFoundError, "no selected run has a table `other`"),
        (lambda c: c.scan("agents", params=["beta"]), IoArgumentError, "no run has a parameter `beta`"),
        (lambda c: c.scan("agents", params=["tick"]), IoArgumentError, "has a column `tick` already"),
        (lambda c: c.scan("agents", on_error="ignore"), IoArgumentError, '"raise" or "skip"'),
    ],
)
def test_bad_input_is_refused_by_name(settings: IoSettings, call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call(Catalog(settings))
