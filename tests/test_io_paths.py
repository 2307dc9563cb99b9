"""Paths: every name, and that no path leaves the root."""

import re
from typing import Any

import pytest
from frames import RUN

from crv.core.grammar import TableName
from crv.io import Dataset, IoError, IoSettings, paths

SETTINGS = IoSettings(root_dir="out")


def test_the_layout_is_the_documented_one() -> None:
    run = f"out/runs/{RUN}"
    assert paths.run_root(SETTINGS, RUN) == run
    assert paths.tables_root(SETTINGS, RUN) == f"{run}/tables"
    assert paths.table_dir(SETTINGS, RUN, TableName.MESSAGES) == f"{run}/tables/messages"
    assert paths.manifest_path(SETTINGS, RUN, "messages") == f"{run}/tables/messages/manifest.json"
    assert paths.bucket_dir(SETTINGS, RUN, TableName.MESSAGES, 123) == f"{run}/tables/messages/bucket=000123"
    part = paths.part_paths(SETTINGS, RUN, TableName.MESSAGES, 123, "0" * 31 + "f")
    assert part.final_path == f"{run}/tables/messages/bucket=000123/part-{'0' * 31}f.parquet"
    assert part.tmp_path == part.final_path + ".tmp"
    fresh = {paths.part_paths(SETTINGS, RUN, "messages", 0).final_path for _ in range(3)}
    assert len(fresh) == 3 and all(re.search(r"/part-[0-9a-f]{32}\.parquet$", path) for path in fresh)


def test_buckets_are_the_floor_of_tick_over_size() -> None:
    assert [paths.bucket_id_for_tick(tick, 100) for tick in (0, 99, 100, 2**62)] == [0, 0, 1, 2**62 // 100]
    assert [paths.format_bucket_dir(number) for number in (0, 123, 1234567)] == [
        "bucket=000000",
        "bucket=000123",
        "bucket=1234567",
    ]


@pytest.mark.parametrize(("tick", "size"), [(-1, 100), (0, 0), (0, -5)])
def test_there_is_no_bucket_for_a_negative_tick_or_size(tick: int, size: int) -> None:
    with pytest.raises(ValueError):
        paths.bucket_id_for_tick(tick, size)


def test_a_negative_bucket_has_no_directory() -> None:
    with pytest.raises(ValueError, match="-1"):
        paths.format_bucket_dir(-1)
    with pytest.raises(ValueError, match="-1"):
        paths.bucket_dir(SETTINGS, RUN, "messages", -1)


@pytest.mark.parametrize("part_id", ["", "../x", "F" * 32, "f" * 31])
def test_a_part_id_is_32_hex_digits(part_id: str) -> None:
    if part_id:
        with pytest.raises(ValueError, match="32 hex digits"):
            paths.part_paths(SETTINGS, RUN, "messages", 0, part_id)


BAD_RUNS = ["", ".", "..", "a/b", "../x", "a b", "ü", "a\0b", "a\n", "x" * 256, 7, None]


@pytest.mark.parametrize("run_id", BAD_RUNS)
def test_a_bad_run_id_is_refused_everywhere(run_id: Any, settings: IoSettings) -> None:
    with pytest.raises(ValueError):
        paths.validate_run_id(run_id)
    for path in (paths.run_root, paths.tables_root):
        with pytest.raises(ValueError):
            path(SETTINGS, run_id)
    with pytest.raises(ValueError):
        paths.manifest_path(SETTINGS, run_id, "messages")
    with pytest.raises(IoError):
        Dataset(settings, run_id)


@pytest.mark.parametrize("run_id", ["a", "20250101-000000", "A.b_c:d-1", "...", "x" * 255])
def test_a_good_run_id_is_returned(run_id: str) -> None:
    assert paths.validate_run_id(run_id) == run_id


def test_normalising_trims_and_joins() -> None:
    assert paths.normalize_run_id("  my run 1 ") == "my_run_1"
    for bad in ("   ", "a/b", " .. "):
        with pytest.raises(ValueError):
            paths.normalize_run_id(bad)


def test_another_table_is_refused() -> None:
    with pytest.raises(ValueError, match="lower_snake, got `Messages`"):
        paths.table_dir(SETTINGS, RUN, "Messages")
    assert paths.table_dir(SETTINGS, RUN, "agents").endswith("/tables/agents")
