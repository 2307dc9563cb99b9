"""The base class of the enums of the grammar."""

from __future__ import annotations

import re
from enum import Enum
from typing import NoReturn

from crv.core.errors import GrammarError

__all__ = ["Vocabulary"]


class Vocabulary(Enum):
    """A closed, ordered list of lower_snake values. Looking up any other value raises ``GrammarError``."""

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        allowed = [str(member.value) for member in cls]
        message = f"unknown {_words(cls.__name__)} `{value}`: expected one of {', '.join(allowed)}"
        nearest = _nearest(value, allowed)
        raise GrammarError(f"{message}\nhint: did you mean `{nearest}`?" if nearest else message)


_SHORT_NAMES = {
    "PatchOp": "patch operation",
    "RepresentationEdgeKind": "edge kind",
}


def _words(class_name: str) -> str:
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", class_name).lower()
    return _SHORT_NAMES.get(class_name, words)


def _nearest(value: object, allowed: list[str]) -> str | None:
    # A very long text is similar to no value: comparing it would only cost time.
    if not isinstance(value, str) or len(value) > 64:
        return None
    # Imported here: only a wrong value needs it.
    from difflib import get_close_matches

    return next(iter(get_close_matches(value.strip().lower(), allowed, n=1, cutoff=0.7)), None)
