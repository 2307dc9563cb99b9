"""Declared tables from Python: every way to say which columns a table has, and rows as plain values."""

import dataclasses
import datetime
import enum
import pickle
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from frames import RUN, holdings

from crv.core.grammar import TableName
from crv.io import (
    Column,
    Dataset,
    IoArgumentError,
    IoNotFoundError,
    IoSchemaError,
    IoSettings,
    list_runs,
    presets,
)
from crv.io.maintenance import CompactReport

AGENTS = {"agent_id": "i64", "wealth": "f64", "x": "f32", "state": "str"}


def types(dataset: Dataset, table: str) -> dict[str, str]:
    """The declared columns but bucket and tick; a required one has an exclamation mark."""
    columns = dataset.columns(table)
    assert list(columns)[:2] == ["bucket", "tick"]
    assert columns["bucket"] == columns["tick"] == Column("i64", required=True)
    return {name: column.type + "!" * column.required for name, column in list(columns.items())[2:]}


class State(enum.Enum):
    """Of an agent."""

    WELL = "well"
    ILL = "ill"


class Point(TypedDict):
    """A place."""

    x: float
    y: float


@dataclasses.dataclass
class Agent:
    """An agent, as a simulation may have it."""

    agent_id: int
    at: Point
    path: list[Point]
    state: State
    kind: Literal["a", "b"]
    pair: tuple[float, float]
    names: Sequence[str]
    width: np.int16
    born: datetime.date
    seen: datetime.datetime | None = None
    wealth: Annotated[float, "in dollars"] | None = None
    more: dict[str, Any] | None = None


class Sighting(TypedDict):
    """A record with a key that may be left out."""

    agent_id: int
    seen: datetime.datetime
    day: datetime.date
    note: NotRequired[str]


class Model(pydantic.BaseModel):
    """The same as a model."""

    agent_id: int
    wealth: float | None = None


DECLARED = [
    (AGENTS, {"agent_id": "i64", "wealth": "f64", "x": "f32", "state": "str"}),
    ({"tick": "i64"}, {}),
    (
        {
            "a": int,
            "b": float,
            "c": pl.UInt8,
            "d": np.float32,
            "e": {"x": "f32", "y": [int]},
            "f": list[bool],
            "g": pa.int8(),
        },
        {"a": "i64", "b": "f64", "c": "u8", "d": "f32", "e": "struct", "f": "list[bool]", "g": "i8"},
    ),
    (
        pl.Schema(
            [("a", pl.Int16()), ("b", pl.List(pl.Float32)), ("c", pl.Datetime("us", "UTC")), ("d", pl.Enum(["x"]))]
        ),
        {"a": "i16", "b": "list[f32]", "c": "timestamp[UTC]", "d": "str"},
    ),
    (pl.DataFrame({"tick": [0], "a": [1.5], "b": [[1]]}), {"a": "f64", "b": "list[i64]"}),
    (
        pa.schema([("bucket", pa.int64()), ("a", pa.decimal128(9, 2)), ("b", pa.time64("us"))]),
        {"a": "decimal[9,2]", "b": "time"},
    ),
    (pa.table({"a": [b"x"]}), {"a": "binary"}),
    (
        Agent,
        {
            "agent_id": "i64!",
            "at": "struct!",
            "path": "list[struct]!",
            "state": "str!",
            "kind": "str!",
            "pair": "list[f64]!",
            "names": "list[str]!",
            "width": "i16!",
            "born": "date!",
            "seen": "timestamp",
            "wealth": "f64",
            "more": "struct",
        },
    ),
    (Model, {"agent_id": "i64!", "wealth": "f64"}),
    (Point, {"x": "f64!", "y": "f64!"}),
    (Sighting, {"agent_id": "i64!", "seen": "timestamp!", "day": "date!", "note": "str"}),
]


@pytest.mark.parametrize(("columns", "expected"), DECLARED)
def test_columns_are_taken_from_what_a_caller_has(dataset: Dataset, columns: Any, expected: dict[str, str]) -> None:
    dataset.declare("agents", columns)
    assert types(dataset, "agents") == expected
    dataset.declare("agents", columns)
    assert dataset.read("agents").height == 0


def test_required_columns_may_be_named(dataset: Dataset) -> None:
    dataset.declare("agents", AGENTS, required=["agent_id"])
    dataset.declare("models", Model, required=["wealth"])
    assert types(dataset, "agents")["agent_id"] == "i64!"
    assert types(dataset, "models") == {"agent_id": "i64", "wealth": "f64!"}


