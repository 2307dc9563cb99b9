"""Checks which crate, and which room of a crate, depends on which; ``make gates`` runs this.

``scripts/arrows.toml`` lists crates and rooms from the lowest to the highest. A dependency from a lower one to a higher one
is an arrow up, and an error; so are two folders whose files use each other, and a dependency that a crate may not have.
Crates depend on each other by ``cargo metadata``; rooms, the modules at the root of a crate, by the paths in their code.

``--graph`` prints what was found as a table.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

Edges = dict[str, dict[str, set[str]]]
"""From, to, and the places that make it so."""

PATH = re.compile(r"\b(crate|self|super)((?:::super)*)::(\{|\w+)")
STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def main() -> None:
    """Checks everything, prints every broken arrow, and exits with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", action="store_true", help="print the crates and rooms and what they use")
    graph = parser.parse_args().graph
    ledger = tomllib.loads((ROOT / "scripts" / "arrows.toml").read_text())
    packages = {package["name"]: package for package in metadata()["packages"]}
    broken = list(check_crates(ledger, packages))
    for name, package in packages.items():
        source = Path(package["manifest_path"]).parent / "src"
        files = modules(source)
        rooms = edges((room(at), room(to), where) for at, to, where in uses(source, files))
        folders = edges((folder(files[at]), folder(files[to]), where) for at, to, where in uses(source, files))
        if graph:
            show(name, package, packages, files, rooms)
        if order := ledger["rooms"].get(name):
            broken += check_order(f"{name}, room", rooms, order)
        broken += check_circles(f"{name}, folders", folders)
    for line in broken:
        print(line, file=sys.stderr)
    if broken:
        sys.exit(1)


def metadata() -> Any:
    """What cargo knows of the workspace's crates."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--locked"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def dependencies(package: Any) -> Iterator[str]:
    """The crates that a crate is built with; those of its tests do not count."""
    return (dependency["name"] for dependency in package["dependencies"] if dependency["kind"] != "dev")


def check_crates(ledger: Any, packages: dict[str, Any]) -> Iterator[str]:
    """Arrows up between crates, and crates that one may not depend on."""
    order = ledger["crates"]
    for name, package in packages.items():
        if name not in order:
            yield f"{name}: not in the list of crates in scripts/arrows.toml"
            continue
        for used in dependencies(package):
            if used in order and order.index(used) >= order.index(name):
                yield f"{name} depends on {used}, which is above it"
        banned = set(ledger["banned"].get(name, [])) & set(dependencies(package))
        yield from (f"{name} may not depend on {used}" for used in sorted(banned))


def modules(source: Path) -> dict[tuple[str, ...], Path]:
    """The modules of a crate that are files, by their path from the crate's root. Tests are left out."""
    found = {}
    for file in sorted(source.rglob("*.rs")):
        parts = file.relative_to(source).with_suffix("").parts
        if parts[-1] in {"mod", "lib", "main"}:
            parts = parts[:-1]
        if "tests" not in parts and "testing" not in parts:
            found[parts] = file
    return found


def code(file: Path) -> str:
    """The text of a file without comments, texts and its tests."""
    text = STRING.sub('""', COMMENT.sub("", file.read_text()))
    return text.split("#[cfg(test)]\nmod tests", maxsplit=1)[0]


def uses(
    source: Path, files: dict[tuple[str, ...], Path]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], str]]:
    """Which module uses which, and where."""
    for at, file in files.items():
        text = code(file)
        for match in PATH.finditer(text):
            start: tuple[str, ...] = () if match[1] == "crate" else at
            for _ in range((match[1] == "super") + match[2].count("super")):
                start = start[:-1]
            where = f"{file.relative_to(source.parent.parent.parent)}:{text[: match.start()].count(chr(10)) + 1}"
            for path in paths(text[match.start(3) :]):
                to = longest(files, (*start, *path))
                if to != at:
                    yield at, to, where


def paths(text: str) -> list[tuple[str, ...]]:
    """The paths at the beginning of a text such as ``a::b`` or ``{a, b::{c, d}}``."""
    if not text.startswith("{"):
        match = re.match(r"\w+(?:::\w+)*", text)
        steps = tuple(match[0].split("::")) if match else ()
        rest = text[match.end() :] if match else ""
        if rest.startswith("::{"):
            return [(*steps, *path) for path in paths(rest[2:])]
        return [steps]
    found: list[tuple[str, ...]] = []
    depth, start = 0, 1
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if (character == "," and depth == 1) or depth == 0:
            item = text[start:place].strip()
            found += paths(item) if item else []
            start = place + 1
        if depth == 0:
            break
    return found


def longest(files: dict[tuple[str, ...], Path], path: tuple[str, ...]) -> tuple[str, ...]:
    """The module of a path: its longest beginning that is one."""
    while path and path not in files:
        path = path[:-1]
    return path


def room(module: tuple[str, ...]) -> str:
    """The room a module is in. The root of the crate is none."""
    return module[0] if module else ""


def folder(file: Path) -> str:
    """The folder a file is in."""
    return str(file.parent.relative_to(ROOT))


def edges(found: Iterable[tuple[str, str, str]]) -> Edges:
    """Arrows between different things, the root of a crate left out."""
    arrows: Edges = defaultdict(lambda: defaultdict(set))
    for at, to, where in found:
        if at and to and at != to:
            arrows[at][to].add(where)
    return arrows


def check_order(what: str, arrows: Edges, order: list[str]) -> Iterator[str]:
    """Arrows up, in a crate whose rooms are listed from the lowest to the highest."""
    for at, targets in arrows.items():
        for to, places in targets.items():
            if at not in order or to not in order:
                yield f"{what} `{at if at not in order else to}` is not in scripts/arrows.toml"
            elif order.index(to) > order.index(at):
                yield f"{what} `{at}` uses `{to}`, which is above it: {', '.join(sorted(places))}"


def is_inside(one: str, other: str) -> bool:
    """Whether one folder is in the other: a module and its children may use each other."""
    return other.startswith(f"{one}/") or one.startswith(f"{other}/")


def check_circles(what: str, arrows: Edges) -> Iterator[str]:
    """Folders whose files use each other, directly or through a third folder."""

    def reach(start: str, *, seen: set[str]) -> set[str]:
        for to in arrows.get(start, {}):
            if to not in seen and not is_inside(start, to):
                seen.add(to)
                reach(to, seen=seen)
        return seen

    for at in sorted(arrows):
        for to, places in sorted(arrows[at].items()):
            if not is_inside(at, to) and at < to and at in reach(to, seen=set()):
                yield f"{what} `{at}` and `{to}` use each other: {', '.join(sorted(places))}"


def show(name: str, package: Any, packages: Any, files: dict[tuple[str, ...], Path], rooms: Edges) -> None:
    """Prints a crate, its rooms and what each uses."""
    lines = sum(file.read_text().count("\n") for file in files.values())
    used = sorted(set(dependencies(package)) & set(packages))
    print(f"{name} ({lines} lines in {len(files)} files) -> {', '.join(used) or 'nothing'}")
    for at in sorted(rooms):
        print(f"    {at} -> {', '.join(sorted(rooms[at]))}")


if __name__ == "__main__":
    main()
