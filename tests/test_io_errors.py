"""Errors: the kinds equal the native ones, and storage errors leave the table unchanged."""

import pickle
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from frames import RUN, files, holdings, parts

from crv import _native
from crv.core.grammar import TableName
from crv.io import (
    Dataset,
    IoArgumentError,
    IoError,
    IoReadError,
    IoSettings,
    IoUnknownOutcomeError,
    IoWriteError,
    errors,
)


def test_every_native_kind_has_its_class() -> None:
    assert list(errors.BY_KIND) and sorted(errors.BY_KIND) == sorted(_native.error_kinds())
    for kind, error in errors.BY_KIND.items():
        assert error.kind == kind and issubclass(error, IoError)
        assert error.__name__ in errors.__all__


def test_a_wrong_argument_is_also_a_value_error() -> None:
    assert issubclass(IoArgumentError, ValueError)


def test_errors_survive_pickling() -> None:
    error = IoUnknownOutcomeError("a commit may be there")
    error.commit, error.id = 17, "x"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.commit, again.id, type(again)) == (str(error), 17, "x", IoUnknownOutcomeError)


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("not a directory")
    dataset = Dataset(IoSettings(root_dir=str(tmp_path / "root")), RUN)
    with pytest.raises(IoWriteError, match=re.escape(str(tmp_path / "root"))):
        dataset.append(TableName.HOLDINGS, holdings(0))


def test_a_bucket_that_is_a_file_leaves_the_table_as_it_was(dataset: Dataset, settings: IoSettings) -> None:
    dataset.append(TableName.HOLDINGS, holdings(0))
    blocked = Path(settings.root_dir, "runs", RUN, "tables", "holdings", "bucket=000003")
    blocked.write_text("in the way")
    before = parts(settings.root_dir)
    with pytest.raises(IoWriteError, match="bucket=000003"):
        dataset.append(TableName.HOLDINGS, holdings(100, 200, 300))
    assert parts(settings.root_dir) == before and files(settings.root_dir, "*.tmp") == []
    assert dataset.read(TableName.HOLDINGS).height == 1
    blocked.unlink()
    dataset.append(TableName.HOLDINGS, holdings(100, 200, 300))
    assert dataset.read(TableName.HOLDINGS)["tick"].to_list() == [0, 100, 200, 300]


def test_a_full_disk_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    script = """
        import resource, signal, sys
        import polars as pl
        from crv.io import Dataset, IoSettings, IoWriteError

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        dataset = Dataset(IoSettings(root_dir=sys.argv[1]), "r")
        def rows(count):
            numbers = pl.Series(range(count)).hash(7).reinterpret(signed=True)
            return pl.DataFrame({"tick": 0, "agent_id": numbers.cast(pl.String), "token_id": "T", "quantity": numbers})
        dataset.append("holdings", rows(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        try:
            dataset.append("holdings", rows(100_000))
        except IoWriteError as error:
            assert "part-" in str(error), error
        else:
            sys.exit("the append succeeded")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert dataset.read("holdings").height == 1
        dataset.append("holdings", rows(100_000))
        assert dataset.read("holdings").height == 100_001
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True)
    assert files(tmp_path, "*.tmp") == [] and len(parts(tmp_path)) == 2


def test_a_damaged_part_is_named(dataset: Dataset) -> None:
    (part,) = dataset.append(TableName.HOLDINGS, holdings(0))["parts"]
    Path(part["path"]).write_bytes(b"PAR1 and nothing else")
    scan = _native.Dataset(dataset.settings, RUN).scan(TableName.HOLDINGS, None)
    with pytest.raises(IoReadError, match=Path(part["path"]).name):
        list(scan.batches(0, 1, columns=None, limit=None))
