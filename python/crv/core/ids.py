"""Identifiers.

They are strings to Python and distinct types to a type checker. A run id names a directory, and is checked
wherever the store takes one; the others are the model's own words.
"""

from __future__ import annotations

import os
from typing import Final, NewType

from crv.core.errors import GrammarError
from crv.core.grammar import assert_lower_snake

__all__ = ["AgentId", "RunId", "SignatureId", "TokenId", "VenueId", "make_run_id"]

RunId = NewType("RunId", str)
"""Names a run: ``[A-Za-z0-9._:-]+``, not ``.`` or ``..``, at most 255 bytes."""

AgentId = NewType("AgentId", str)
"""Names an agent."""

TokenId = NewType("TokenId", str)
"""Names a token: anything that agents can hold, value or talk about."""

VenueId = NewType("VenueId", str)
"""Names a venue: a market, a poll, a place where exchanges are settled."""

SignatureId = NewType("SignatureId", str)
"""Names the signature of an oracle call: which question was asked."""

_PREFIX_MAX: Final = 255 - len("_") - 6


def make_run_id(prefix: str = "run") -> RunId:
    """Make a new run id: ``<prefix>_`` and six random hex digits.

    Six digits tell apart the runs of a person's day, not those of a large sweep: name the runs of a sweep by
    their parameters. Python's own random generators are left alone, so a seeded simulation stays as it is.

    Raises:
        GrammarError: the prefix is not lower_snake, or too long for a run id.

    >>> make_run_id("sweep").startswith("sweep_")
    True
    >>> len(make_run_id())
    10
    """
    assert_lower_snake(prefix, "run id prefix")
    if len(prefix) > _PREFIX_MAX:
        raise GrammarError(
            f"invalid run id prefix `{prefix}`: it has {len(prefix)} bytes, at most {_PREFIX_MAX} are "
            "allowed\nhint: use a shorter prefix"
        )
    return RunId(f"{prefix}_{os.urandom(3).hex()}")
