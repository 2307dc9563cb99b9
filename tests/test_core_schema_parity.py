"""Python's models equal the Rust core's in fields, order and defaults."""

import json
from typing import Any

import pytest

from crv._native import core_spec
from crv.core import schema
from crv.core.schema import Model, TableRow
from crv.core.tables import get_table, list_tables

SPEC: list[dict[str, Any]] = json.loads(core_spec())["models"]
MODELS: dict[str, list[dict[str, Any]]] = {model["name"]: model["fields"] for model in SPEC}


def test_the_models_are_the_same() -> None:
    assert sorted(MODELS) == sorted(set(schema.__all__) - {"Model", "TableRow"})


@pytest.mark.parametrize("name", MODELS)
def test_the_fields_are_the_same_in_name_order_and_default(name: str) -> None:
    model: type[Model] = getattr(schema, name)
    ours = [
        {"name": field}
        if info.is_required()
        else {"name": field, "default": info.get_default(call_default_factory=True, validated_data={})}
        for field, info in model.model_fields.items()
    ]
    assert ours == MODELS[name]


def test_every_table_has_one_row_model_with_its_columns_but_bucket() -> None:
    rows = [getattr(schema, name) for name in schema.__all__ if name != "TableRow"]
    rows = [model for model in rows if issubclass(model, TableRow)]
    assert {model.TABLE for model in rows} == {table.name for table in list_tables()}
    assert len(rows) == len(list_tables())
    for model in rows:
        assert ["bucket", *model.model_fields] == list(get_table(model.TABLE).columns)
