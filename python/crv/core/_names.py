"""Names in a fixed order."""

from __future__ import annotations

__all__ = ["Names"]


class Names(tuple[str, ...]):
    """Names in order. A tuple that also equals a list of the same names.

    >>> Names(["bucket"]) == ["bucket"] == Names(["bucket"])
    True
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__
