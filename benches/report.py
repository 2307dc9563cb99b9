"""The printed figures: medians over the rounds, and ratios within a round."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processes import Outcome
from sizes import Metrics, Sizes

__all__ = ["BASE", "METRICS", "TITLES", "Rounds", "Target", "medians", "ratio", "table", "targets"]

BASE = "raw"
"""The peer that the others are compared with."""

Rounds = Sequence[Mapping[str, Outcome]]
"""The outcomes of a workload, by round and peer."""

TITLES = {
    "ticks": "Appends of one tick: {appends} of {rows_per_tick} rows",
    "growth": "Growth: append {far} of a long table beside append {near} of a short one",
    "bulk": "One append of {bulk_rows} rows over {bulk_buckets} buckets",
    "long": "A run of {long} appends",
    "tables": "Ticks of eight tables: {transactions}, {rows_per_tick} rows for each table",
}
"""The heading of each workload."""

METRICS: dict[str, dict[str, tuple[str, str]]] = {
    "ticks": {
        "appends_per_s": ("appends/s", "count"),
        "append_ms": ("append, median", "ms"),
        "append_p99_ms": ("append, 99th percentile", "ms"),
        "file_ms": ("  of it: file written, synced, moved", "ms"),
        "name_ms": ("  of it: its directory synced", "ms"),
        "commit_ms": ("  of it: commit linked and synced", "ms"),
        "bytes": ("on disk", "MiB"),
        "last_tick_ms": ("read the last tick, fresh handle", "ms"),
        "last_tick_glob_ms": ("  from all files, by a glob", "ms"),
        "totals_ms": ("aggregate over all", "ms"),
        "rebuild_ms": ("rebuild the manifest", "ms"),
        "compact_ms": ("merge the parts", "ms"),
        "parts_before": ("  parts before", "count"),
        "parts_after": ("  and after", "count"),
        "compacted_totals_ms": ("  aggregate over all then", "ms"),
        "at_once_totals_ms": ("  and over one append of all", "ms"),
        "gathered_per_s": ("appends/s through a writer", "count"),
        "gathered_totals_ms": ("  aggregate over all then", "ms"),
    },
    "growth": {
        "near_ms": ("append to the short table, median", "ms"),
        "far_ms": ("append to the long table, median", "ms"),
        "growth": ("long / short, medians", "times"),
        "near_mean_ms": ("append to the short table, mean", "ms"),
        "far_mean_ms": ("append to the long table, mean", "ms"),
        "growth_mean": ("long / short, means", "times"),
        "far_max_ms": ("slowest append to the long table", "ms"),
    },
    "bulk": {
        "rows_per_s": ("rows/s", "count"),
        "bytes": ("on disk", "MiB"),
        "peak_bytes": ("peak memory above the input", "MiB"),
        "range_ms": ("read 1 % of the ticks", "ms"),
        "range_glob_ms": ("  from all files, by a glob", "ms"),
        "totals_ms": ("aggregate over all", "ms"),
    },
    "long": {
        "last_tick_ms": ("read the last tick, fresh handle", "ms"),
        "behind_ms": ("  while its writer is open", "ms"),
        "bytes": ("on disk", "MiB"),
    },
    "tables": {
        "together_ms": ("a tick of eight tables", "ms"),
        "each_ms": ("  as eight commits", "ms"),
        "alone_ms": ("a tick of one table", "ms"),
        "together_over_alone": ("eight tables / one", "times"),
    },
}
"""The figures of each workload that are printed: label and unit of each."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A target of crv, and the figure that it reached."""

    what: str
    found: str
    bound: str
    met: bool


def medians(rounds: Rounds, peer: str) -> Metrics:
    """Returns the median over the rounds of each figure of a peer."""
    measured = [outcomes[peer].metrics for outcomes in rounds if peer in outcomes and outcomes[peer].metrics]
    return {key: statistics.median(one[key] for one in measured) for key in (measured[0] if measured else ())}


def ratio(rounds: Rounds, peer: str, key: str, base: str = BASE, base_key: str | None = None) -> float | None:
    """Returns the median of the ratios of a peer's figure to one of ``base``, each taken within a round."""
    ratios = []
    for outcomes in rounds:
        figures = ((peer, key), (base, base_key or key))
        one, other = (outcomes[name].metrics.get(figure) if name in outcomes else None for name, figure in figures)
        if one is not None and other:
            ratios.append(one / other)
    return statistics.median(ratios) if ratios else None