REFUSED = [
    ("holdings", {"a": "i64"}, IoSchemaError, "`holdings` is a canonical table"),
    ("Agents", {"a": "i64"}, IoArgumentError, "must be lower_snake, got `Agents`"),
    ("a" * 64, {"a": "i64"}, IoArgumentError, "it has 64 bytes, at most 63 are allowed"),
    ("t", {}, IoSchemaError, "run `20250101-000000`, table `t`: a table needs at least one column"),
    ("t", {"bucket": "i64"}, IoSchemaError, "`bucket` cannot be declared"),
    ("t", {"tick": "f64"}, IoSchemaError, "`tick` must be i64, not f64"),
    ("t", {"a": "float"}, IoSchemaError, "`a`: unknown type `float`\nhint: write `f64`"),
    ("t", {"a": {"b": ["quux"]}}, IoSchemaError, r"`a\.b\[\]`: unknown type `quux`\nhint: the types are bool, i64"),
    ("t", {"a": object}, IoArgumentError, "`a` has type object, which is not the type of a column"),
    ("t", {"a": int | str}, IoArgumentError, "`a` has type int | str"),
    ("t", {1: "i64"}, IoArgumentError, "a column has the name 1, which is no text"),
    ("t", {"X": "i64", "x": "i64"}, IoSchemaError, "columns `X` and `x` differ only by case"),
    ("t", pl.DataFrame({"a": [None]}), IoSchemaError, "`a` has no type"),
    ("t", 5, IoArgumentError, "columns cannot be read from an object of type int"),
    ("t", Path, IoArgumentError, "columns cannot be read from the class Path"),
    ("t", None, IoArgumentError, "no columns are given for table `t`"),
    ({"a": "i64"}, "t", IoArgumentError, "a table is named by a str"),
]


