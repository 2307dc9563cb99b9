"""Manifests: contents; old, damaged, missing and moved ones."""

import json
import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from frames import RUN, holdings, parts

from crv.core.grammar import TableName
from crv.io import Dataset, IoArgumentError, IoLostRowsWarning, IoManifestError, IoSettings
from crv.io.manifest import (
    PartMeta,
    TableManifest,
    load_manifest,
    new_manifest,
    rebuild_manifest_from_fs,
    update_with_new_part,
    write_manifest,
)
from crv.io.paths import manifest_path

HOLDINGS = TableName.HOLDINGS
EARLIER = Path(__file__).parent / "fixtures" / "earlier-run"


@pytest.fixture
def run(settings: IoSettings) -> Dataset:
    with Dataset(settings, RUN) as dataset:
        dataset.append(HOLDINGS, holdings(0, 1, 150))
        dataset.append(HOLDINGS, holdings(2))
    return Dataset(settings, RUN)


def on_disk(settings: IoSettings) -> Path:
    return Path(manifest_path(settings, RUN, HOLDINGS))


def test_the_file_has_the_keys_that_other_readers_know(run: Dataset, settings: IoSettings) -> None:
    text = on_disk(settings).read_text()
    assert text.startswith("{\n  ")
    obj = json.loads(text)
    assert obj["table"] == "holdings" and obj["version"] == 1
    assert list(obj["partitions"]) == ["000000", "000001"]
    first = obj["partitions"]["000000"]
    assert {key: first[key] for key in ("bucket_id", "state", "tick_min", "tick_max", "row_count")} == {
        "bucket_id": 0,
        "state": "ready",
        "tick_min": 0,
        "tick_max": 2,
        "row_count": 3,
    }
    assert first["byte_size"] == sum(part["bytes"] for part in first["parts"])
    for part in first["parts"]:
        assert set(part) == {"path", "rows", "bytes", "tick_min", "tick_max", "created_at"}
        assert re.fullmatch(r"part-[0-9a-f]{32}\.parquet", part["path"])
        assert datetime.fromisoformat(part["created_at"]).utcoffset() is not None
    for key in ("created_at", "updated_at"):
        assert datetime.fromisoformat(obj[key]).utcoffset() is not None


def test_what_is_loaded_is_what_is_on_disk(run: Dataset, settings: IoSettings) -> None:
    manifest = load_manifest(settings, RUN, HOLDINGS)
    assert manifest == run.manifest(HOLDINGS)
    assert manifest == TableManifest.from_json_obj(json.loads(on_disk(settings).read_text()))
    assert manifest is not None and TableManifest.from_json_obj(manifest.to_json_obj()) == manifest


def test_a_table_that_is_not_there_has_none(run: Dataset, settings: IoSettings) -> None:
    assert load_manifest(settings, RUN, "messages") is None
    assert load_manifest(settings, "another", HOLDINGS) is None
    assert not Path(settings.root_dir, "runs", "another").exists(), "looking makes nothing"


def test_what_is_loaded_is_the_current_state_though_the_file_lags(settings: IoSettings) -> None:
    dataset = Dataset(settings, RUN)
    for tick in range(30):
        dataset.append(HOLDINGS, holdings(tick))
        manifest = load_manifest(settings, RUN, HOLDINGS)
        assert manifest is not None and manifest.partitions["000000"].row_count == tick + 1


@pytest.mark.parametrize("every", [1, 3])
def test_an_explicit_interval_is_taken_at_its_word(tmp_path: Path, every: int) -> None:
    settings = IoSettings(root_dir=str(tmp_path), write_manifest_every_n=every)
    dataset = Dataset(settings, RUN)
    for tick in range(9):
        dataset.append(HOLDINGS, holdings(tick))
        listed = json.loads(on_disk(settings).read_text())["partitions"].get("000000", {"parts": []})["parts"]
        assert len(listed) == (tick + 1) // every * every


def test_closing_brings_the_file_up_to_date(settings: IoSettings) -> None:
    with Dataset(settings, RUN) as dataset:
        for tick in range(30):
            dataset.append(HOLDINGS, holdings(tick))
    assert json.loads(on_disk(settings).read_text())["partitions"]["000000"]["row_count"] == 30


