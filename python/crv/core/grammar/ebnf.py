"""The grammar of actions, observations and patches: an EBNF text, and what it says.

``EBNF_GRAMMAR`` of ``crv.core.grammar`` is the text, and ``PARSED_GRAMMAR`` is what it says. Both are made when they
are first asked for. The text lies in ``core.ebnf`` beside this module; the Rust core reads and checks it.
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
    """A production: a name and what it stands for.

    Attributes:
        name: the name that is defined.
        expression: what it stands for, as it is written, without the gaps around it.
        alternatives: the alternatives that it is a choice of, as they are written. There is at least one.
        leading_terminals: the terminal that each alternative begins with, in their order, without its quotes. Of an
            alternative that begins with the name of a production, it is the terminal of that production, if that is
            no choice; of one that begins with a choice, a part that may be left out or a special sequence, there is
            none.
    """

    name: str
    expression: str
    alternatives: Names
    leading_terminals: Names


class ParsedGrammar:
    """What a grammar says. Read-only; made by ``load_grammar``.

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
        """Every production, in the order of the text."""
        return tuple(self._productions.values())

    def production(self, name: str) -> Production:
        """Look up a production.

        Raises:
            GrammarError: there is none of this name.
        """
        try:
            return self._productions[name]
        except KeyError:
            raise GrammarError(f"the grammar has no production `{name}`") from None

    def lower_snake_terminals(self, name: str) -> Names:
        """List the leading terminals of a production that are lower_snake, in order, without repeats.

        Raises:
            GrammarError: there is none of this name.

        >>> from crv.core.grammar import PARSED_GRAMMAR
        >>> PARSED_GRAMMAR.lower_snake_terminals("patch_edit")[2]
        'decay_identity_edges'
        """
        return self._words[self.production(name).name]

    def __repr__(self) -> str:
        return f"<ParsedGrammar of {len(self._productions)} productions>"


def load_grammar(text: str) -> ParsedGrammar:
    """Read a grammar in the notation of ISO/IEC 14977, and check that it lists what ``crv.core`` lists.

    ``action_request`` must have one alternative for each ``ActionKind`` and ``patch_edit`` one for each ``PatchOp``,
    in their order: the production that is named by the value, and that begins with it.

    Raises:
        GrammarError: the text is no such grammar. The message names line and column.

    >>> load_grammar("action_request = ;")
    Traceback (most recent call last):
    crv.core.errors.GrammarError: the grammar has no production `observation_envelope`
    """
    # The one place in crv.core that needs the native module: the reader of grammars exists once, in Rust.
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
    """Read ``core.ebnf``, word for word.

    >>> "utterance = String ;" in read_grammar()
    True
    """
    return files("crv.core.grammar").joinpath("core.ebnf").read_bytes().decode("utf-8")