@pytest.mark.parametrize(("table", "columns", "kind", "told"), REFUSED)
def test_what_no_table_can_be_is_refused(
    dataset: Dataset, settings: IoSettings, table: Any, columns: Any, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        dataset.declare(table, columns)
    assert not Path(settings.root_dir).exists()


def test_declaring_again_is_growth_or_an_error(dataset: Dataset) -> None:
    dataset.declare("agents", AGENTS, required=["agent_id"])
    dataset.append("agents", {"tick": [0], "agent_id": [1]})
    dataset.declare("agents", AGENTS | {"mood": "u8"}, required=["agent_id"])
    dataset.append("agents", {"tick": [1], "agent_id": [1], "mood": [7]})
    assert dataset.read("agents")["mood"].to_list() == [None, 7]
    assert dataset.read("agents").schema["mood"] == pl.UInt8
    for columns, told in [
        (AGENTS | {"mood": "u16"}, "`mood` is u8, and is declared u16 now"),
        ({"agent_id": "i64"}, r"lacks column `wealth` \(f64\)"),
    ]:
        with pytest.raises(IoSchemaError, match=told):
            dataset.declare("agents", columns, required=["agent_id"])
    with pytest.raises(IoSchemaError, match="`agent_id` is required, and is declared nullable now"):
        dataset.declare("agents", AGENTS | {"mood": "u8"})


def test_a_frame_declares_its_table(dataset: Dataset) -> None:
    dataset.append("model", {"tick": [0], "gini": [0.5]}, declare=True)
    dataset.append("model", pl.DataFrame({"tick": [1], "n": [3]}, schema_overrides={"n": pl.Int32}), declare=True)
    assert types(dataset, "model") == {"gini": "f64", "n": "i32"}
    assert dataset.read("model").rows() == [(0, 0, 0.5, None), (0, 1, None, 3)]
    with pytest.raises(IoSchemaError, match="`holdings` is a canonical table"):
        dataset.append("holdings", holdings(0).with_columns(x=1), declare=True)
    with pytest.raises(IoSchemaError, match=r"does not have: `y`\nhint: declare it first: .*declare=True"):
        dataset.append("model", {"tick": [2], "y": [1]})


def test_rows_are_dicts_or_columns(dataset: Dataset) -> None:
    dataset.declare("agents", Agent)
    dataset.append(
        "agents",
        [
            {
                "tick": 0,
                "agent_id": 1,
                "at": {"x": 1, "y": 2.5},
                "path": [{"x": 0.0, "y": 0.0, "z": 1}],
                "state": "well",
                "kind": "a",
                "pair": (1, 2.5),
                "names": ["n"],
                "width": np.int16(3),
                "born": datetime.date(2020, 1, 1),
                "more": {"k": 1},
            },
            {
                "tick": 0,
                "agent_id": 2,
                "at": {"x": 1, "y": 2},
                "path": [],
                "state": "ill",
                "kind": "b",
                "pair": [0, 0],
                "names": [],
                "width": 4,
                "born": datetime.date(2021, 1, 1),
                "seen": datetime.datetime(2022, 1, 1),
                "wealth": 3,
                "more": {"late": {"q": "x"}},
            },
        ],
    )
    first, second = dataset.read("agents").rows(named=True)
    assert first["at"] == {"x": 1.0, "y": 2.5}
    assert first["path"] == [{"x": 0.0, "y": 0.0, "z": 1}]
    assert (first["wealth"], second["wealth"]) == (None, 3.0)
    assert (first["more"], second["more"]) == ({"k": 1, "late": None}, {"k": None, "late": {"q": "x"}})
    assert second["seen"] == datetime.datetime(2022, 1, 1)


def test_no_field_of_a_late_row_is_lost(dataset: Dataset) -> None:
    dataset.declare("events", {"payload": "struct"})
    rows = [{"tick": at, "payload": {f"f{at}": at}} for at in range(500)]
    dataset.append("events", rows)
    dataset.append("events", {"tick": [row["tick"] for row in rows], "payload": [row["payload"] for row in rows]})
    read = dataset.read("events")["payload"].struct.unnest()
    assert read.width == 500
    assert read.sum().row(0) == tuple(2 * at for at in range(500))


def test_columns_may_be_arrays(dataset: Dataset) -> None:
    dataset.declare("agents", AGENTS)
    ids = np.arange(3)
    dataset.append("agents", {"tick": np.zeros(3, int), "agent_id": ids, "x": pl.Series([0.1, 0.2, None])})
    dataset.append(TableName.HOLDINGS, {"tick": [0], "agent_id": ["A"], "token_id": ["T"], "quantity": [1]})
    ids[:] = 9
    assert dataset.read("agents")["agent_id"].to_list() == [0, 1, 2]
    assert dataset.read("holdings")["quantity"].to_list() == [1]


class Code(enum.IntEnum):
    ILL = 2


class Name(str):
    pass


def test_values_are_stored_unchanged_whatever_type_they_come_in(dataset: Dataset) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    day = datetime.datetime(2024, 5, 1, 12, 30, 15, 250)
    dataset.append(
        "kinds",
        {
            "tick": [0, np.int8(1), 2],
            "raw": [bytearray(b"a"), memoryview(b"bc"), b"d"],
            "code": [Code.ILL, 3, None],
            "name": [Name("x"), "y", None],
            "mixed": [1, 2.5, None],
            "large": [2**64 - 1, 0, None],
            "at": [day.replace(tzinfo=zone), day.replace(tzinfo=datetime.UTC), None],
            "seen": [day, None, None],
            "flag": [True, np.False_, None],
        },
        declare=True,
    )
    assert types(dataset, "kinds") == {
        "raw": "binary",
        "code": "i64",
        "name": "str",
        "mixed": "f64",
        "large": "u64",
        "at": "timestamp[UTC]",
        "seen": "timestamp",
        "flag": "bool",
    }
    read = dataset.read("kinds")
    assert read["raw"].to_list() == [b"a", b"bc", b"d"]
    assert read["code"].to_list() == [2, 3, None]
    assert read["mixed"].to_list() == [1.0, 2.5, None]
    assert read["large"].to_list() == [2**64 - 1, 0, None]
    assert read["at"].to_list()[0] == day.replace(tzinfo=zone)
    assert read["seen"].to_list()[0] == day


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([object(), None], "of type object, which no column can hold unchanged"),
        ([1.5, 2**53 + 1], "9007199254740993 at row 1 is not exact as a float"),
        ([True, 1], "has values of the types bool and int"),
        ([datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)], "with and without"),
        ([datetime.datetime(2024, 1, 1), datetime.date(2024, 1, 1)], "the types date and datetime"),
        ([datetime.time(1, tzinfo=datetime.UTC)], "of type time, which no column can hold unchanged"),
        ([np.datetime64(1, "ns")], "of type datetime64, which no column can hold unchanged"),
        (pl.Series([object()], dtype=pl.Object), "has Python objects\nhint: convert them"),
        (5, "a dict of columns has a list or an array for each column"),
    ],
)
def test_a_value_that_would_change_is_refused(dataset: Dataset, values: Any, told: str) -> None:
    rows = {"tick": [0] if isinstance(values, int) else [0] * len(values), "v": values}
    with pytest.raises((IoSchemaError, IoArgumentError), match=told):
        dataset.append("values", rows, declare=True)
    if isinstance(values, pl.Series):
        with pytest.raises(IoSchemaError, match="table `values`: column `v` has Python objects"):
            dataset.append("values", pl.DataFrame({"tick": [0], "v": values}), declare=True)
        with pytest.raises(IoArgumentError, match="column `v` has Python objects"):
            dataset.declare("values", pl.DataFrame({"v": values}))
        with pytest.raises(IoArgumentError, match="column `v` has Python objects"):
            dataset.declare("values", {"v": pl.Object})
    assert dataset.tables() == []


