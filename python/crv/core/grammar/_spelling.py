"""The lower_snake rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from crv.core.errors import GrammarError

__all__ = ["assert_lower_snake", "ensure_all_enum_values_lower_snake", "is_lower_snake"]

_LOWER_SNAKE: Final = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")


def is_lower_snake(s: str) -> bool:
    r"""Return whether the whole text is lower_snake: groups of ``a-z0-9``, joined by single underscores.

    >>> is_lower_snake("acquire_token"), is_lower_snake("AcquireToken"), is_lower_snake("a\n")
    (True, False, False)
    """
    return isinstance(s, str) and _LOWER_SNAKE.fullmatch(s) is not None


def assert_lower_snake(s: str, what: str = "value") -> None:
    """Refuse a text that is not lower_snake; ``what`` names the text in the message.

    Raises:
        GrammarError: the text is not lower_snake.
    """
    if not is_lower_snake(s):
        raise GrammarError(
            f"{what} must be lower_snake, got `{s}`\n"
            "hint: use lower-case letters, digits and single underscores between them"
        )


def ensure_all_enum_values_lower_snake(enums: Iterable[type[Enum]]) -> None:
    """Refuse enums with a value that is not lower_snake.

    Raises:
        AssertionError: a value is not lower_snake. The message names the enum, the member and the value.
    """
    for enum in enums:
        # `__members__`, because iterating over the enum skips aliases.
        for name, member in enum.__members__.items():
            if not is_lower_snake(member.value):
                raise AssertionError(f"{enum.__name__}.{name} must be lower_snake, got `{member.value}`")
