"""Compares the run that was read back with the data of the model's own DataCollector."""

import math
from collections import Counter
from typing import Any

import polars as pl
from crv.core.grammar import TableName
from crv.io import Dataset

Trades = dict[tuple[int, str], list[str]]


def mismatches(dataset: Dataset, model: Any) -> list[str]:
    """Returns the differences as text; empty if there are none."""
    kept = model.datacollector.get_model_vars_dataframe()
    steps = range(1, len(kept) + 1)
    network = _trade_network(model)
    trades = (
        dataset.scan(TableName.EXCHANGE)
        .group_by("tick")
        .agg(pl.len().alias("volume"), pl.col("price").log().mean().exp())
        .collect()
    )
    traders = (
        dataset.scan(TableName.HOLDINGS, {"tick_min": 1})
        .group_by("tick")
        .agg(pl.col("agent_id").n_unique().alias("traders"))
        .collect()
    )
    return [
        *_series("number of traders", steps, kept["#Traders"], _by_tick(traders, "traders")),
        *_series("trade volume", steps, kept["Trade Volume"], _by_tick(trades, "volume")),
        *_series("mean price", steps, kept["Price"], _by_tick(trades, "price")),
        *_same("trade partners", network, _recorded_network(dataset)),
        *_same("ties between traders", _ties(network), _recorded_ties(dataset)),
        *_same("final holdings", _owned(model), _recorded_holdings(dataset, model.steps)),
    ]


def _by_tick(frame: pl.DataFrame, column: str) -> dict[int, float]:
    return dict(frame.select("tick", column).iter_rows())


def _series(what: str, steps: range, kept: Any, recorded: dict[int, float]) -> list[str]:
    found = [
        f"{what} at step {tick}: the model kept {expected}, the run has {recorded.get(tick)}"
        for tick, expected in zip(steps, kept, strict=True)
        if not _equal(float(expected), float(recorded.get(tick) or 0))
    ]
    beyond = sorted(set(recorded) - set(steps))
    return found + [f"{what}: the run has steps that the model never made: {beyond}"] * bool(beyond)


def _equal(expected: float, recorded: float) -> bool:
    # Without trades the model's mean price is NaN, and the run has no row.
    return recorded == 0 if math.isnan(expected) else math.isclose(expected, recorded, rel_tol=1e-9)


def _same(what: str, kept: dict[Any, Any], recorded: dict[Any, Any]) -> list[str]:
    return [
        f"{what} of {key}: the model kept {kept.get(key)}, the run has {recorded.get(key)}"
        for key in sorted(kept.keys() | recorded.keys())
        if kept.get(key) != recorded.get(key)
    ]


def _trade_network(model: Any) -> Trades:
    frame = model.datacollector.get_agent_vars_dataframe()
    return {
        (step, f"trader_{trader}"): [f"trader_{partner}" for partner in partners]
        for (step, trader), partners in frame["Trade Network"].items()
        if partners
    }


def _recorded_network(dataset: Dataset) -> Trades:
    rows = dataset.read(TableName.EXCHANGE).select("tick", "actor_agent_id", "counterparty_agent_id")
    network: Trades = {}
    for tick, actor, partner in rows.iter_rows():
        network.setdefault((tick, actor), []).append(partner)
    return network


def _ties(network: Trades) -> dict[tuple[int, str, str], float]:
    return {
        (step, trader, partner): float(count)
        for (step, trader), partners in network.items()
        for partner, count in Counter(partners).items()
    }


def _recorded_ties(dataset: Dataset) -> dict[tuple[int, str, str], float]:
    rows = dataset.read(TableName.IDENTITY_EDGES).select("tick", "subject_id", "object_id", "edge_weight")
    return {(tick, trader, partner): weight for tick, trader, partner, weight in rows.iter_rows()}


def _owned(model: Any) -> dict[tuple[str, str], float]:
    return {
        (f"trader_{trader.unique_id}", resource): float(getattr(trader, resource))
        for trader in model.agents
        for resource in ("sugar", "spice")
    }


def _recorded_holdings(dataset: Dataset, tick: int) -> dict[tuple[str, str], float]:
    rows = dataset.read(TableName.HOLDINGS, {"tick_min": tick, "tick_max": tick})
    return {
        (agent, token): float(quantity)
        for agent, token, quantity in rows.select("agent_id", "token_id", "quantity").iter_rows()
    }