def test_a_time_with_a_zone_and_one_without_are_two_types(dataset: Dataset) -> None:
    dataset.declare("times", {"instant": pl.Datetime("us", "UTC"), "local": "timestamp"})
    aware = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
    naive = datetime.datetime(2024, 5, 1)
    for column, value in (("instant", naive), ("local", aware)):
        with pytest.raises(IoSchemaError, match=f"`{column}` is timestamp.* and cannot become"):
            dataset.append("times", {"tick": [0], column: [value]})
    dataset.append("times", {"tick": [0], "instant": [aware], "local": [naive]})
    assert dataset.read("times").row(0)[2:] == (aware, naive)


@pytest.mark.parametrize(
    ("rows", "kind", "told"),
    [
        ({"tick": [0], "agent_id": ["x"]}, IoSchemaError, '`agent_id`: "x" at row 0 cannot become i64'),
        ({"tick": [0], "agent_id": [1.5]}, IoSchemaError, "`agent_id`: 1.5 at row 0 cannot become i64"),
        ({"tick": [0], "agent_id": [2**63]}, IoSchemaError, f"`agent_id`: {2**63} at row 0 cannot become i64"),
        ({"tick": [0], "agent_id": [2**64]}, IoSchemaError, "column `agent_id` has values that no column can hold"),
        ({"tick": [0, 0], "agent_id": [1, "1"]}, IoSchemaError, "`agent_id` has values of the types int and str"),
        ({"tick": [0, 1], "agent_id": [1]}, IoSchemaError, "`tick` has 2, `agent_id` has 1"),
        ({"tick": [0], "agent_id": [None]}, IoSchemaError, "required column `agent_id` has 1 null"),
        ([{"tick": 0}], IoSchemaError, "required column missing: `agent_id`"),
        ([{"tick": -1, "agent_id": 1}], IoSchemaError, "-1 at row 0 is negative"),
        ({"tick": [0], "agent_id": [1], "x": [1e39]}, IoSchemaError, "1e39 at row 0 cannot become f32"),
        (pl.DataFrame(schema={"foo": pl.Int64}), IoSchemaError, "missing: `tick`, `agent_id`; .* `foo`"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    dataset: Dataset, rows: Any, kind: type[Exception], told: str
) -> None:
    dataset.declare("agents", AGENTS, required=["agent_id"])
    with pytest.raises(kind, match=told):
        dataset.append("agents", rows)
    with pytest.raises(kind, match=told), dataset.writer() as writer:
        writer.append("agents", rows)
    with pytest.raises(kind, match=told), dataset.transaction() as transaction:
        transaction.append("agents", rows)
    assert dataset.read("agents").height == 0


def test_every_reader_sees_a_declared_table(dataset: Dataset, settings: IoSettings) -> None:
    dataset.declare("agents", AGENTS)
    with dataset.transaction() as transaction:
        transaction.append("agents", {"tick": [0, 101], "agent_id": [1, 2], "x": [0.5, 1.5]})
        transaction.append("holdings", holdings(0))
    with dataset.writer() as writer:
        writer.append("agents", [{"tick": 102, "agent_id": 3}])
    assert dataset.tables() == [TableName.HOLDINGS, "agents"]
    (entry,) = list_runs(settings)
    assert entry.tables == (TableName.HOLDINGS, "agents")
    other = pickle.loads(pickle.dumps(dataset))
    for handle in (dataset, Dataset(settings, RUN), other):
        assert handle.read("agents", {"tick_min": 1})["agent_id"].to_list() == [2, 3]
        assert handle.scan("agents").select("x").collect()["x"].to_list() == [0.5, 1.5, None]
        scan = handle.scan_arrow("agents", columns=["agent_id", "x"])
        assert pa.table(scan).schema.field("x").type == pa.float32()
        assert duckdb.from_arrow(pa.table(scan)).sum("agent_id").fetchall() == [(6,)]
    report = dataset.compact("agents")
    assert isinstance(report, CompactReport) and report.table == "agents"
    assert dataset.manifest("agents").table == "agents"
    assert len(dataset.files("agents")) == 2
    assert dataset.check(deep=True).ok
    assert dataset.read("agents").schema["x"] == pl.Float32


def test_a_misspelt_table_names_the_one_that_was_meant(dataset: Dataset) -> None:
    dataset.declare("agents", AGENTS)
    for call in (dataset.read, dataset.scan, dataset.scan_arrow, dataset.manifest, dataset.columns, dataset.files):
        with pytest.raises(IoNotFoundError, match=r"has no table `agent`\nhint: did you mean `agents`\?"):
            call("agent")
    with pytest.raises(IoNotFoundError, match="did you mean `agents`"):
        dataset.append("agent", {"tick": [0]})


def test_presets_are_declared_alone(dataset: Dataset) -> None:
    for preset in (presets.AGENTS, presets.LLM_CALLS, presets.MODEL):
        dataset.declare(preset)
    assert dataset.tables() == ["agents", "llm_calls", "model"]
    assert types(dataset, "agents") == {"agent_id": "i64!", "x": "f64", "y": "f64", "state": "str"}
    calls = types(dataset, "llm_calls")
    wanted = {"prompt", "response", "tokens_in", "tokens_out", "cost", "error", "latency_ms"}
    assert wanted < calls.keys() and calls["latency_ms"] == "f64"


def test_a_process_that_declares_and_appends_needs_no_pyarrow_and_no_pydantic(tmp_path: Path) -> None:
    script = f"""
        import sys

        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in ("pyarrow", "pandas", "pydantic"):
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        sys.meta_path.insert(0, Absent())
        from crv.io import Dataset, IoSettings

        dataset = Dataset(IoSettings(root_dir={str(tmp_path)!r}), "r")
        dataset.declare("agents", {{"agent_id": int, "at": {{"x": "f32"}}}})
        dataset.append("agents", [{{"tick": 0, "agent_id": 1, "at": {{"x": 0.5}}}}])
        assert dataset.read("agents").row(0) == (0, 0, 1, {{"x": 0.5}})
    """
    import textwrap

    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


def documented_reader() -> Any:
    """The program of the format page that lists live parts without crv."""
    page = (Path(__file__).parent.parent / "docs" / "format.md").read_text(encoding="utf-8")
    (block,) = [block for block in page.split("```python\n") if "def live_parts" in block]
    names: dict[str, Any] = {}
    exec(block.partition("\n\nparts = live_parts")[0], names)
    return names["live_parts"]


def test_a_reader_that_knows_only_canonical_tables_reads_them_beside_declared_ones(
    dataset: Dataset, settings: IoSettings
) -> None:
    dataset.declare("agents", AGENTS)
    for tick in range(5):
        with dataset.transaction() as transaction:
            transaction.append("agents", {"tick": [tick], "agent_id": [tick]})
            transaction.append("holdings", holdings(tick))
    dataset.compact("holdings")
    dataset.truncate(after_tick=3)
    live_parts = documented_reader()
    run = Path(settings.root_dir) / "runs" / RUN
    for closed in (False, True):
        if closed:
            dataset.close()
        for table in ("holdings", "agents"):
            frames = [pl.read_parquet(part, hive_partitioning=False) for part in live_parts(run, table)]
            assert pl.concat(frames)["tick"].to_list() == [0, 1, 2, 3]


FIXTURE = Path(__file__).parent / "fixtures" / "declared-run"


def test_a_run_that_an_earlier_version_declared_is_read_and_continued(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE / "runs", tmp_path / "runs")
    run = Dataset(IoSettings(root_dir=str(tmp_path), tick_bucket_size=10), "r")
    assert run.tables() == [TableName.HOLDINGS, "agents", "every_type", "model_state"]
    assert types(run, "agents") == {"agent_id": "i64!", "wealth": "f64", "mood": "str"}
    agents = run.read("agents")
    assert agents["tick"].to_list() == [*range(13), 11, 13]
    assert agents["mood"].to_list() == [None] * 14 + ["well"]
    assert run.read("holdings")["quantity"].to_list() == list(range(13))
    first, second = run.read("every_type").drop("bucket").rows(named=True)
    assert (first["a"], first["b"], first["c"]) == (-128, 2**64 - 1, pytest.approx(0.1))
    assert first["e"] == {"x": 0.5, "y": [255]}
    assert (first["f"], second["f"]) == ({"n": 1, "m": None}, {"n": None, "m": "x"})
    assert run.latest_checkpoint() == (12, b"state of 12")
    assert run.check(deep=True).ok
    run.append("agents", {"tick": [14], "agent_id": [9]})
    assert run.resume() == (12, b"state of 12")
    assert run.last_tick() == 12
