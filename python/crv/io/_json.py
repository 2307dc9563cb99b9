"""JSON of the caller: parameters and other facts, checked so that an error names the key."""

import json
import math
import operator
from collections.abc import Mapping
from typing import Any

from crv.io.errors import IoArgumentError

_MAX_DEPTH = 64


def json_object(name: str, value: object) -> str:
    """Returns the JSON of a mapping.

    >>> json_object("params", {"beta": 0.3, "grid": (1, 2)})
    '{"beta": 0.3, "grid": [1, 2]}'
    >>> json_object("params", {"rates": [0.1, float("nan")]})
    Traceback (most recent call last):
    crv.io.errors.IoArgumentError: `params.rates[1]` is not JSON: nan...

    Raises:
        IoArgumentError: it is no mapping, or something in it is not JSON.
    """
    if not isinstance(value, Mapping):
        raise IoArgumentError(f"`{name}` is a mapping, not {_type(value)}\nhint: pass a dict, such as {{'beta': 0.3}}")
    return json.dumps(_plain(name, value, _MAX_DEPTH), ensure_ascii=False)


def _plain(path: str, value: object, levels: int) -> Any:
    """Returns the value as `json.dumps` takes it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not _is_unicode(value):
            raise _refused(path, "text with a lone surrogate")
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(path, f"{float(value)}")
        return float(value)
    if isinstance(value, Mapping | list | tuple):
        if levels == 0:
            raise _refused(path, f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(value, Mapping):
            return {_key(path, key): _plain(f"{path}.{key}", item, levels - 1) for key, item in value.items()}
        return [_plain(f"{path}[{at}]", item, levels - 1) for at, item in enumerate(value)]
    return _number(path, value, levels)


def _number(path: str, value: object, levels: int) -> Any:
    """Returns an int, or a scalar or an array of NumPy, as plain Python."""
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        plain = value.tolist()
        if plain is not value and type(plain) is not type(value):
            return _plain(path, plain, levels)
    raise _refused(path, f"a value of type {_type(value)}")


def _key(path: str, key: object) -> str:
    if isinstance(key, str) and _is_unicode(key):
        return str(key)
    raise _refused(path, f"it has the key {key!r}")


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _refused(path: str, found: str) -> IoArgumentError:
    hint = "pass strings, finite numbers, booleans, None, and lists and dicts of them"
    return IoArgumentError(f"`{path}` is not JSON: {found}\nhint: {hint}")


def _type(value: object) -> str:
    return type(value).__name__
