"""Canonical JSON and the hashes of rows, contexts and states.

The Rust core writes the same bytes. Object keys should be strings: ``json`` sorts other keys before it turns
them into text, so that an object with number keys is not written the same way after it has been read back.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["hash_context", "hash_row", "hash_state", "json_dumps_canonical"]


def json_dumps_canonical(obj: Any) -> str:
    """Write JSON with sorted keys, without blanks, non-ASCII text as it is.

    Raises:
        ValueError: a NaN or an infinity, which JSON does not have.
        TypeError: a value that is no JSON value.

    >>> json_dumps_canonical({"b": [1.0, 1e16, -0.0], "a": "ü"})
    '{"a":"ü","b":[1.0,1e+16,-0.0]}'
    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_row(row: Any) -> str:
    """Hash a row: SHA-256 of its canonical JSON in UTF-8, as 64 hex digits.

    Raises:
        ValueError: as ``json_dumps_canonical``, and for text with half a surrogate pair, which UTF-8 cannot
            carry.

    >>> hash_row({"b": 2, "a": 1})
    '43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777'
    """
    return hashlib.sha256(json_dumps_canonical(row).encode("utf-8")).hexdigest()


def hash_context(context: Any) -> str:
    """Hash a context as ``hash_row`` does: what ``context_hash`` columns hold."""
    return hash_row(context)


def hash_state(state: Any) -> str:
    """Hash a state as ``hash_row`` does: what ``representation_hash`` and ``persona_hash`` columns hold."""
    return hash_row(state)
