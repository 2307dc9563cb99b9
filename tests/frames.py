"""Rows for every table, and lists of the files on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from crv.core.grammar import TableName

RUN = "20250101-000000"

ROW: dict[TableName, dict[str, Any]] = {
    TableName.EXCHANGE: {
        "venue_id": "V0",
        "token_id": "T0",
        "exchange_event_type": "trade",
        "side": "buy",
        "quantity": 1.0,
        "additional_payload": {"note": "x"},
    },
    TableName.IDENTITY_EDGES: {
        "observer_agent_id": "A0",
        "edge_kind": "self_to_positive_valence",
        "edge_weight": 0.5,
    },
    TableName.SCENARIOS_SEEN: {
        "observer_agent_id": "A0",
        "salient_agent_pairs": [{"a": "A0", "b": "A1"}],
        "exchange_snapshot": {"price": 1.0},
        "context_hash": "c",
    },
    TableName.MESSAGES: {
        "sender_agent_id": "A0",
        "channel_name": "town",
        "visibility_scope": "public",
        "audience": {"all": True},
        "speech_act": "claim",
        "topic_label": "t",
        "claims": {"n": 1},
        "style": {"tone": "dry"},
    },
    TableName.DECISIONS: {
        "agent_id": "A0",
        "chosen_action": {"action_type": "gift_token"},
        "action_candidates": [{"action_type": "gift_token", "score": 0.5}],
        "token_value_estimates": {"T0": 1.0},
    },
    TableName.ORACLE_CALLS: {
        "agent_id": "A0",
        "engine": "e",
        "signature_id": "s",
        "persona_id": "p",
        "persona_hash": "h",
        "representation_hash": "r",
        "context_hash": "c",
        "value_json": "{}",
        "latency_ms": 3,
        "cache_hit": 0,
        "n_tool_calls": 0,
        "tool_seq": {"first": "x"},
    },
    TableName.HOLDINGS: {"agent_id": "A0", "token_id": "T0", "quantity": 1},
    TableName.HOLDINGS_VALUATION: {"agent_id": "A0", "token_id": "T0", "quantity": 1},
}
"""A valid row of each table, without its tick."""


def rows(table: TableName, ticks: Sequence[int], **changes: Any) -> pl.DataFrame:
    """Returns a valid row of ``table`` per tick, with some columns changed."""
    return pl.DataFrame([{"tick": tick} | ROW[table] | changes for tick in ticks])


def holdings(*ticks: int, quantity: int = 1) -> pl.DataFrame:
    """Returns a row of `holdings` per tick."""
    return rows(TableName.HOLDINGS, ticks, quantity=quantity)


def messages(tick: int, **payloads: Any) -> pl.DataFrame:
    """Returns a row of `messages` with these payloads."""
    return rows(TableName.MESSAGES, [tick], **payloads)


def files(root: str | Path, pattern: str = "*") -> list[str]:
    """Lists the files under ``root``, relative to it."""
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob(pattern) if path.is_file())


def parts(root: str | Path) -> list[str]:
    """Lists the complete parts under ``root``."""
    return files(root, "part-*.parquet")