def table(workload: str, rounds: Rounds, peers: Sequence[str], sizes: Sizes) -> str:
    """Formats the figures of a workload, a column per peer, each with its ratio to the hand-written adapter."""
    found = {peer: medians(rounds, peer) for peer in peers}
    shown = [peer for peer in peers if found[peer]]
    lines = [["", *shown]]
    for key, (label, unit) in METRICS[workload].items():
        if any(key in found[peer] for peer in shown):
            lines.append([label, *(_cell(rounds, peer, key, found[peer].get(key), unit) for peer in shown)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [TITLES[workload].format_map(vars(sizes))]
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        text.append("  ".join(["  " + first.ljust(widths[0]), *cells]).rstrip())
    for peer in peers:
        for outcome in [outcomes[peer] for outcomes in rounds if peer in outcomes][:1]:
            if outcome.missing:
                text.append(f"  {peer}: left out, {outcome.missing}")
    return "\n".join(text)


def _cell(rounds: Rounds, peer: str, key: str, value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "times":
        return f"{value:.2f}"
    text = {"count": f"{value:,.0f}", "ms": f"{value:.2f} ms", "MiB": f"{value / 2**20:.1f} MiB"}[unit]
    to_base = ratio(rounds, peer, key)
    return text + (f" ({to_base:.2f})" if to_base is not None else " " * 7)


def targets(results: Mapping[str, Rounds], startup: Mapping[str, float], wheel: int | None) -> list[Target]:
    """Returns the targets of crv that this run measured."""
    found: list[Target] = []

    def add(what: str, value: float | None, bound: float, shape: str, *, at_least: bool) -> None:
        if value is not None:
            met = value >= bound if at_least else value <= bound
            words = "at least" if at_least else "at most"
            found.append(Target(what=what, found=shape.format(value), bound=f"{words} {shape.format(bound)}", met=met))

    ticks, bulk = results.get("ticks", ()), results.get("bulk", ())
    add("appends/s of one tick, to raw", ratio(ticks, "crv", "appends_per_s"), 1.0, "{:.2f}", at_least=True)
    add("time of an append, to the bare disk", ratio(ticks, "crv", "append_ms", "disk"), 1.5, "{:.2f}", at_least=False)
    gathered = ratio(ticks, "crv", "gathered_per_s", base_key="appends_per_s")
    add("appends/s through a writer, to raw", gathered, 10, "{:.1f}", at_least=True)
    merged = ratio(ticks, "crv", "compacted_totals_ms", base_key="totals_ms")
    add("aggregate over merged parts, to raw", merged, 0.15, "{:.3f}", at_least=False)
    merged = ratio(ticks, "crv", "compacted_totals_ms", "crv", "at_once_totals_ms")
    add("the same, to one append of all rows", merged, 1.1, "{:.2f}", at_least=False)
    last = ratio(ticks, "crv", "last_tick_ms", base_key="last_tick_glob_ms")
    add("last tick, to raw by a glob", last, 0.05, "{:.3f}", at_least=False)
    rebuild = medians(ticks, "crv").get("rebuild_ms")
    add("rebuild", rebuild, 40, "{:.1f} ms", at_least=False)
    growth = medians(results.get("growth", ()), "crv")
    add("growth of an append, medians", growth.get("growth"), 1.1, "{:.2f}", at_least=False)
    add("growth of an append, means", growth.get("growth_mean"), 1.2, "{:.2f}", at_least=False)
    add("rows/s of one large append, to raw", ratio(bulk, "crv", "rows_per_s"), 1.3, "{:.2f}", at_least=True)
    add("its bytes on disk, to raw", ratio(bulk, "crv", "bytes"), 0.95, "{:.2f}", at_least=False)
    wide = ratio(bulk, "crv", "range_ms", base_key="range_glob_ms")
    add("range of 1 % of the ticks, to raw by a glob", wide, 0.25, "{:.2f}", at_least=False)
    add("aggregate over it, to raw", ratio(bulk, "crv", "totals_ms"), 0.9, "{:.2f}", at_least=False)
    eight = medians(results.get("tables", ()), "crv").get("together_over_alone")
    add("eight tables in one commit, to one table", eight, 3.0, "{:.2f}", at_least=False)
    last = medians(results.get("long", ()), "crv").get("last_tick_ms")
    add("last tick of the long run", last, 50, "{:.1f} ms", at_least=False)
    large = medians(bulk, "crv")
    if "peak_bytes" in large:
        limit = large["bytes"] / 2**20 + 64
        add("peak memory of it above the input", large["peak_bytes"] / 2**20, limit, "{:.1f} MiB", at_least=False)
    add("import crv.io", startup.get("import_ms"), 60, "{:.1f} ms", at_least=False)
    add("wheel", None if wheel is None else wheel / 1e6, 15, "{:.1f} MB", at_least=False)
    return found
