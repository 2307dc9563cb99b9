"""Mutation tests: makes small changes to the store, one at a time, and lists those that no test detects.

``make mutants`` runs this script. cargo-mutants makes the changes (mutants), in the modules of ``.cargo/mutants.toml``;
a seed draws a sample. Mutants that do not compile do not count: others are drawn instead. Each mutant is tested with
the tests of crv-io, and one that they miss with those of the harness.

Missed mutants are printed on standard output and written to ``missed.txt``; the exit code is then 1.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

# The memory limit of one process. The compiler needs less.
MEMORY = 12 * 1024**3

# The crates whose modules are mutated.
STORE = ["crv-log", "crv-io"]

IO_TESTS = ["--lib", "--test", "it", "--test", "memory"]
HARNESS_TESTS = ["--test", "it"]

# Exit codes of cargo-mutants after a complete run: all caught, some missed, some timed out.
RAN = {0, 2, 3}


def mutants() -> list[str]:
    """Returns the names of all mutants, in a stable order."""
    command = ["cargo", "mutants", "--list", "--json", *in_packages("--package", STORE), "--all-features"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(mutant["name"] for mutant in json.loads(listed.stdout))


def in_packages(flag: str, packages: list[str]) -> list[str]:
    """Returns the flag once for each package."""
    return [word for package in packages for word in (flag, package)]


def run(names: list[str], out: Path, packages: list[str], tests: list[str]) -> dict[str, str]:
    """Tests these mutants. Returns the outcome of each: caught, missed, timeout or unviable."""
    # Not every kind of mutant can be filtered by name. But mutants that an earlier run caught are not tested again.
    earlier = out / "mutants.out"
    earlier.mkdir(parents=True, exist_ok=True)
    others = set(mutants()) - set(names)
    (earlier / "caught.txt").write_text("".join(f"{name}\n" for name in sorted(others)))
    command = [
        *("cargo", "mutants", *in_packages("--package", STORE), *in_packages("--test-package", packages)),
        *("--all-features", "--iterate"),
        *("--gitignore", "true", "--output", str(out), "--jobs", "1", "--colors", "never", "--caught", "--unviable"),
        *("--timeout-multiplier", "3", "--minimum-test-timeout", "60"),
    ]
    if shutil.which("cargo-nextest") is not None:
        # nextest stops at the first failure.
        command += ["--test-tool", "nextest", "--", "--max-fail", "1:immediate", *tests]
    else:
        command += ["--", *tests]
    environment = dict(os.environ, RUST_BACKTRACE="0", CARGO_INCREMENTAL="1", CARGO_PROFILE_DEV_DEBUG="0")
    ran = subprocess.run(command, cwd=ROOT, env=environment, preexec_fn=bound_memory)
    if ran.returncode not in RAN:
        sys.exit(f"cargo mutants ended with exit code {ran.returncode}: see {out}")
    return outcomes(json.loads((earlier / "outcomes.json").read_text()))


def bound_memory() -> None:
    """Limits the memory of a process: a mutant may allocate in an endless loop."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    """Returns the outcome of each mutant, from the file that cargo-mutants wrote."""
    found = {}
    for outcome in document["outcomes"]:
        if isinstance(outcome["scenario"], dict):
            summary = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout"}
            found[outcome["scenario"]["Mutant"]["name"]] = summary.get(outcome["summary"], "unviable")
    return found


def sample(out: Path, count: int, seed: int) -> dict[str, str]:
    """Returns the outcomes of ``count`` mutants that compile, drawn by ``seed``, with the tests of crv-io."""
    left = mutants()
    random.Random(seed).shuffle(left)
    found: dict[str, str] = {}
    batch = 0
    while left and (wanted := count - sum(outcome != "unviable" for outcome in found.values())) > 0:
        names, left = left[:wanted], left[wanted:]
        found |= run(names, out / f"io-{batch}", STORE, IO_TESTS)
        batch += 1
    return found


def main() -> None:
    """Draws and tests mutants, and prints those that were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="number of mutants that compile (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed that draws them (%(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutants", help="folder of the logs (%(default)s)")
    parser.add_argument("--no-harness", action="store_true", help="do not test missed mutants with the harness")
    arguments = parser.parse_args()
    out: Path = arguments.out.absolute()
    found = sample(out, arguments.count, arguments.seed)
    missed = sorted(name for name, outcome in found.items() if outcome == "missed")
    if missed and not arguments.no_harness:
        again = run(missed, out / "harness", ["crv-harness"], HARNESS_TESTS)
        found |= {name: outcome if outcome == "missed" else f"{outcome} by the harness" for name, outcome in again.items()}
        missed = [name for name in missed if found[name] == "missed"]
    counts = {outcome: list(found.values()).count(outcome) for outcome in sorted(set(found.values()))}
    (out / "outcomes.json").write_text(json.dumps({"seed": arguments.seed, "outcomes": found}, indent=2) + "\n")
    (out / "missed.txt").write_text("".join(f"{name}\n" for name in missed))
    print(", ".join(f"{outcome}: {number}" for outcome, number in counts.items()))
    if missed:
        print("no test detects these mutants:", *missed, sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
