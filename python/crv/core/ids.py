"""Identifiers.

At run time they are strings; for a type checker they are distinct types. A run id names a directory: the store checks
every one that it is given. The other ids may be any text.
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

    Six digits are enough for the runs that a person starts by hand, not for a large sweep: name the runs of a sweep by
    their parameters. The state of Python's random generators does not change, so seeded simulations stay reproducible.

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
