"""Changes the store in small ways, one at a time, and says which changes no test notices.

``make mutants`` runs this. The changes are those of cargo-mutants, in the modules of ``.cargo/mutants.toml``; a seed draws a
sample of them. Changes that do not compile do not count: others take their place. Each is tried with the tests of crv-io,
and one that they miss with those of the harness.

What is missed in the end is on standard output and in ``missed.txt``; the exit code is then 1.
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

# Of one process. The compiler takes less.
MEMORY = 12 * 1024**3

IO_TESTS = ["--lib", "--test", "it", "--test", "memory"]
HARNESS_TESTS = ["--test", "it"]

# Exit codes of cargo-mutants that are no failure of its own: all caught, some missed, some timed out.
RAN = {0, 2, 3}


def mutants() -> list[str]:
    """The names of all changes there are, in a stable order."""
    command = ["cargo", "mutants", "--list", "--json", "--package", "crv-io", "--all-features"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(mutant["name"] for mutant in json.loads(listed.stdout))


def run(names: list[str], out: Path, package: str, tests: list[str]) -> dict[str, str]:
    """Tries these changes with these tests. What came of each: caught, missed, timeout or unviable."""
    # A filter by name does not apply to every kind of change, but what an earlier run caught is never tried again.
    earlier = out / "mutants.out"
    earlier.mkdir(parents=True, exist_ok=True)
    others = set(mutants()) - set(names)
    (earlier / "caught.txt").write_text("".join(f"{name}\n" for name in sorted(others)))
    command = [
        *("cargo", "mutants", "--package", "crv-io", "--test-package", package, "--all-features", "--iterate"),
        *("--gitignore", "true", "--output", str(out), "--jobs", "1", "--colors", "never", "--caught", "--unviable"),
        *("--timeout-multiplier", "3", "--minimum-test-timeout", "60"),
    ]
    if shutil.which("cargo-nextest") is not None:
        # It stops at the first failure.
        command += ["--test-tool", "nextest", "--", "--max-fail", "1:immediate", *tests]
    else:
        command += ["--", *tests]
    environment = dict(os.environ, RUST_BACKTRACE="0", CARGO_INCREMENTAL="1", CARGO_PROFILE_DEV_DEBUG="0")
    ran = subprocess.run(command, cwd=ROOT, env=environment, preexec_fn=bound_memory)
    if ran.returncode not in RAN:
        sys.exit(f"cargo mutants ended with exit code {ran.returncode}: see {out}")
    return outcomes(json.loads((earlier / "outcomes.json").read_text()))


def bound_memory() -> None:
    """A change can make a loop endless, and what it allocates."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    """The outcome of each change, from what cargo-mutants wrote."""
    found = {}
    for outcome in document["outcomes"]:
        if isinstance(outcome["scenario"], dict):
            summary = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout"}
            found[outcome["scenario"]["Mutant"]["name"]] = summary.get(outcome["summary"], "unviable")
    return found


def sample(out: Path, count: int, seed: int) -> dict[str, str]:
    """The outcomes of ``count`` changes that compile, drawn by ``seed``, with the tests of crv-io."""
    left = mutants()
    random.Random(seed).shuffle(left)
    found: dict[str, str] = {}
    batch = 0
    while left and (wanted := count - sum(outcome != "unviable" for outcome in found.values())) > 0:
        names, left = left[:wanted], left[wanted:]
        found |= run(names, out / f"io-{batch}", "crv-io", IO_TESTS)
        batch += 1
    return found


def main() -> None:
    """Draws, tries, and says what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="so many changes that compile (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which of all there are (%(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutants", help="where logs go (%(default)s)")
    parser.add_argument("--no-harness", action="store_true", help="do not try what is missed with the harness")
    arguments = parser.parse_args()
    out: Path = arguments.out.absolute()
    found = sample(out, arguments.count, arguments.seed)
    missed = sorted(name for name, outcome in found.items() if outcome == "missed")
    if missed and not arguments.no_harness:
        again = run(missed, out / "harness", "crv-harness", HARNESS_TESTS)
        found |= {name: outcome if outcome == "missed" else f"{outcome} by the harness" for name, outcome in again.items()}
        missed = [name for name in missed if found[name] == "missed"]
    counts = {outcome: list(found.values()).count(outcome) for outcome in sorted(set(found.values()))}
    (out / "outcomes.json").write_text(json.dumps({"seed": arguments.seed, "outcomes": found}, indent=2) + "\n")
    (out / "missed.txt").write_text("".join(f"{name}\n" for name in missed))
    print(", ".join(f"{outcome}: {number}" for outcome, number in counts.items()))
    if missed:
        print("no test notices these:", *missed, sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
