"""A tick over several tables as one commit; a failed tick writes nothing: python transactions.py [ROOT]."""

import sys

import polars as pl
from crv.core.grammar import TableName
from crv.io import Dataset, IoSchemaError, IoSettings

settings = IoSettings(root_dir=sys.argv[1] if len(sys.argv) > 1 else "out")


def trade(tick: int, price: float) -> pl.DataFrame:
    """Returns a trade: A0 buys one unit of Alpha from A1. The fields of the payload may differ from tick to tick."""
    return pl.DataFrame(
        {
            "tick": [tick],
            "venue_id": ["plaza"],
            "token_id": ["Alpha"],
            "exchange_event_type": ["trade"],
            "side": ["buy"],
            "quantity": [1.0],
            "price": [price],
            "actor_agent_id": ["A0"],
            "counterparty_agent_id": ["A1"],
            "additional_payload": [{"round": tick}],
        }
    )


def holdings(tick: int, buyer: int, seller: int) -> pl.DataFrame:
    """Returns the holdings of both agents after the trade."""
    return pl.DataFrame({"tick": tick, "agent_id": ["A0", "A1"], "token_id": "Alpha", "quantity": [buyer, seller]})


def rows(ds: Dataset) -> dict[str, int]:
    """Returns the number of rows of each of the two tables."""
    return {table.value: ds.read(table).height for table in (TableName.EXCHANGE, TableName.HOLDINGS)}


with Dataset(settings, run_id="transactions") as ds:
    # A complete tick: a reader sees it in both tables, or in neither.
    with ds.transaction() as tx:
        tx.append(TableName.EXCHANGE, trade(0, 10.0))
        tx.append(TableName.HOLDINGS, holdings(0, 1, 4))
    before = rows(ds)
    print(f"after tick 0: {before}")

    # The model fails in the middle of a tick, after the append to one table.
    try:
        with ds.transaction() as tx:
            tx.append(TableName.EXCHANGE, trade(1, 11.0))
            raise ArithmeticError("the model diverged")
    except ArithmeticError as error:
        print(f"nothing recorded: {error}")
    assert rows(ds) == before

    # A frame that does not fit its table fails the tick in the same way: nothing is written.
    try:
        with ds.transaction() as tx:
            tx.append(TableName.EXCHANGE, trade(1, 11.0))
            tx.append(TableName.HOLDINGS, holdings(1, 2, 3).rename({"quantity": "amount"}))
    except IoSchemaError as error:
        print(f"nothing recorded: {error}")
    assert rows(ds) == before

    # So the tick can be repeated.
    with ds.transaction() as tx:
        tx.append(TableName.EXCHANGE, trade(1, 11.0))
        tx.append(TableName.HOLDINGS, holdings(1, 2, 3))
    print(f"after tick 1: {rows(ds)}")
