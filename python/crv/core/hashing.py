"""Canonical JSON and the hashes of rows, contexts and states.

The Rust core writes the same bytes. Object keys should be strings: ``json`` sorts other keys before it converts them
to text, so an object with number keys has another form after it was read back.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["hash_context", "hash_row", "hash_state", "json_dumps_canonical"]


def json_dumps_canonical(obj: Any) -> str:
    """Return the canonical JSON: sorted keys, no blanks, non-ASCII text unescaped.

    Raises:
        ValueError: a value is NaN or infinite, which JSON cannot express.
        TypeError: a value is not a JSON value.

    >>> json_dumps_canonical({"b": [1.0, 1e16, -0.0], "a": "ü"})
    '{"a":"ü","b":[1.0,1e+16,-0.0]}'
    """
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_row(row: Any) -> str:
    """Return the hash of a row: the SHA-256 of its canonical JSON in UTF-8, as 64 hex digits.

    Raises:
        ValueError: as ``json_dumps_canonical``; or text has half a surrogate pair, which UTF-8 cannot encode.
        TypeError: as ``json_dumps_canonical``.

    >>> hash_row({"b": 2, "a": 1})
    '43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777'
    """
    return hashlib.sha256(json_dumps_canonical(row).encode("utf-8")).hexdigest()


def hash_context(context: Any) -> str:
    """Return the hash of a context, as ``hash_row`` does, for ``context_hash`` columns."""
    return hash_row(context)


def hash_state(state: Any) -> str:
    """Return the hash of a state, as ``hash_row`` does, for ``representation_hash`` and ``persona_hash`` columns."""
    return hash_row(state)
