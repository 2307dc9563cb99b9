"""Mistakes of callers: each is an error with a helpful hint, and none loses rows or creates files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from frames import RUN, holdings, messages

from crv.io import Dataset, IoConfigError, IoManifestError, IoSchemaError, IoSettings, list_runs
from crv.io.validate import validate_frame


def test_a_run_that_is_not_there_is_said_to_be_so(settings: IoSettings, dataset: Dataset) -> None:
    dataset.append("holdings", holdings(0))
    reads: list[Callable[[Dataset], object]] = [
        lambda run: run.scan("holdings"),
        lambda run: run.scan_arrow("holdings"),
        lambda run: run.manifest("holdings"),
        lambda run: run.files("holdings"),
    ]
    for read in reads:
        with pytest.raises(IoManifestError, match="there is no run `20250101-00000` under `.*out`") as error:
            read(Dataset(settings, "20250101-00000"))
        assert f"did you mean `{RUN}`?" in str(error.value)
    with pytest.raises(IoManifestError, match="has no manifest"):
        dataset.scan("messages")


def test_a_root_that_is_not_there_is_no_root_without_runs(settings: IoSettings) -> None:
    with pytest.raises(IoConfigError, match="the root `.*out` does not exist\nhint: check root_dir"):
        list_runs(settings)
    Path(settings.root_dir).mkdir()
    assert list_runs(settings) == []


def test_a_url_is_no_local_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IoConfigError, match="setting `root_dir` is `s3://bucket/runs`.*`s3://` is not supported"):
        IoSettings(root_dir="s3://bucket/runs")
    monkeypatch.setenv("CRV_IO_ROOT_DIR", "gs://bucket")
    with pytest.raises(IoConfigError, match="environment variable `CRV_IO_ROOT_DIR` is `gs://bucket`"):
        IoSettings.load()
    assert IoSettings(root_dir="s3://bucket/runs", fs_protocol="memory").fs_protocol == "memory"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["append", "transaction", "writer"])
def test_a_frame_without_rows_is_checked_as_any_other(settings: IoSettings, dataset: Dataset, how: str) -> None:
    def append(frame: Any) -> None:
        if how == "append":
            summary = dataset.append("holdings", frame)
            assert (summary["rows"], summary["commit"]) == (0, None)
        elif how == "transaction":
            with dataset.transaction() as transaction:
                transaction.append("holdings", frame)
        else:
            with dataset.writer() as writer:
                writer.append("holdings", frame)

    for wrong in (messages(0).clear(), messages(0).clear().to_arrow(), pl.DataFrame({"tick": []}), holdings(0).clear().to_pandas()[["tick"]]):
        with pytest.raises(IoSchemaError, match="run `.*`, table `holdings`"):
            append(wrong)
    for right in (holdings(0).clear(), holdings(0).clear().to_arrow(), pl.DataFrame(), pl.DataFrame([])):
        append(right)
    append([])
    assert not Path(settings.root_dir).exists()


def test_a_schema_that_nests_too_deep_is_refused_before_rows_are_made(dataset: Dataset) -> None:
    payload: pa.DataType = pa.int64()
    for _ in range(60):
        payload = pa.struct([("a", payload)])
    names = ["tick", "venue_id", "token_id", "exchange_event_type"]
    schema = pa.schema([(name, pa.int64() if name == "tick" else pa.string()) for name in names])
    schema = schema.append(pa.field("additional_payload", payload))
    asked = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal asked
        asked += 1
        yield from ()

    def frame() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(schema, batches())

    refused = "nests deeper than 48 levels\nhint: flatten the payload"
    with pytest.raises(IoSchemaError, match=f"run `{RUN}`, table `exchange`: (?s:.)*{refused}"):
        dataset.append("exchange", frame())
    with dataset.transaction() as transaction, pytest.raises(IoSchemaError, match=refused):
        transaction.append("exchange", frame())
    with dataset.writer() as writer, pytest.raises(IoSchemaError, match=refused):
        writer.append("exchange", frame())
    with pytest.raises(IoSchemaError, match=refused):
        validate_frame("exchange", frame())
    assert asked == 0
