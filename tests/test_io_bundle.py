"""The run bundle."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from frames import RUN, files, holdings, messages

from crv.io import Dataset, IoArgumentError, IoManifestError, IoSettings
from crv.io.run_manifest import (
    bundle_manifest_path,
    collect_artifacts_index,
    collect_tables_index,
    write_run_bundle_manifest,
)

NO_ARTIFACTS: dict[str, Any] = {"lab": {"tidy": [], "probes": [], "policy": [], "audit": []}, "world": {}, "mind": {}}


def on_disk(settings: IoSettings) -> Any:
    return json.loads(Path(bundle_manifest_path(settings, RUN)).read_text(encoding="utf-8"))


def test_a_bundle_says_what_is_in_a_run(settings: IoSettings, dataset: Dataset) -> None:
    dataset.append("holdings", holdings(0, 7, 205))
    bundle = write_run_bundle_manifest(settings, RUN, meta={"seed": 7, "größe": [1.5, None, {"a": True}]})
    assert bundle == on_disk(settings)
    assert list(bundle) == ["schema_version", "run", "env", "io", "tables", "artifacts", "facts", "status", "meta"]
    assert bundle["schema_version"] == 1
    assert list(bundle["run"]) == ["run_id", "created_at", "core_schema_v", "git"]
    assert bundle["run"]["run_id"] == RUN
    assert bundle["run"]["created_at"] == dataset.manifest("holdings").created_at
    assert bundle["run"]["core_schema_v"] == {"major": 0, "minor": 1, "date": "2025-09-20"}
    assert bundle["io"] == {
        "root_dir": settings.root_dir,
        "partitioning": "tick_buckets",
        "tick_bucket_size": 100,
        "row_group_size": 131072,
        "compression": "zstd",
    }
    size = sum(part["bytes"] for part in parts(dataset))
    assert bundle["tables"] == {
        "holdings": {
            "rows": 3,
            "bytes": size,
            "total_rows": 3,
            "total_bytes": size,
            "tick_min": 0,
            "tick_max": 205,
            "buckets": [0, 2],
        }
    }
    assert bundle["artifacts"] == NO_ARTIFACTS
    assert bundle["meta"] == {"seed": 7, "größe": [1.5, None, {"a": True}]}


def parts(dataset: Dataset) -> list[dict[str, Any]]:
    partitions = dataset.manifest("holdings").partitions.values()
    return [part.to_json_obj() for partition in partitions for part in partition.parts]


def test_the_environment_has_the_versions_that_are_installed(settings: IoSettings) -> None:
    import polars
    import pyarrow

    env = write_run_bundle_manifest(settings, RUN)["env"]
    assert env["python"] == ".".join(map(str, sys.version_info[:3]))
    assert (env["polars"], env["pyarrow"]) == (polars.__version__, pyarrow.__version__)
    assert env["crv"] and env["os"]


def test_a_bundle_is_written_without_importing_polars_and_without_pyarrow(tmp_path: Path) -> None:
    script = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyarrow", "polars"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import importlib.metadata
def version(name, real=importlib.metadata.version):
    if name == "pyarrow":
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)
importlib.metadata.version = version
from crv.io import IoSettings
from crv.io.artifacts import write_text_atomic
from crv.io.run_manifest import write_run_bundle_manifest
env = write_run_bundle_manifest(IoSettings(root_dir={str(tmp_path)!r}), "r")["env"]
assert env["pyarrow"] is None and env["polars"], env
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_run_without_tables_has_an_empty_index(settings: IoSettings) -> None:
    assert collect_tables_index(settings, RUN) == {}
    assert collect_artifacts_index(settings, RUN) == NO_ARTIFACTS
    assert not Path(settings.root_dir).exists()
    assert write_run_bundle_manifest(settings, RUN)["tables"] == {}
    assert files(settings.root_dir) == [f"runs/{RUN}/bundle.manifest.json"]


def test_the_index_of_tables_is_in_the_order_of_the_registry(settings: IoSettings, dataset: Dataset) -> None:
    dataset.append("holdings", holdings(3))
    dataset.append("messages", messages(4))
    index = collect_tables_index(settings, RUN)
    assert list(index) == ["messages", "holdings"]
    assert set(index["messages"]) == {"rows", "bytes", "tick_min", "tick_max", "buckets"}


def test_no_part_is_opened_for_the_index(settings: IoSettings, dataset: Dataset) -> None:
    dataset.append("holdings", holdings(3))
    dataset.close()
    before = collect_tables_index(settings, RUN)
    for part in Path(settings.root_dir).rglob("*.parquet"):
        part.write_text("no Parquet")
    assert collect_tables_index(settings, RUN) == before


def test_a_run_of_the_earlier_implementation_is_counted(tmp_path: Path) -> None:
    import shutil

    fixture = Path(__file__).parent / "fixtures" / "earlier-run"
    shutil.copytree(fixture, tmp_path, dirs_exist_ok=True)
    (run,) = (path.name for path in (tmp_path / "runs").iterdir())
    for part in tmp_path.rglob("*.parquet"):
        part.unlink()
    index = collect_tables_index(IoSettings(root_dir=str(tmp_path)), run)
    for table, totals in index.items():
        manifest = json.loads((tmp_path / "runs" / run / "tables" / table / "manifest.json").read_text())
        partitions = manifest["partitions"].values()
        assert totals == {
            "rows": sum(partition["row_count"] for partition in partitions),
            "bytes": sum(partition["byte_size"] for partition in partitions),
            "tick_min": min(partition["tick_min"] for partition in partitions),
            "tick_max": max(partition["tick_max"] for partition in partitions),
            "buckets": sorted(partition["bucket_id"] for partition in partitions),
        }
    assert len(index) == 3


def test_a_bundle_written_again_keeps_when_the_run_began(settings: IoSettings, dataset: Dataset) -> None:
    first = write_run_bundle_manifest(settings, RUN, meta={"a": 1})
    dataset.append("holdings", holdings(0))
    second = write_run_bundle_manifest(settings, RUN)
    assert second["run"]["created_at"] == first["run"]["created_at"]
    assert (second["meta"], second["tables"]["holdings"]["rows"]) == ({"a": 1}, 1)


def test_a_damaged_table_is_an_error_and_leaves_the_bundle(settings: IoSettings, dataset: Dataset) -> None:
    dataset.append("holdings", holdings(0))
    dataset.close()
    before = write_run_bundle_manifest(settings, RUN)
    Path(settings.root_dir, "runs", RUN, "tables", "holdings", "manifest.json").write_text("{")
    with pytest.raises(IoManifestError, match="holdings"):
        write_run_bundle_manifest(settings, RUN)
    assert on_disk(settings) == before
    assert files(settings.root_dir, "*.tmp") == []


def nested(levels: int) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for _ in range(levels - 1):
        meta = {"a": meta}
    return meta


def cyclic() -> dict[str, Any]:
    meta: dict[str, Any] = {}
    meta["self"] = meta
    return meta


@pytest.mark.parametrize(
    "meta",
    [
        nested(65),
        nested(100_000),
        cyclic(),
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": object()},
        {"a": b"bytes"},
        {"a": "\ud800"},
        {("a", "b"): 1},
        {"a": "x" * (17 << 20)},
        ["a"],
        "a",
        7,
    ],
    ids=lambda meta: type(meta).__name__,
)
def test_a_meta_that_is_no_reasonable_json_object_is_refused(settings: IoSettings, meta: Any) -> None:
    with pytest.raises(IoArgumentError, match="`meta`"):
        write_run_bundle_manifest(settings, RUN, meta=meta)
    assert not Path(settings.root_dir).exists()


def test_a_meta_that_is_just_reasonable_is_kept(settings: IoSettings) -> None:
    meta = nested(64) | {"big": 10**40, "tiny": 5e-324, "text": "\x00\u2028\U0001f642", "large": "x" * (1 << 20)}
    assert write_run_bundle_manifest(settings, RUN, meta=meta)["meta"] == meta
    assert on_disk(settings)["meta"] == meta


@pytest.mark.parametrize("run_id", ["..", ".", "", "a/b", "/a", "a b", "\0"])
def test_no_run_id_leaves_the_root(settings: IoSettings, run_id: str) -> None:
    for call in (bundle_manifest_path, collect_tables_index, collect_artifacts_index, write_run_bundle_manifest):
        with pytest.raises(ValueError, match="run id"):
            call(settings, run_id)
    assert not Path(settings.root_dir).exists()


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_repository_of_the_current_directory_is_told(
    settings: IoSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    for variable in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    def told() -> tuple[str | None, bool | None]:
        state = write_run_bundle_manifest(settings, RUN)["run"]["git"]
        return state["sha"], state["dirty"]

    assert told() == (None, None)
    git("init", "--quiet")
    assert told() == (None, None), "before the first commit"
    (repository / "model.py").write_text("1")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    sha = git("rev-parse", "HEAD")
    assert told() == (sha, False)
    (repository / "untracked.txt").write_text("")
    assert told() == (sha, False)
    (repository / "model.py").write_text("2")
    assert told() == (sha, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told() == (None, None), "without git"


def test_a_git_that_hangs_is_not_waited_for(
    settings: IoSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    started = time.monotonic()
    assert write_run_bundle_manifest(settings, RUN)["run"]["git"] == {"sha": None, "dirty": None}
    assert time.monotonic() - started < 20


def test_what_was_said_of_a_run_is_kept_until_something_else_is_said(settings: IoSettings) -> None:
    assert write_run_bundle_manifest(settings, RUN, meta={"seed": 7})["meta"] == {"seed": 7}
    assert write_run_bundle_manifest(settings, RUN)["meta"] == {"seed": 7}
    assert write_run_bundle_manifest(settings, RUN, meta={"note": "x"})["meta"] == {"note": "x"}
    assert write_run_bundle_manifest(settings, RUN, meta={})["meta"] == {}
    assert on_disk(settings)["meta"] == {}
