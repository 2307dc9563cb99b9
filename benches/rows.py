"""The rows to write. They depend only on their number, so that every process makes the same rows."""

import polars as pl

__all__ = ["COLUMNS", "TABLES", "edges", "same_rows", "table_rows", "totals"]

COLUMNS = ("tick", "observer_agent_id", "edge_kind", "subject_id", "token_id", "edge_weight")
"""The columns of `edges`."""

_AGENTS = 500
_TOKENS = 50


def _chosen(seed: int, among: int) -> pl.Expr:
    """Returns a number below ``among`` for each row."""
    return pl.col("row").hash(seed) % among


def _name(prefix: str, seed: int, among: int) -> pl.Expr:
    return pl.format(prefix + "{}", _chosen(seed, among))


def _numbered(first_tick: int, ticks: int, rows_per_tick: int) -> pl.LazyFrame:
    start = first_tick * rows_per_tick
    numbers = pl.int_range(start, start + ticks * rows_per_tick, dtype=pl.Int64, eager=True).alias("row")
    return numbers.to_frame().lazy().with_columns(tick=pl.col("row") // rows_per_tick)


def edges(first_tick: int, ticks: int, rows_per_tick: int) -> pl.DataFrame:
    """Returns rows of `identity_edges`, in tick order."""
    kind = pl.when(_chosen(2, 2) == 0).then(pl.lit("self_to_object")).otherwise(pl.lit("agent_to_object"))
    rows = _numbered(first_tick, ticks, rows_per_tick).select(
        "tick",
        _name("A", 1, _AGENTS).alias("observer_agent_id"),
        kind.alias("edge_kind"),
        _name("S", 3, _AGENTS).alias("subject_id"),
        _name("T", 4, _TOKENS).alias("token_id"),
        (_chosen(5, 2**40) / 2**40).alias("edge_weight"),
    )
    return rows.collect().rechunk()


def totals(frame: pl.LazyFrame) -> pl.DataFrame:
    """Returns the sum of the weights of each agent, and the number of its edges."""
    groups = frame.group_by("observer_agent_id")
    return groups.agg(pl.col("edge_weight").sum().alias("weight"), pl.len().cast(pl.Int64).alias("edges")).collect()


def same_rows(found: pl.DataFrame, expected: pl.DataFrame) -> bool:
    """Returns whether the rows are equal, in any order. Floats may differ by rounding."""
    columns = expected.columns
    if not set(columns) <= set(found.columns) or found.height != expected.height:
        return False
    one, other = (frame.select(columns).sort(columns) for frame in (found, expected))
    for column in columns:
        if expected[column].dtype.is_float():
            same = ((one[column] - other[column]).abs() <= 1e-9 * other[column].abs()).all()
        else:
            same = (one[column].cast(other[column].dtype) == other[column]).all()
        if not same:
            return False
    return True


_AGENT = _name("A", 1, _AGENTS)
_TOKEN = _name("T", 4, _TOKENS)
_WEIGHT = _chosen(5, 2**40) / 2**40
_HASH = _name("h", 6, 2**40)

TABLES: dict[str, dict[str, pl.Expr]] = {
    "exchange": {
        "venue_id": pl.lit("V0"),
        "token_id": _TOKEN,
        "exchange_event_type": pl.lit("trade"),
        "side": pl.lit("buy"),
        "quantity": _WEIGHT,
        "additional_payload": pl.struct(lot=_chosen(7, 100).cast(pl.Int64)),
    },
    "identity_edges": {
        "observer_agent_id": _AGENT,
        "edge_kind": pl.lit("self_to_object"),
        "token_id": _TOKEN,
        "edge_weight": _WEIGHT,
    },
    "scenarios_seen": {
        "observer_agent_id": _AGENT,
        "token_id": _TOKEN,
        "salient_agent_pairs": pl.concat_list(pl.struct(a=_AGENT, b=_name("A", 8, _AGENTS))),
        "exchange_snapshot": pl.struct(price=_WEIGHT),
        "context_hash": _HASH,
    },
    "messages": {
        "sender_agent_id": _AGENT,
        "channel_name": pl.lit("town"),
        "visibility_scope": pl.lit("public"),
        "audience": pl.struct(everyone=pl.lit(True)),
        "speech_act": pl.lit("claim"),
        "topic_label": _TOKEN,
        "claims": pl.struct(worth=_WEIGHT),
        "style": pl.struct(tone=pl.lit("dry")),
    },
    "decisions": {
        "agent_id": _AGENT,
        "chosen_action": pl.struct(action_type=pl.lit("gift_token"), token_id=_TOKEN),
        "action_candidates": pl.concat_list(pl.struct(action_type=pl.lit("gift_token"), score=_WEIGHT)),
        "token_value_estimates": pl.struct(T0=_WEIGHT),
    },
    "oracle_calls": {
        "agent_id": _AGENT,
        "engine": pl.lit("e"),
        "signature_id": pl.lit("s"),
        "persona_id": _AGENT,
        "persona_hash": _HASH,
        "representation_hash": _HASH,
        "context_hash": _HASH,
        "value_json": pl.lit("{}"),
        "latency_ms": _chosen(9, 1000).cast(pl.Int64),
        "cache_hit": _chosen(10, 2).cast(pl.Int64),
        "n_tool_calls": pl.lit(0, pl.Int64),
        "tool_seq": pl.struct(first=pl.lit("look")),
    },
    "holdings": {"agent_id": _AGENT, "token_id": _TOKEN, "quantity": _chosen(11, 1000).cast(pl.Int64)},
    "holdings_valuation": {
        "agent_id": _AGENT,
        "token_id": _TOKEN,
        "quantity": _chosen(11, 1000).cast(pl.Int64),
        "mark_price": _WEIGHT,
        "price_source": pl.lit("last_trade"),
    },
}
"""The columns of every table, without `tick`."""


def table_rows(table: str, tick: int, rows: int) -> pl.DataFrame:
    """Returns rows of one tick of any table."""
    columns = [column.alias(name) for name, column in TABLES[table].items()]
    return _numbered(tick, 1, rows).select("tick", *columns).collect().rechunk()
