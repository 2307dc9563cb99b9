"""The Python and shell blocks of the pages run, in order, in an empty directory."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "docs/format.md", "docs/command-line.md", "docs/commit-protocol.md", "docs/mesa.md"]
EVERY_PAGE = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def commands(language: str, body: str) -> list[str] | None:
    """Returns the command that runs a block; None for blocks that are not run."""
    if language == "python":
        return [sys.executable, "-c", body]
    if language == "console":
        body = "".join(line.removeprefix("$ ") for line in body.splitlines(keepends=True) if line.startswith("$ "))
    if language in ("bash", "console"):
        return ["bash", "-euo", "pipefail", "-c", body]
    return None


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRV_IO_")}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environment.get("PATH", "")])
    ran = 0
    for language, body in blocks(page):
        command = commands(language, body)
        if command is None:
            continue
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{page}:\n{body}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran > 0


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    text = BLOCK.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"\s+", " ", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, f"{page} links to {target}"


def test_every_block_names_its_language() -> None:
    # The Rust documentation tests run the README's blocks, and treat one without a language as Rust.
    assert all(language for language, _ in blocks("README.md"))


def test_the_protocol_cites_modules_and_tests_that_exist() -> None:
    text = (ROOT / "docs/commit-protocol.md").read_text(encoding="utf-8")
    sources = [ROOT / f"crates/{crate}/src" for crate in ("crv-schema", "crv-log", "crv-io")]
    cited = re.findall(r"`(\w+)::(\w+)`", text)
    assert len(cited) > 20
    for module, name in cited:
        test = ROOT / f"crates/crv-io/tests/it/{module}.rs"
        is_test = test.exists() and f"fn {name}()" in test.read_text(encoding="utf-8")
        files = [source / module / file for source in sources for file in (f"{name}.rs", f"{name}/mod.rs")]
        is_module = any(file.exists() for file in files)
        assert is_test or is_module, f"{module}::{name}"
    code = "".join(path.read_text(encoding="utf-8") for source in sources for path in source.rglob("*.rs"))
    for name in re.findall(r"\(`(\w+_\w+)`\)", text):
        assert f"fn {name}(" in code, name
