"""The gate of crates and rooms names each arrow that runs up, and each two folders that use each other."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "arrows.py"


@pytest.fixture
def arrows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("arrows", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def crate(root: Path, files: dict[str, str]) -> Path:
    source = root / "crates" / "one" / "src"
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return source


FILES = {
    "lib.rs": "mod low; mod high;",
    "low/mod.rs": "mod a; use crate::low::a::{self, A};",
    "low/a.rs": "// crate::high is only named here\npub struct A;",
    "high/mod.rs": "use crate::{low::{a::A, b}};",
}


def found(arrows: ModuleType, source: Path) -> list[str]:
    files = arrows.modules(source)
    uses = list(arrows.uses(source, files))
    rooms = arrows.edges((arrows.room(at), arrows.room(to), where) for at, to, where in uses)
    folders = arrows.edges((arrows.folder(files[at]), arrows.folder(files[to]), where) for at, to, where in uses)
    return [*arrows.check_order("room", rooms, ["low", "high"]), *arrows.check_circles("folders", folders)]


def test_arrows_down_are_allowed(arrows: ModuleType, tmp_path: Path) -> None:
    assert found(arrows, crate(tmp_path, FILES)) == []


@pytest.mark.parametrize("use", ["use crate::high::B;", "use super::super::high::B;", "use crate::{low::a, high::{B, C}};"])
def test_an_arrow_up_is_named_with_its_place(arrows: ModuleType, tmp_path: Path, use: str) -> None:
    lines = found(arrows, crate(tmp_path, {**FILES, "low/a.rs": f"pub struct A;\n{use}"}))
    assert lines[0] == "room `low` uses `high`, which is above it: crates/one/src/low/a.rs:2"
    assert "`crates/one/src/high` and `crates/one/src/low` use each other" in lines[1]


def test_what_tests_use_does_not_count(arrows: ModuleType, tmp_path: Path) -> None:
    text = "pub struct A;\n#[cfg(test)]\nmod tests {\n    use crate::high::B;\n}\n"
    assert found(arrows, crate(tmp_path, {**FILES, "low/a.rs": text, "low/tests/b.rs": "use crate::high::B;"})) == []


def test_a_room_that_is_not_listed_is_named(arrows: ModuleType, tmp_path: Path) -> None:
    source = crate(tmp_path, {**FILES, "new.rs": "use crate::low::A;"})
    assert found(arrows, source) == ["room `new` is not in scripts/arrows.toml"]


def test_crates_above_and_banned_ones_are_named(arrows: ModuleType) -> None:
    def package(*used: str) -> dict[str, list[dict[str, str | None]]]:
        return {"dependencies": [{"name": name, "kind": None} for name in used]}

    ledger = {"crates": ["one", "two"], "banned": {"one": ["parquet"]}}
    packages = {"one": package("two", "parquet"), "two": package("one"), "three": package()}
    assert list(arrows.check_crates(ledger, packages)) == [
        "one depends on two, which is above it",
        "one may not depend on parquet",
        "three: not in the list of crates in scripts/arrows.toml",
    ]
