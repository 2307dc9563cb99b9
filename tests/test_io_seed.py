"""The example in the documentation of the package, verbatim."""

from pathlib import Path

import pytest


def test_the_documented_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    import polars as pl

    from crv.core.grammar import TableName
    from crv.io import Dataset, IoSettings

    settings = IoSettings(root_dir="out", tick_bucket_size=100)
    ds = Dataset(settings, run_id="20250101-000000")
    df = pl.DataFrame(
        {
            "tick": [0, 1, 2, 101],
            "observer_agent_id": ["A0", "A1", "A2", "A0"],
            "edge_kind": ["self_to_object"] * 4,
            "edge_weight": [0.0, 0.1, 0.2, 0.3],
        }
    )
    ds.append(TableName.IDENTITY_EDGES, df)

    lf = ds.scan(TableName.IDENTITY_EDGES, where={"tick_min": 0, "tick_max": 120})
    read = lf.collect()
    assert read.select(df.columns).equals(df)
    assert read["bucket"].to_list() == [0, 0, 0, 1]
    assert (tmp_path / "out/runs/20250101-000000/tables/identity_edges/bucket=000001").is_dir()
