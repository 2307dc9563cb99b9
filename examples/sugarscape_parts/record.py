"""Recording Sugarscape with trade: one step of the model is one transaction.

Only data that the model exposes is recorded. It does not expose which of two traders bought, so `side` is null. It does
expose the price, from which the quantities of sugar and spice follow.
"""

from typing import Any

import numpy as np
import polars as pl
from crv.core.grammar import ExchangeKind, RepresentationEdgeKind, TableName
from crv.io import Dataset

VENUE = "neighbourhood"
RESOURCES = ["sugar", "spice"]


def record_step(dataset: Dataset, model: Any) -> None:
    """Records the state of the model, and the trades that led to it, as one commit."""
    tick = model.steps
    traders = list(model.agents)
    trades = _trades(traders)
    holdings = _holdings(traders)
    with dataset.transaction() as tx:
        tx.append(TableName.EXCHANGE, _at(tick, _exchange(trades)))
        tx.append(TableName.IDENTITY_EDGES, _at(tick, _partners(trades)))
        tx.append(TableName.HOLDINGS, _at(tick, holdings))
        tx.append(TableName.HOLDINGS_VALUATION, _at(tick, _valuation(holdings, trades)))


def _at(tick: int, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.lit(tick, dtype=pl.Int64).alias("tick"), pl.all())


def trader_id(column: str) -> pl.Expr:
    """Returns the recorded id of a trader, from the model's number."""
    return pl.format("trader_{}", pl.col(column))


def _trades(traders: list[Any]) -> pl.DataFrame:
    """Returns one row for each trade of the step; the trades of a trader are in order."""
    return pl.DataFrame(
        {
            "actor": [trader.unique_id for trader in traders for _ in trader.prices],
            "counterparty": [partner for trader in traders for partner in trader.trade_partners],
            "price": [price for trader in traders for price in trader.prices],
        },
        schema={"actor": pl.Int64, "counterparty": pl.Int64, "price": pl.Float64},
    ).with_columns(
        # The model trades whole units: one unit of the dearer resource.
        sugar=pl.when(pl.col("price") >= 1).then(1).otherwise((1 / pl.col("price")).cast(pl.Int64)),
        spice=pl.when(pl.col("price") >= 1).then(pl.col("price").cast(pl.Int64)).otherwise(1),
        round=pl.int_range(1, pl.len() + 1).over("actor", "counterparty"),
    )


def _exchange(trades: pl.DataFrame) -> pl.DataFrame:
    """Returns the trades as rows of `exchange`: sugar is bought for spice, and the price is spice for one sugar."""
    return trades.select(
        venue_id=pl.lit(VENUE),
        token_id=pl.lit("sugar"),
        exchange_event_type=pl.lit(ExchangeKind.TRADE.value),
        quantity=pl.col("sugar").cast(pl.Float64),
        price=pl.col("price"),
        actor_agent_id=trader_id("actor"),
        counterparty_agent_id=trader_id("counterparty"),
        additional_payload=pl.struct("sugar", "spice", "round"),
    )


def _partners(trades: pl.DataFrame) -> pl.DataFrame:
    """Returns an edge from each trader to each of its partners in this step, weighted by the number of trades."""
    return (
        trades.group_by("actor", "counterparty", maintain_order=True)
        .len("trades")
        .select(
            observer_agent_id=trader_id("actor"),
            edge_kind=pl.lit(RepresentationEdgeKind.SELF_TO_AGENT.value),
            subject_id=trader_id("actor"),
            object_id=trader_id("counterparty"),
            edge_weight=pl.col("trades").cast(pl.Float64),
            edge_sign=pl.lit(1, dtype=pl.Int64),
        )
    )


def _holdings(traders: list[Any]) -> pl.DataFrame:
    """Returns the holdings of each trader. The model counts whole units as floats; crv refuses fractions."""
    return (
        pl.DataFrame(
            {
                "trader": np.fromiter((trader.unique_id for trader in traders), np.int64),
                **{
                    resource: np.fromiter((getattr(trader, resource) for trader in traders), np.float64)
                    for resource in RESOURCES
                },
            }
        )
        .select(trader_id("trader").alias("agent_id"), *RESOURCES)
        .unpivot(on=RESOURCES, index="agent_id", variable_name="token_id", value_name="quantity")
    )


def _valuation(holdings: pl.DataFrame, trades: pl.DataFrame) -> pl.DataFrame:
    """Returns the holdings valued in spice, with sugar at the mean price of the step (null without trades)."""
    price = trades.select(pl.col("price").log().mean().exp()).item()
    mark = pl.when(pl.col("token_id") == "sugar").then(pl.lit(price, dtype=pl.Float64)).otherwise(1.0)
    return holdings.with_columns(
        mark_price=mark, mark_value=mark * pl.col("quantity"), price_source=pl.lit("geometric_mean_of_trades")
    )
