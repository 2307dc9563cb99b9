"""Maintenance: check, repair, compact, vacuum, prune."""

import dataclasses
import os
from datetime import timedelta
from pathlib import Path

import pytest
from frames import RUN, files, holdings, parts

from crv import _native
from crv.core.grammar import TableName
from crv.io import Dataset, GarbageKind, IoArgumentError, IoManifestError, IoSettings, ProblemKind, RepairKind
from crv.io.paths import manifest_path

HOLDINGS = TableName.HOLDINGS


@pytest.fixture
def run(settings: IoSettings) -> Dataset:
    with Dataset(settings, RUN) as dataset:
        for tick in range(5):
            dataset.append(HOLDINGS, holdings(tick))
    return Dataset(settings, RUN)


def ticks(run: Dataset) -> list[int]:
    return run.read(HOLDINGS)["tick"].to_list()


def test_the_kinds_are_the_native_ones_in_their_order() -> None:
    assert [kind.value for kind in ProblemKind] == [word for word, _ in _native.problem_kinds()]
    assert [kind.value for kind in RepairKind] == _native.repair_kinds()
    for word, _ in _native.problem_kinds():
        assert ProblemKind(word).name == word.upper().replace("-", "_")


@pytest.mark.parametrize("deep", [False, True])
def test_a_run_that_is_well_has_no_problems(run: Dataset, deep: bool) -> None:
    report = run.check(deep=deep)
    assert report.ok and report.problems == () and report.deep == deep
    assert (report.tables, report.commits, report.parts, report.rows) == (1, 5, 5, 5)
    assert run.repair().actions == () and run.repair().left == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.ok = False  # type: ignore[misc]


def test_every_problem_says_whether_it_is_harmless_as_its_kind_does(run: Dataset, settings: IoSettings) -> None:
    table = Path(manifest_path(settings, RUN, HOLDINGS)).parent
    (table / "notes.txt").touch()
    (table / "x.tmp").touch()
    Path(settings.root_dir, parts(settings.root_dir)[0]).write_bytes(b"damaged")
    report = run.check()
    assert not report.ok
    assert {problem.kind for problem in report.problems} == {
        ProblemKind.DAMAGED_PART,
        ProblemKind.UNKNOWN_NAME,
        ProblemKind.TEMPORARY_FILE,
    }
    harmless = dict(_native.problem_kinds())
    assert all(problem.harmless == harmless[problem.kind] and problem.action for problem in report.problems)


def test_a_bit_that_flipped_in_a_part_is_found_by_a_deep_check(run: Dataset, settings: IoSettings) -> None:
    part = Path(settings.root_dir, parts(settings.root_dir)[0])
    data = bytearray(part.read_bytes())
    data[10] ^= 1
    part.write_bytes(data)
    (problem,) = run.check(deep=True).problems
    assert problem.kind is ProblemKind.DAMAGED_PART and problem.path == str(part)
    assert run.repair().actions == ()


def test_a_damaged_manifest_is_repaired_and_kept(run: Dataset, settings: IoSettings) -> None:
    manifest = Path(manifest_path(settings, RUN, HOLDINGS))
    manifest.write_text("{}")
    with pytest.raises(IoManifestError):
        Dataset(settings, RUN).read(HOLDINGS)
    (problem,) = run.check().problems
    assert problem.kind is ProblemKind.DAMAGED_MANIFEST and "crv repair" in problem.action
    (action,) = run.repair().actions
    assert action.kind is RepairKind.WRITE_MANIFEST and action.path == str(manifest)
    assert action.kept is not None and Path(action.kept).read_text() == "{}"
    assert ticks(Dataset(settings, RUN)) == [0, 1, 2, 3, 4]
    assert [problem.kind for problem in run.check().problems] == [ProblemKind.REPLACED_FILE]


def test_a_missing_part_is_left_to_who_has_a_copy(run: Dataset, settings: IoSettings) -> None:
    Path(settings.root_dir, parts(settings.root_dir)[0]).unlink()
    report = run.repair()
    assert report.actions == () and [problem.kind for problem in report.left] == [ProblemKind.MISSING_PART]


def test_pruning_keeps_every_row(run: Dataset, settings: IoSettings) -> None:
    assert run.prune().removed == 0, "nothing is an hour old"
    report = run.prune(timedelta())
    assert (report.through, report.removed, report.left) == (5, 5, 0) and report.bytes > 0
    assert [Path(name).name for name in files(settings.root_dir, "*/_commits/*")] == ["base.json"]
    run.append(HOLDINGS, holdings(5))
    assert ticks(run) == ticks(Dataset(settings, RUN)) == [0, 1, 2, 3, 4, 5]
    assert run.check(deep=True).problems == ()


@pytest.mark.parametrize("age", [timedelta(seconds=-1), 3600, "1h", None])
def test_what_is_no_age_is_refused(run: Dataset, age: object) -> None:
    with pytest.raises(IoArgumentError, match="timedelta"):
        run.prune(age)  # type: ignore[arg-type]


def test_parts_are_merged_and_vacuumed_and_rows_stay(run: Dataset, settings: IoSettings) -> None:
    before = run.read(HOLDINGS)
    report = run.compact(HOLDINGS)
    assert (report.table, report.parts_before, report.parts_after, report.rows) == (HOLDINGS, 5, 1, 5)
    assert report.bytes_before > report.bytes_after and report.commits == (6,)
    assert run.read(HOLDINGS).equals(before)
    (file,) = run.files(HOLDINGS)
    assert len(parts(settings.root_dir)) == 6 and Path(file).is_file()
    assert run.check().problems[0].kind is ProblemKind.MERGED_PART
    assert run.vacuum().kept == 5
    would = run.vacuum(timedelta(0), dry_run=True)
    done = run.vacuum(timedelta(0))
    assert would.dry_run and not done.dry_run and would.removed == done.removed
    assert {garbage.kind for garbage in done.removed} == {GarbageKind.MERGED_PART}
    assert sum(garbage.bytes for garbage in done.removed) == done.bytes == report.bytes_before
    assert parts(settings.root_dir) == [os.path.relpath(file, settings.root_dir)]
    assert run.read(HOLDINGS).equals(before)


def test_a_merge_can_be_bounded(run: Dataset) -> None:
    run.append(HOLDINGS, holdings(100))
    run.append(HOLDINGS, holdings(101))
    assert run.compact(HOLDINGS, ticks=(100, None)).parts_before == 2
    assert run.compact(HOLDINGS, ticks=(0, 4), max_bytes=1).parts_before == 5
    assert run.compact(HOLDINGS, max_bytes=2**63).parts_before == 0


@pytest.mark.parametrize("bound", [0, -1, 1.5, "1", True])
def test_a_bound_that_is_none_is_refused(run: Dataset, bound: object) -> None:
    with pytest.raises(IoArgumentError, match="`max_bytes` is"):
        run.compact(HOLDINGS, max_bytes=bound)  # type: ignore[arg-type]


def test_sealed_buckets_are_merged_behind_the_appenders_back(settings: IoSettings) -> None:
    with Dataset(dataclasses.replace(settings, compact_sealed_buckets=True), RUN) as run:
        for tick in range(90, 110):
            run.append(HOLDINGS, holdings(tick))
    assert [len(partition.parts) for partition in run.manifest(HOLDINGS).partitions.values()] == [1, 10]
    assert ticks(run) == list(range(90, 110))
