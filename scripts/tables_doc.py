"""Writes docs/tables: a page for each table, from its descriptor and the grammar.

``make tables-doc`` runs this script; a test compares its output with the pages in the repository.
"""

import argparse
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crv.core.grammar import ExchangeKind, RepresentationEdgeKind, TableName, Visibility
from crv.core.tables import TableDescriptor, list_tables

FOLDER = Path(__file__).parent.parent / "docs" / "tables"

NOTE = "<!-- Written by scripts/tables_doc.py: change that and run `make tables-doc`. -->"

DTYPES = {
    "i64": "64-bit integers",
    "f64": "64-bit floating-point numbers",
    "str": "text",
    "struct": "a payload: an object whose fields may differ from append to append",
    "list[struct]": "a list of payload objects",
}

EXAMPLES: dict[TableName, dict[str, Any]] = {
    TableName.EXCHANGE: {
        "venue_id": "bazaar",
        "token_id": "Alpha",
        "exchange_event_type": "trade",
        "side": "buy",
        "quantity": 2.0,
        "price": 10.5,
        "actor_agent_id": "A0",
        "counterparty_agent_id": "A1",
        "baseline_value": None,
        "additional_payload": {"order_id": "o17"},
    },
    TableName.IDENTITY_EDGES: {
        "observer_agent_id": "A0",
        "edge_kind": "agent_to_object",
        "subject_id": "A1",
        "object_id": None,
        "related_agent_id": None,
        "token_id": "Alpha",
        "edge_weight": 0.4,
        "edge_sign": 1,
    },
    TableName.SCENARIOS_SEEN: {
        "observer_agent_id": "A0",
        "token_id": "Alpha",
        "owner_status": "owner",
        "peer_alignment_label": "aligned",
        "group_label": None,
        "visibility_scope": "public",
        "channel_name": "square",
        "salient_agent_pairs": [{"a": "A1", "b": "A2"}],
        "exchange_snapshot": {"last_price": 10.5},
        "recent_affect_index": 0.2,
        "salient_other_agent_id": "A1",
        "context_hash": "43258cff783fe703",
    },
    TableName.MESSAGES: {
        "sender_agent_id": "A0",
        "channel_name": "square",
        "visibility_scope": "public",
        "audience": {"agents": ["A1", "A2"]},
        "speech_act": "endorse",
        "topic_label": "Alpha",
        "stance_label": "for",
        "claims": {"price_will": "rise"},
        "style": {"tone": "dry"},
    },
    TableName.DECISIONS: {
        "agent_id": "A0",
        "chosen_action": {"action_type": "gift_token", "token_id": "Alpha"},
        "action_candidates": [{"action_type": "gift_token", "score": 0.7}, {"action_type": "endorse_token", "score": 0.3}],
        "token_value_estimates": {"Alpha": 0.8},
    },
    TableName.ORACLE_CALLS: {
        "agent_id": "A0",
        "engine": "small",
        "signature_id": "appraise",
        "persona_id": "trader",
        "persona_hash": "d7de9f69",
        "representation_hash": "0c3b1d52",
        "context_hash": "43258cff783fe703",
        "value_json": '{"valence":0.6}',
        "latency_ms": 41,
        "cache_hit": 0,
        "n_tool_calls": 1,
        "tool_seq": {"first": "look_up"},
    },
    TableName.HOLDINGS: {"agent_id": "A0", "token_id": "Alpha", "quantity": 12},
    TableName.HOLDINGS_VALUATION: {
        "agent_id": "A0",
        "token_id": "Alpha",
        "quantity": 12,
        "avg_unit_cost": 9.0,
        "cost_value": 108.0,
        "mark_price": 10.5,
        "mark_value": 126.0,
        "realized_pnl": 0.0,
        "unrealized_pnl": 18.0,
        "price_source": "last_trade",
        "accounting_method": "wac",
    },
}
"""An example row of each table, without its tick."""

TICK = 101
"""The tick of the example rows."""


def pages() -> dict[str, str]:
    """Returns the text of each page, by file name."""
    tables = list_tables()
    return {"README.md": index(tables)} | {f"{table.name.value}.md": page(table) for table in tables}


def index(tables: list[TableDescriptor]) -> str:
    lines = [
        NOTE,
        "",
        "# Tables",
        "",
        f"The canonical tables of a run, version `{version(tables[0])}`. Their first columns are `bucket` and `tick`.",
        "",
        "| table | |",
        "|---|---|",
        *(f"| [`{table.name.value}`]({table.name.value}.md) | {summary(table)} |" for table in tables),
        "",
        "| dtype | |",
        "|---|---|",
        *(f"| `{dtype}` | {meaning} |" for dtype, meaning in DTYPES.items()),
        "",
        "[The format](../format.md#types) states how each type is stored in Parquet, and how a run",
        "[declares tables of its own](../format.md#declared-tables).",
    ]
    return text(lines)


def page(table: TableDescriptor) -> str:
    example = {"tick": TICK} | EXAMPLES[table.name]
    lines = [
        NOTE,
        "",
        f"# `{table.name.value}`",
        "",
        f"{summary(table)} Version `{version(table)}`; see [all tables](README.md).",
        "",
        "| column | dtype | |",
        "|---|---|---|",
        *(f"| `{name}` | `{dtype}` | {presence(table, name)} |" for name, dtype in table.columns.items()),
        "",
        "A required column is present and never null. Any other column may be left out, and is then read as nulls.",
        "`bucket` is always computed from `tick`, even if it is given.",
        "",
        *rules(table.name),
        "## A row",
        "",
        "```json",
        json.dumps(example, indent=2, ensure_ascii=False),
        "```",
    ]
    return text(lines)


def rules(table: TableName) -> Iterator[str]:
    """Yields the section with the rules on values, if the table has any."""
    found = list(value_rules(table))
    if found:
        yield from ["## Rules", "", "Checked on append with `validate_rows=True`:", "", *found, ""]


def value_rules(table: TableName) -> Iterator[str]:
    match table:
        case TableName.EXCHANGE:
            yield f"- `exchange_event_type` is one of {words(ExchangeKind)}."
            yield "- `side` is `buy`, `sell` or null."
        case TableName.IDENTITY_EDGES:
            yield "- `edge_kind` is one of those below, and the columns that it requires are neither null nor empty."
            yield from ["", "| `edge_kind` | requires |", "|---|---|"]
            for kind in RepresentationEdgeKind:
                needs = ", ".join(f"`{slot}`" for slot in kind.required_slots())
                yield f"| `{kind.value}` | {needs or 'nothing more'} |"
        case TableName.SCENARIOS_SEEN | TableName.MESSAGES:
            yield f"- `visibility_scope` is one of {words(Visibility)}, in this spelling."
        case TableName.ORACLE_CALLS:
            yield "- `cache_hit` is 0 or 1."


def words(vocabulary: type[ExchangeKind] | type[Visibility]) -> str:
    return ", ".join(f"`{member.value}`" for member in vocabulary)


def presence(table: TableDescriptor, column: str) -> str:
    return "required" if column in table.required else "nullable"


def version(table: TableDescriptor) -> str:
    return f"{table.version.major}.{table.version.minor}@{table.version.date}"


def summary(table: TableDescriptor) -> str:
    """Returns the purpose of the table in one line, from the docstring of its module."""
    name = table.name.value
    paragraph = (importlib.import_module(f"crv.core.tables.{name}").__doc__ or "").split("\n\n")[0]
    said = " ".join(paragraph.split()).removeprefix(f"The ``{name}`` table. ")
    return said.replace("``", "`")


def text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a page for each table.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
