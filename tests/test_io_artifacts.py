"""Artifacts: written completely or not at all, and listed."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from frames import RUN, files

from crv.io import IoArgumentError, IoReadError, IoSchemaError, IoSettings, IoWriteError
from crv.io.artifacts import artifacts_root, file_stat, lab_dir, write_parquet_atomic, write_text_atomic
from crv.io.run_manifest import collect_artifacts_index, write_run_bundle_manifest

FRAME = pl.DataFrame({"agent": ["A0", "A1"], "score": [0.5, None], "payload": [{"a": [1]}, {"a": []}]})


def test_the_directories_of_a_run(settings: IoSettings) -> None:
    root = artifacts_root(settings, RUN)
    assert root == f"{settings.root_dir}/runs/{RUN}/artifacts"
    assert not Path(root).exists()
    for subdir in ("tidy", "probes", "policy", "audit"):
        assert lab_dir(settings, RUN, subdir) == lab_dir(settings, RUN, subdir) == f"{root}/lab/{subdir}"
        assert Path(root, "lab", subdir).is_dir()


@pytest.mark.parametrize("subdir", ["", "Tidy", "../tidy", "tidy/", "world", "."])
def test_any_other_directory_is_a_value_error(settings: IoSettings, subdir: str) -> None:
    with pytest.raises(ValueError, match="hint: the directories are tidy, probes, policy, audit"):
        lab_dir(settings, RUN, subdir)
    assert not Path(settings.root_dir).exists()


@pytest.mark.parametrize("run_id", ["..", "a/b", ""])
def test_no_run_id_leaves_the_root(settings: IoSettings, run_id: str) -> None:
    with pytest.raises(ValueError, match="run id"):
        lab_dir(settings, run_id, "tidy")
    with pytest.raises(ValueError, match="run id"):
        artifacts_root(settings, run_id)
    assert not Path(settings.root_dir).exists()


def test_rows_are_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.parquet"
    written = write_parquet_atomic(path, FRAME)
    assert set(written) == {"path", "bytes", "created_at", "rows"}
    assert (written["path"], written["bytes"], written["rows"]) == (str(path), path.stat().st_size, 2)
    assert pl.read_parquet(path).equals(FRAME)
    assert files(tmp_path) == ["new/scores.parquet"]


@pytest.mark.parametrize(
    "frame",
    [
        FRAME.head(0),
        pl.DataFrame({"c": pl.Series(["a", "b", "a"], dtype=pl.Categorical)}),
        pl.DataFrame({"e": pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"]))}),
        pl.DataFrame({"t": [datetime(2025, 9, 25, tzinfo=UTC)], "d": [timedelta(seconds=1)], "b": [b"x"], "n": [None]}),
        pl.DataFrame({"i": pl.Series([1], dtype=pl.UInt8), "f": pl.Series([0.5], dtype=pl.Float32)}),
    ],
    ids=["empty", "categorical", "enum", "times", "widths"],
)
def test_any_columns_keep_their_types_and_values(tmp_path: Path, frame: pl.DataFrame) -> None:
    path = tmp_path / "a.parquet"
    assert write_parquet_atomic(path, frame)["rows"] == frame.height
    found = pl.read_parquet(path)
    assert found.equals(frame) and found.schema == frame.schema


def test_text_is_written_in_utf_8(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    before = datetime.now(UTC) - timedelta(seconds=1)
    written = write_text_atomic(path, '{"größe": "🙂"}\n')
    assert set(written) == {"path", "bytes", "created_at", "wrote_text"}
    assert written["wrote_text"] is True
    assert Path(path).read_bytes() == '{"größe": "🙂"}\n'.encode()
    assert before < datetime.fromisoformat(written["created_at"]) <= datetime.now(UTC)
    stat = file_stat(path)
    assert set(stat) == {"path", "bytes", "created_at"}
    assert (stat["path"], stat["bytes"]) == (path, written["bytes"])
    assert abs(datetime.fromisoformat(stat["created_at"]).timestamp() - os.stat(path).st_mtime) < 1e-3


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_parquet_atomic(path, FRAME)
    write_text_atomic(path, "")
    assert path.read_bytes() == b"" and files(tmp_path) == ["a"]


def test_what_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_text_atomic(path, "old")
    with pytest.raises(IoSchemaError, match=r"a\.parquet"):
        write_parquet_atomic(path, pl.DataFrame({"s": [{}]}, schema={"s": pl.Struct({})}))
    with pytest.raises(IoArgumentError, match="LazyFrame"):
        write_parquet_atomic(path, FRAME.lazy())  # type: ignore[arg-type]
    with pytest.raises(IoArgumentError, match="rows cannot be read from a int"):
        write_parquet_atomic(path, 7)  # type: ignore[arg-type]
    (tmp_path / "dir").mkdir()
    for target in (tmp_path / "dir", path / "below"):
        with pytest.raises(IoWriteError):
            write_text_atomic(target, "x")
    assert files(tmp_path) == ["a.parquet"] and path.read_text() == "old"
    for absent in (tmp_path / "absent", tmp_path / "dir"):
        with pytest.raises(IoReadError, match=str(absent)):
            file_stat(absent)


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(settings: IoSettings) -> None:
    path = Path(lab_dir(settings, RUN, "policy"), "p.txt")
    sizes = (3_000_000, 5_000_000)
    write_text_atomic(path, "x" * sizes[0])
    script = f"""
from crv.io.artifacts import write_text_atomic
print("ready", flush=True)
while True:
    for size in {sizes}:
        write_text_atomic({str(path)!r}, "x" * size)
"""
    for pause in (0.0, 0.02, 0.05):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
        assert path.stat().st_size in sizes
    # Files that a killed writer may leave are not artifacts.
    (entry,) = collect_artifacts_index(settings, RUN)["lab"]["policy"]
    assert entry["path"] == "artifacts/lab/policy/p.txt"


def test_artifacts_are_listed_in_the_bundle(settings: IoSettings) -> None:
    tidy, audit = lab_dir(settings, RUN, "tidy"), lab_dir(settings, RUN, "audit")
    size = write_parquet_atomic(f"{tidy}/b.parquet", FRAME)["bytes"]
    write_text_atomic(f"{tidy}/a/notes.txt", "abc")
    write_text_atomic(f"{audit}/broken.parquet", "abc")
    Path(tidy, "half.txt.0123.tmp").write_text("half")
    Path(tidy, "link.txt").symlink_to(Path(tidy, "b.parquet"))
    expected = {
        "lab": {
            "tidy": [
                {"path": "artifacts/lab/tidy/a/notes.txt", "bytes": 3},
                {"path": "artifacts/lab/tidy/b.parquet", "bytes": size, "rows": 2},
            ],
            "probes": [],
            "policy": [],
            "audit": [{"path": "artifacts/lab/audit/broken.parquet", "bytes": 3}],
        },
        "world": {},
        "mind": {},
    }
    assert collect_artifacts_index(settings, RUN) == expected
    assert write_run_bundle_manifest(settings, RUN)["artifacts"] == expected


def test_a_frame_of_another_library_is_written(tmp_path: Path) -> None:
    import pyarrow

    path = tmp_path / "a.parquet"
    assert write_parquet_atomic(path, pyarrow.table({"a": [1, 2, 3]}))["rows"] == 3
    assert pl.read_parquet(path)["a"].to_list() == [1, 2, 3]