def test_a_manifest_can_be_made_and_written_by_hand(run: Dataset, settings: IoSettings) -> None:
    found = run.manifest(HOLDINGS)
    manifest = new_manifest(HOLDINGS)
    for partition in found.partitions.values():
        for part in partition.parts:
            update_with_new_part(manifest, partition.bucket_id, part)
    assert manifest.partitions == found.partitions
    manifest.partitions["000000"].parts.pop()
    kept = manifest.partitions["000000"].parts[0]
    manifest.partitions["000000"] = type(manifest.partitions["000000"])(
        bucket_id=0,
        tick_min=kept.tick_min,
        tick_max=kept.tick_max,
        row_count=kept.rows,
        byte_size=kept.bytes,
        parts=[kept],
    )
    write_manifest(settings, RUN, manifest)
    assert sorted(Dataset(settings, RUN).read(HOLDINGS)["tick"]) == [0, 1, 150]
    loaded = load_manifest(settings, RUN, HOLDINGS)
    assert loaded is not None and loaded.partitions == manifest.partitions


def test_a_part_outside_its_bucket_is_not_written(run: Dataset, settings: IoSettings) -> None:
    manifest = run.manifest(HOLDINGS)
    part = PartMeta(path="../../x.parquet", rows=1, bytes=1, tick_min=0, tick_max=0, created_at=manifest.created_at)
    update_with_new_part(manifest, 0, part)
    with pytest.raises((IoManifestError, IoArgumentError), match="x.parquet"):
        write_manifest(settings, RUN, manifest)
    assert run.read(HOLDINGS).height == 4


def test_keys_of_later_versions_are_passed_over() -> None:
    obj = new_manifest("messages").to_json_obj()
    assert TableManifest.from_json_obj(obj | {"colour": "blue"}).to_json_obj() == obj


@pytest.mark.parametrize("rebuild", ["method", "function"])
def test_a_lost_manifest_is_rebuilt_from_the_parts(run: Dataset, settings: IoSettings, rebuild: str) -> None:
    before = run.manifest(HOLDINGS)
    shutil.rmtree(Path(settings.root_dir, "runs", RUN, "_commits"))
    on_disk(settings).unlink()
    again = Dataset(settings, RUN)
    with pytest.raises(IoManifestError, match=r"(?s)holdings.*rebuild_manifest"):
        again.read(HOLDINGS)
    made = (
        again.rebuild_manifest(HOLDINGS) if rebuild == "method" else rebuild_manifest_from_fs(settings, RUN, HOLDINGS)
    )
    assert {key: value.row_count for key, value in made.partitions.items()} == {"000000": 3, "000001": 1}
    assert {part.path for part in made.partitions["000000"].parts} == {
        part.path for part in before.partitions["000000"].parts
    }
    assert sorted(Dataset(settings, RUN).read(HOLDINGS)["tick"]) == [0, 1, 2, 150]


def test_a_rebuild_warns_of_parts_that_are_gone(run: Dataset, settings: IoSettings) -> None:
    bucket = on_disk(settings).parent / "bucket=000001"
    shutil.rmtree(bucket)
    with pytest.warns(IoLostRowsWarning, match="bucket=000001/part-"):
        made = run.rebuild_manifest(HOLDINGS)
    assert list(made.partitions) == ["000000"]
    assert Dataset(settings, RUN).read(HOLDINGS).height == 3


@pytest.mark.parametrize(
    "damage", ["", "{", '{"table": "holdings"}', "[]", "\0" * 100, '{"table": "holdings", "version": 99}']
)
def test_a_damaged_manifest_is_named(run: Dataset, settings: IoSettings, damage: str) -> None:
    shutil.rmtree(Path(settings.root_dir, "runs", RUN, "_commits"))
    on_disk(settings).write_text(damage)
    with pytest.raises(IoManifestError, match=re.escape("tables/holdings/manifest.json")):
        Dataset(settings, RUN).read(HOLDINGS)


def test_a_run_can_be_moved_whole(run: Dataset, settings: IoSettings, tmp_path: Path) -> None:
    expected = run.read(HOLDINGS)
    shutil.move(settings.root_dir, tmp_path / "elsewhere")
    moved = Dataset(IoSettings(root_dir=str(tmp_path / "elsewhere")), RUN)
    assert moved.read(HOLDINGS).equals(expected)
    moved.append(HOLDINGS, holdings(9))
    assert moved.read(HOLDINGS).height == 5


def test_a_run_of_the_earlier_implementation_is_read_and_continued(tmp_path: Path) -> None:
    root = shutil.copytree(EARLIER, tmp_path / "earlier")
    settings = IoSettings(root_dir=str(root))
    (run_id,) = (path.name for path in (root / "runs").iterdir())
    dataset = Dataset(settings, run_id)
    assert dataset.tables()
    for table in dataset.tables():
        manifest = json.loads(Path(manifest_path(settings, run_id, table)).read_text())
        listed = sum(partition["row_count"] for partition in manifest["partitions"].values())
        assert dataset.read(table).height == listed
        assert len(parts(Path(manifest_path(settings, run_id, table)).parent)) >= len(manifest["partitions"])
