"""A picture of a recorded run, drawn only from the tables."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # No window: cluster nodes have no display.

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from crv.core.grammar import TableName
from crv.io import Dataset
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

INK, SUGAR, SPICE, GREY = "#1f2933", "#2a78b5", "#c8553d", "#8a94a0"


def draw(dataset: Dataset, path: Path) -> None:
    """Draws the run to a PNG file."""
    holdings = dataset.read(TableName.HOLDINGS)
    # Steps without trades are kept: they are gaps in the line of prices.
    steps = holdings.lazy().filter(pl.col("tick") > 0).select(pl.col("tick").unique())
    per_step = (
        dataset.scan(TableName.EXCHANGE)
        .group_by("tick")
        .agg(
            pl.len().alias("volume"),
            pl.col("price").log().mean().exp().alias("mean"),
            pl.col("price").log().std().alias("dispersion"),
            *(pl.col("price").quantile(q).alias(f"q{round(q * 100)}") for q in (0.1, 0.25, 0.75, 0.9)),
        )
    )
    trades = steps.join(per_step, on="tick", how="left").sort("tick").collect()
    wealth = (
        dataset.scan(TableName.HOLDINGS_VALUATION)
        .group_by("tick", "agent_id")
        .agg(pl.col("mark_value").sum(), pl.col("mark_value").null_count().alias("unpriced"))
        .filter(pl.col("unpriced") == 0)
        .collect()
    )
    style: dict[Any, Any] = {
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": GREY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "legend.frameon": False,
    }
    with plt.rc_context(style):
        figure = plt.figure(figsize=(12, 7.5), layout="constrained")
        over_time, at_a_step = figure.subfigures(1, 2, squeeze=False, width_ratios=(3, 2))[0]
        price, *others = over_time.subplots(4, 1, sharex=True, height_ratios=(3, 1, 1, 1))
        _price(price, trades)
        for panel, axes in zip((_dispersion, _volume), others, strict=False):
            panel(axes, trades)
        _traders(others[-1], holdings)
        others[-1].set_xlabel("step")
        others[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        lorenz, possessions = at_a_step.subplots(2, 1)
        _lorenz(lorenz, wealth)
        _possessions(possessions, holdings)
        figure.suptitle(
            f"Sugarscape with trade: run {dataset.run_id}, {trades['volume'].sum():,} trades",
            x=0.01,
            ha="left",
            weight="bold",
            size=12,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _price(axes: Axes, trades: pl.DataFrame) -> None:
    tick = trades["tick"]
    axes.fill_between(tick, trades["q10"], trades["q90"], color=SUGAR, alpha=0.15, lw=0, label="10 % to 90 % of trades")
    axes.fill_between(tick, trades["q25"], trades["q75"], color=SUGAR, alpha=0.3, lw=0, label="25 % to 75 %")
    axes.plot(tick, trades["mean"], color=SUGAR, lw=1.6, label="geometric mean")
    axes.axhline(1, color=GREY, lw=0.8, ls=":")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title("Price of sugar")
    axes.set_ylabel("spice for one sugar")
    # Above the axes, where it covers no prices.
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.99), ncols=3)


def _dispersion(axes: Axes, trades: pl.DataFrame) -> None:
    axes.plot(trades["tick"], trades["dispersion"], color=SUGAR, lw=1.2)
    axes.set_title("Price dispersion")
    axes.set_ylabel("sd of log price")
    axes.set_ylim(bottom=0)


def _volume(axes: Axes, trades: pl.DataFrame) -> None:
    # Logarithmic, because the first step has far more trades than the others.
    axes.bar(trades["tick"], trades["volume"], width=1.0, color=GREY)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title("Trade volume")
    axes.set_ylabel("trades")


def _traders(axes: Axes, holdings: pl.DataFrame) -> None:
    alive = holdings.group_by("tick").agg(pl.col("agent_id").n_unique().alias("traders")).sort("tick")
    axes.step(alive["tick"], alive["traders"], where="post", color=INK, lw=1.4)
    axes.set_title("Traders alive")
    axes.set_ylabel("traders")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, max(1, holdings.select(pl.col("tick").max()).item()))


def gini(values: np.ndarray) -> float:
    """Returns the Gini coefficient: 0 if all values are equal, near 1 if one has everything."""
    ordered = np.sort(values)
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * ordered.sum()))


def _lorenz(axes: Axes, wealth: pl.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
    ticks = wealth["tick"].unique().sort()
    shown = sorted({ticks[0], ticks[len(ticks) // 2], ticks[-1]}) if len(ticks) else []
    for tick, colour in zip(shown, (GREY, SPICE, INK), strict=False):
        values = wealth.filter(pl.col("tick") == tick)["mark_value"].sort().to_numpy()
        share = np.concatenate([[0], np.cumsum(values) / values.sum()])
        label = f"step {tick}: Gini {gini(values):.2f}"
        axes.plot(np.linspace(0, 1, len(share)), share, color=colour, lw=1.6, label=label)
    axes.set_title("Who owns the wealth (sugar and spice, valued in spice)")
    axes.set_xlabel("share of traders, poorest first")
    axes.set_ylabel("share of wealth")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend(loc="upper left")


def _possessions(axes: Axes, holdings: pl.DataFrame) -> None:
    last = holdings.filter(pl.col("tick") == pl.col("tick").max())
    last = last.pivot(on="token_id", index="agent_id", values="quantity")
    axes.scatter(last["sugar"], last["spice"], s=14, color=SPICE, alpha=0.7, lw=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    most = last.select(pl.max_horizontal(pl.col("sugar", "spice").max())).item()
    axes.plot([1, most], [1, most], color=GREY, lw=0.8, ls=":")
    axes.set_title(f"Final holdings of {len(last)} traders")
    axes.set_xlabel("sugar")
    axes.set_ylabel("spice")
