"""Benchmarks crv and its peers: the same work, in one run, each peer in its own processes.

Ratios are to `raw`, which is hand-written Polars code. `disk` makes only the system calls of an append of one tick. See
README.md beside this file.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from adapters import PEERS
from machine import file_system, load, versions
from processes import Outcome, take_turns
from report import Target, medians, ratio, table, targets
from sizes import QUICK, Metrics, Sizes
from startup import import_times, wheel_bytes
from workloads import FLOOR, WORKLOADS

STARTUP = "startup"
"""The name of the measurement of the import and the wheel, which is not a workload."""

_TAKE_PART = {
    "ticks": (*PEERS, FLOOR),
    "growth": ("crv", "raw", FLOOR),
    "bulk": tuple(PEERS),
    "tables": ("crv", "raw"),
    "long": ("crv",),
}
"""The peers of each workload."""

_OPT_IN = frozenset({"long"})
"""Workloads that take minutes: they are measured only on request."""

_BUSY = 0.5
"""The load per processor above which a note is printed."""

_PACKAGES = tuple(dict.fromkeys(peer.package for peer in PEERS.values()))
_WHEELS = Path(__file__).parent.parent / "dist"


Results = dict[str, list[dict[str, Outcome]]]
"""The outcomes of each workload, by round and peer."""


def arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description="Measure crv beside its peers, in one run.")
    peers, workloads = [*PEERS, FLOOR], [*WORKLOADS, STARTUP]
    parser.add_argument("--only", type=_some_of(peers), default=peers, metavar="PEERS", help=",".join(peers))
    parser.add_argument(
        "--workloads",
        type=_some_of(workloads),
        default=[name for name in workloads if name not in _OPT_IN],
        metavar="NAMES",
        help=f"{','.join(workloads)} (default: all but {','.join(sorted(_OPT_IN))})",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to test that everything works")
    parser.add_argument("--rounds", type=_positive, help="number of times that everything is measured")
    parser.add_argument("--appends", type=_positive, help="number of appends of one tick")
    parser.add_argument("--near", type=_positive, help="the append whose cost is compared ...")
    parser.add_argument("--far", type=_positive, help="... with the cost of this one")
    parser.add_argument("--long", type=_positive, help="number of appends of the long run")
    parser.add_argument("--bulk-rows", type=_positive, help="number of rows of the large append")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure of every round to FILE")
    parser.add_argument("--dir", type=Path, default=Path("out"), help="directory to write to (default: %(default)s)")
    chosen = parser.parse_args()
    given = {name: getattr(chosen, name) for name in ("rounds", "appends", "near", "far", "long", "bulk_rows")}
    chosen.sizes = replace(QUICK if chosen.quick else Sizes(), **{name: n for name, n in given.items() if n})
    return chosen


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [name for name in asked if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown name `{unknown[0]}`: expected {', '.join(known)}")
        return [name for name in known if name in asked]

    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or not (number := int(text)):
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of at least 1")
    return number


def run(chosen: argparse.Namespace) -> tuple[Sizes, Results, Metrics]:
    """Measures the chosen workloads, round by round. Returns the sizes, the outcomes and the startup figures."""
    directory: Path = chosen.dir
    directory.mkdir(parents=True, exist_ok=True)
    sizes: Sizes = chosen.sizes
    if FLOOR in chosen.only:
        written = take_turns("probe", ["crv"], directory, sizes)["crv"].metrics
        sizes = replace(sizes, **{name: int(size) for name, size in written.items()})
    asked = [workload for workload in WORKLOADS if workload in chosen.workloads]
    results: Results = {workload: [] for workload in asked}
    for number in range(sizes.rounds):
        for workload in asked:
            print(f"round {number + 1} of {sizes.rounds}: {workload}", file=sys.stderr)
            peers = [peer for peer in _TAKE_PART[workload] if peer in chosen.only]
            results[workload].append(take_turns(workload, peers, directory, sizes))
    startup: Metrics = {}
    if STARTUP in chosen.workloads and "crv" in chosen.only:
        startup = import_times("crv.io", sizes.imports)
    return sizes, results, startup


def failures(results: Results) -> list[str]:
    """Returns the first failure of each peer of each workload."""
    failed: dict[str, str] = {}
    for workload, rounds in results.items():
        for outcomes in rounds:
            for peer, outcome in outcomes.items():
                if outcome.failed is not None:
                    failed.setdefault(f"{workload}, {peer}", outcome.failed)
    return [f"{where}: {why}" for where, why in failed.items()]


def show(directory: Path, sizes: Sizes, results: Results, startup: Metrics, reached: Sequence[Target]) -> None:
    """Prints the tables and the targets."""
    print(", ".join(f"{name} {number}" for name, number in versions(_PACKAGES).items()))
    kind = file_system(directory)
    print(f"file system: {kind}" + (", which is in memory: syncing costs nothing" if kind == "tmpfs" else ""))
    print("medians of the rounds; in brackets the ratio to raw, taken within a round")
    print("synced when an append returns:", "; ".join(f"{name}: {peer.syncs}" for name, peer in PEERS.items()))
    for workload, rounds in results.items():
        print(f"\n{table(workload, rounds, _TAKE_PART[workload], sizes)}")
        if workload == "ticks":
            _show_floor(rounds)
    if startup:
        print("\nimport crv.io in a fresh interpreter")
        print(f"  {startup['import_ms']:.1f} ms for the import alone")
        print(f"  {startup['whole_less_bare_ms']:.1f} ms beyond a bare interpreter's {startup['bare_ms']:.1f} ms")
    if reached:
        print("\nTargets")
    for target in reached:
        print(f"  {'met   ' if target.met else 'MISSED'}  {target.what}: {target.found} ({target.bound})")


def _show_floor(rounds: list[dict[str, Outcome]]) -> None:
    to_disk = ratio(rounds, "crv", "append_ms", base=FLOOR)
    if to_disk is not None:
        own = medians(rounds, "crv")["append_ms"] - medians(rounds, FLOOR)["append_ms"]
        print(f"  an append takes {to_disk:.2f} times as long as on the bare disk: {own:.2f} ms are crv's own")


def main() -> int:
    """Measures and prints. Returns 1 if a peer failed or returned wrong rows."""
    chosen = arguments()
    busy = load()
    sizes, results, startup = run(chosen)
    wheel = wheel_bytes(_WHEELS) if STARTUP in chosen.workloads else None
    reached = targets(results, startup, wheel)
    if busy > _BUSY:
        print(f"note: other programs kept this machine busy before the first round (load {busy:.1f} per processor).")
        print("      Syncs may take longer then, and crv syncs more often than raw: compare crv with disk too.")
    show(chosen.dir, sizes, results, startup, reached)
    if chosen.json:
        document = {
            "versions": versions(_PACKAGES),
            "file_system": file_system(chosen.dir),
            "load_before": busy,
            "sizes": asdict(sizes),
            "rounds": {
                workload: [{peer: asdict(outcome) for peer, outcome in outcomes.items()} for outcomes in rounds]
                for workload, rounds in results.items()
            },
            "medians": {
                workload: {peer: medians(rounds, peer) for peer in _TAKE_PART[workload]}
                for workload, rounds in results.items()
            },
            "startup": startup,
            "wheel_bytes": wheel,
            "targets": [asdict(target) for target in reached],
        }
        chosen.json.write_text(json.dumps(document, indent=2) + "\n")
    failed = failures(results)
    for failure in failed:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
