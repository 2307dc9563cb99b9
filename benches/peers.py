"""Measures crv beside its peers: the same work, in one run, each peer in processes of its own.

Ratios are to `raw`, Polars by hand; `disk` is the bare disk under an append of one tick. See README.md beside this
file.
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
"""The import and the wheel, beside the workloads."""

_TAKE_PART = {
    "ticks": (*PEERS, FLOOR),
    "growth": ("crv", "raw", FLOOR),
    "bulk": tuple(PEERS),
    "tables": ("crv", "raw"),
    "long": ("crv",),
}
"""Which peers there are to a workload."""

_OPT_IN = frozenset({"long"})
"""Workloads that take minutes, and are measured where they are asked for."""

_BUSY = 0.5
"""The load of each processor above which a reader is warned."""

_PACKAGES = tuple(dict.fromkeys(peer.package for peer in PEERS.values()))
_WHEELS = Path(__file__).parent.parent / "dist"


Results = dict[str, list[dict[str, Outcome]]]
"""What came of each workload, round by round and peer by peer."""


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
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
    parser.add_argument("--quick", action="store_true", help="small sizes: does everything work?")
    parser.add_argument("--rounds", type=_positive, help="times that everything is measured")
    parser.add_argument("--appends", type=_positive, help="appends of one tick")
    parser.add_argument("--near", type=_positive, help="the append whose cost is compared ...")
    parser.add_argument("--far", type=_positive, help="... with the cost of this one")
    parser.add_argument("--long", type=_positive, help="appends of the long run")
    parser.add_argument("--bulk-rows", type=_positive, help="rows of the large append")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure of every round to FILE")
    parser.add_argument("--dir", type=Path, default=Path("out"), help="where to write (default: %(default)s)")
    chosen = parser.parse_args()
    given = {name: getattr(chosen, name) for name in ("rounds", "appends", "near", "far", "long", "bulk_rows")}
    chosen.sizes = replace(QUICK if chosen.quick else Sizes(), **{name: n for name, n in given.items() if n})
    return chosen


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [name for name in asked if name not in known]:
            raise argparse.ArgumentTypeError(f"there is no `{unknown[0]}`: there are {', '.join(known)}")
        return [name for name in known if name in asked]

    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or not (number := int(text)):
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of at least 1")
    return number


def run(chosen: argparse.Namespace) -> tuple[Sizes, Results, Metrics]:
    """Measures what was asked for, round by round; also the sizes it came to."""
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
    """What went wrong, once for each peer of each workload."""
    failed: dict[str, str] = {}
    for workload, rounds in results.items():
        for outcomes in rounds:
            for peer, outcome in outcomes.items():
                if outcome.failed is not None:
                    failed.setdefault(f"{workload}, {peer}", outcome.failed)
    return [f"{where}: {why}" for where, why in failed.items()]


def show(directory: Path, sizes: Sizes, results: Results, startup: Metrics, reached: Sequence[Target]) -> None:
    """Prints the tables, and what crv must reach."""
    print(", ".join(f"{name} {number}" for name, number in versions(_PACKAGES).items()))
    kind = file_system(directory)
    print(f"file system: {kind}" + (", which is memory: syncing costs nothing on it" if kind == "tmpfs" else ""))
    print("medians of the rounds; in brackets the ratio to raw, taken within a round")
    print("synced when an append returns:", "; ".join(f"{name}: {peer.syncs}" for name, peer in PEERS.items()))
    for workload, rounds in results.items():
        print(f"\n{table(workload, rounds, _TAKE_PART[workload], sizes)}")
        if workload == "ticks":
            _show_floor(rounds)
    if startup:
        print("\nimport crv.io in a fresh interpreter")
        print(f"  {startup['import_ms']:.1f} ms as the interpreter sees it")
        print(f"  {startup['whole_less_bare_ms']:.1f} ms beyond a bare interpreter's {startup['bare_ms']:.1f} ms")
    if reached:
        print("\nWhat crv must reach")
    for target in reached:
        print(f"  {'met   ' if target.met else 'MISSED'}  {target.what}: {target.found} ({target.bound})")


def _show_floor(rounds: list[dict[str, Outcome]]) -> None:
    to_disk = ratio(rounds, "crv", "append_ms", base=FLOOR)
    if to_disk is not None:
        own = medians(rounds, "crv")["append_ms"] - medians(rounds, FLOOR)["append_ms"]
        print(f"  crv takes {to_disk:.2f} times as long as the bare disk for an append: {own:.2f} ms are its own")


def main() -> int:
    """Measures, and prints; 1 when a peer failed or gave back wrong rows."""
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
