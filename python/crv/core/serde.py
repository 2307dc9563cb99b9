"""Reading and writing JSON: a strict reader, and the canonical writer."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from crv.core.hashing import json_dumps_canonical

__all__ = ["json_dumps_canonical", "json_loads"]


def json_loads(text: str | bytes | bytearray) -> Any:
    """Read a JSON text. Unlike ``json.loads``, refuse ``NaN`` and ``Infinity``, which are not JSON.

    Raises:
        ValueError: the text is not JSON.

    >>> json_loads('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid JSON: `{name}` is not a JSON number\nhint: write null for a missing number")
