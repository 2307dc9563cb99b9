"""The grammar of actions, observations and patches: an EBNF text, and its parsed form.

``EBNF_GRAMMAR`` of ``crv.core.grammar`` is the text, and ``PARSED_GRAMMAR`` the parsed grammar. Both are loaded on
first use. The text is in ``core.ebnf`` beside this module; the Rust core parses and checks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from crv.core._names import Names
from crv.core.errors import GrammarError

__all__ = ["ParsedGrammar", "Production", "load_grammar", "read_grammar"]


@dataclass(frozen=True, slots=True)
class Production:
    """A production: a name and its expression.

    Attributes:
        name: the name that is defined.
        expression: the text of its definition, without the blanks around it.
        alternatives: the alternatives of the expression, as text. There is at least one.
        leading_terminals: the terminal that each alternative begins with, in order, without quotes. If an alternative
            begins with the name of a production, it is the leading terminal of that production, unless that is a
            choice. An alternative that begins with a choice, an optional part or a special sequence has none.
    """

    name: str
    expression: str
    alternatives: Names
    leading_terminals: Names


class ParsedGrammar:
    """A parsed grammar. Read-only; made by ``load_grammar``.

    >>> from crv.core.grammar import PARSED_GRAMMAR
    >>> PARSED_GRAMMAR.production("payload").alternatives
    ('String', 'Ident')
    >>> PARSED_GRAMMAR.production("gift_token").leading_terminals
    ('gift_token',)
    """

    __slots__ = ("_productions", "_words")

    def __init__(self, productions: dict[str, Production], words: dict[str, Names]) -> None:
        self._productions: Final = MappingProxyType(productions)
        self._words: Final = words

    @property
    def productions(self) -> tuple[Production, ...]:
        """All productions, in the order of the text."""
        return tuple(self._productions.values())

    def production(self, name: str) -> Production:
        """Look up a production.

        Raises:
            GrammarError: there is no production of this name.
        """
        try:
            return self._productions[name]
        except KeyError:
            raise GrammarError(f"the grammar has no production `{name}`") from None

    def lower_snake_terminals(self, name: str) -> Names:
        """List the leading terminals of a production that are lower_snake, in order, without repeats.

        Raises:
            GrammarError: there is no production of this name.

        >>> from crv.core.grammar import PARSED_GRAMMAR
        >>> PARSED_GRAMMAR.lower_snake_terminals("patch_edit")[2]
        'decay_identity_edges'
        """
        return self._words[self.production(name).name]

    def __repr__(self) -> str:
        return f"<ParsedGrammar of {len(self._productions)} productions>"


def load_grammar(text: str) -> ParsedGrammar:
    """Parse a grammar in the notation of ISO/IEC 14977, and check that it has the actions and patches of ``crv.core``.

    ``action_request`` must have one alternative for each ``ActionKind`` and ``patch_edit`` one for each ``PatchOp``,
    in their order: the production that is named after the value, and begins with it.

    Raises:
        GrammarError: the text is not such a grammar. The message of a syntax error names line and column.

    >>> load_grammar("action_request = ;")
    Traceback (most recent call last):
    crv.core.errors.GrammarError: the grammar has no production `observation_envelope`
    """
    # The parser of grammars exists only in Rust.
    from crv._native import load_grammar as load

    rules = load(text)
    return ParsedGrammar(
        {
            name: Production(name, expression, Names(alternatives), Names(leading))
            for name, expression, alternatives, leading, _ in rules
        },
        {name: Names(words) for name, _, _, _, words in rules},
    )


@cache
def read_grammar() -> str:
    """Return the text of ``core.ebnf``.

    >>> "utterance = String ;" in read_grammar()
    True
    """
    return files("crv.core.grammar").joinpath("core.ebnf").read_bytes().decode("utf-8")
