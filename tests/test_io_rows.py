"""Conversion between row models and frames."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from frames import ROW, RUN

from crv.core import schema
from crv.core.grammar import TableName
from crv.core.schema import ExchangeRow, HoldingsRow, IdentityEdgeRow, OracleCallRow, TableRow
from crv.io import Dataset, IoArgumentError, IoSchemaError, IoSettings
from crv.io.rows import rows_from_arrow, rows_to_arrow

MODEL: dict[TableName, type[TableRow]] = {
    getattr(schema, name).TABLE: getattr(schema, name)
    for name in schema.__all__
    if name != "TableRow" and issubclass(getattr(schema, name), TableRow)
}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(IoSettings(root_dir=str(tmp_path)), RUN)


def holding(tick: int = 0) -> HoldingsRow:
    return HoldingsRow(tick=tick, agent_id="A0", token_id="T0", quantity=1)


def event(**changes: Any) -> ExchangeRow:
    return ExchangeRow(**{"tick": 0, "venue_id": "V0", "token_id": "T0", "exchange_event_type": "trade"} | changes)


@pytest.mark.parametrize("table", TableName)
def test_rows_of_every_table_are_appended_and_come_back(dataset: Dataset, table: TableName) -> None:
    rows = [MODEL[table].model_validate({"tick": tick} | ROW[table]) for tick in (0, 1, 250)]
    summary = dataset.append(table, rows, validate_rows=True)
    assert (summary["rows"], summary["buckets"]) == (3, [0, 2])
    assert rows_from_arrow(MODEL[table], dataset.scan_arrow(table)) == rows
    assert rows_from_arrow(MODEL[table], dataset.read(table)) == rows


def test_a_transaction_takes_rows(dataset: Dataset) -> None:
    with dataset.transaction() as tx:
        tx.append("holdings", (holding(1), holding(2)))
        tx.append("exchange", [event(tick=2)])
    assert dataset.read("holdings")["tick"].to_list() == [1, 2]
    assert dataset.read("exchange")["tick"].to_list() == [2]


def test_columns_have_the_types_of_their_table_whatever_the_values() -> None:
    frame = pl.DataFrame(rows_to_arrow([event(price=1)]))
    assert frame.schema["price"] == pl.Float64
    assert frame.schema["side"] == pl.String
    assert frame.schema["additional_payload"] == pl.Struct({})
    call = OracleCallRow(tick=0, **ROW[TableName.ORACLE_CALLS] | {"cache_hit": True})
    assert pl.DataFrame(rows_to_arrow([call]))["cache_hit"].to_list() == [1]


def test_payloads_of_different_fields_go_into_one_frame(dataset: Dataset) -> None:
    rows = [event(additional_payload=payload) for payload in ({}, {"a": 1}, {"b": {"c": ["x"]}}, {"a": 2, "d": {}})]
    dataset.append("exchange", rows)
    assert rows_from_arrow(ExchangeRow, dataset.scan_arrow("exchange")) == rows


def test_floats_that_are_no_numbers_survive_and_nulls_stay_nulls() -> None:
    frame = pl.DataFrame(rows_to_arrow([event(price=float("nan")), event()]))
    assert str(frame["price"].to_list()) == "[nan, None]"


def test_no_rows_are_an_empty_append(dataset: Dataset) -> None:
    assert dataset.append("holdings", [])["rows"] == 0
    with pytest.raises(IoArgumentError, match="at least one row"):
        rows_to_arrow([])


def test_rows_of_another_table_are_refused_with_both_names(dataset: Dataset) -> None:
    with pytest.raises(IoSchemaError, match=r"`holdings` \(HoldingsRow\) cannot be appended to table `exchange`"):
        dataset.append(TableName.EXCHANGE, [holding()])
    with pytest.raises(IoSchemaError, match="row 1 is of table `exchange`, and the rows before it are of `holdings`"):
        dataset.append("holdings", [holding(), event()])
    with pytest.raises(IoArgumentError, match="item 0 is a int and not a row model"):
        dataset.append("holdings", [1])  # type: ignore[arg-type]
    with pytest.raises(IoSchemaError, match="required columns missing: `agent_id`"):
        dataset.append("holdings", [{"tick": 0}])
    with pytest.raises(IoArgumentError, match="is not a row model"):
        rows_from_arrow(schema.AffectState, pl.DataFrame())  # type: ignore[type-var]
    with pytest.raises(IoSchemaError, match="required columns missing"):
        rows_from_arrow(ExchangeRow, rows_to_arrow([holding()]))
    assert dataset.tables() == []


def test_a_field_of_two_types_is_refused_with_its_row_and_path(dataset: Dataset) -> None:
    rows = [event(additional_payload={"a": {"b": value}}) for value in (1, "x")]
    with pytest.raises(IoSchemaError, match=r"row 1: `additional_payload\.a\.b` is text here and a number"):
        dataset.append("exchange", rows)


def test_rows_that_went_around_their_checks_are_checked_again(dataset: Dataset) -> None:
    row = IdentityEdgeRow.model_construct(
        tick=0, observer_agent_id="A0", edge_kind="self_to_object", edge_weight=0.5, subject_id="A0"
    )
    with pytest.raises(IoSchemaError, match="row 0: .* requires fields subject_id, token_id"):
        dataset.append("identity_edges", [row])


def test_appending_frames_needs_no_pydantic() -> None:
    script = "import sys, crv.io.rows, crv.core; print({'pydantic', 'crv.core.schema'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
