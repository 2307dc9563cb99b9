"""The pages of docs/tables equal the output of scripts/tables_doc.py."""

import importlib.util
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from crv.core.tables import TableDescriptor, list_tables
from crv.io.validate import validate_frame

ROOT = Path(__file__).parent.parent


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables_doc", ROOT / "scripts" / "tables_doc.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOC = load()


def test_the_pages_are_current() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "tables").iterdir()}
    assert written == DOC.pages(), "run `make tables-doc`"


@pytest.mark.parametrize("table", list_tables(), ids=lambda table: table.name.value)
def test_the_row_of_a_page_is_a_valid_one_of_every_column(table: TableDescriptor) -> None:
    row = {"bucket": 1, "tick": DOC.TICK} | DOC.EXAMPLES[table.name]
    assert list(row) == list(table.columns)
    validate_frame(table.name, pl.DataFrame([row]).drop("bucket"), validate_rows=True)
