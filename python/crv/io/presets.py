"""Ready-made declarations of tables that many simulations need.

`AGENTS` is the state of each agent at each tick. `MODEL` has one row for each tick, and any further columns.
`LLM_CALLS` has the calls of a language model: prompt, response, tokens, cost, latency, error.

>>> import tempfile
>>> from crv.io import Dataset, IoSettings, presets
>>> dataset = Dataset(IoSettings(root_dir=tempfile.mkdtemp()), run_id="society-1")
>>> dataset.declare(presets.LLM_CALLS)
>>> call = {"tick": 0, "model": "m-1", "prompt": "hello", "response": "hi", "tokens_in": 1, "latency_ms": 12.5}
>>> dataset.append("llm_calls", [call])["rows"]
1
>>> dataset.declare(presets.MODEL)
>>> dataset.append("model", {"tick": [0], "gini": [0.25]}, declare=True)["rows"]
1
"""

from typing import NamedTuple

from crv import _native

__all__ = ["AGENTS", "LLM_CALLS", "MODEL", "Preset"]


class Preset(NamedTuple):
    """A table, ready to be declared: `Dataset.declare` takes it alone."""

    name: str
    """The name of the table."""
    columns: dict[str, str]
    """The columns and their types."""
    required: tuple[str, ...]
    """The columns that are never null."""


_ALL = {name: Preset(name, dict(columns), tuple(required)) for name, columns, required in _native.presets()}

AGENTS = _ALL["agents"]
"""The state of each agent at each tick: agent_id, x, y, state."""
LLM_CALLS = _ALL["llm_calls"]
"""Calls of a language model."""
MODEL = _ALL["model"]
"""One row for each tick, with figures of the whole model; declare further columns beside ``tick``."""
