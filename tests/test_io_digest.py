"""`Dataset.digest` and `diff`."""

import polars as pl
import pytest

from crv.io import Dataset, IoNotFoundError, IoSettings, diff


def fill(dataset: Dataset, weight: float = 0.5) -> Dataset:
    for tick in range(6):
        rows = {"tick": [tick] * 3, "agent": [0, 1, 2], "weight": [0.5, weight if tick == 4 else 1.0, None]}
        dataset.append("agents", pl.DataFrame(rows), declare=True)
    return dataset


def test_equal_rows_have_equal_digests(settings: IoSettings) -> None:
    one, other = fill(Dataset(settings, "a")), fill(Dataset(settings, "b"))
    before = one.digest()
    other.compact("agents")
    assert other.digest() == before
    assert (before.rows, before.tables[0].rows, before.tables[0].buckets[0].first_tick) == (18, 18, 0)
    assert len(before.digest) == 64
    found = diff(one, other)
    assert found.equal and found.first is None and (found.left, found.right) == ("a", "b")


def test_a_difference_is_named(settings: IoSettings) -> None:
    one, other = fill(Dataset(settings, "a")), fill(Dataset(settings, "b"), weight=0.25)
    assert one.digest().digest != other.digest().digest
    found = diff(one, other)
    assert not found.equal and found.first is not None and found.tables[0].first == found.first
    assert (found.first.tick, found.first.row, found.first.table) == (4, 1, "agents")
    assert [(c.column, c.left, c.right) for c in found.first.columns] == [("weight", "0.5", "0.25")]


def test_a_run_that_is_not_there_has_no_digest(settings: IoSettings) -> None:
    with pytest.raises(IoNotFoundError, match="no run `x`"):
        Dataset(settings, "x").digest()
