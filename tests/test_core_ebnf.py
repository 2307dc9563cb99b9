"""The grammar in Python: the text of the core, and the core's parse of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crv._native import core_spec
from crv.core import grammar
from crv.core.errors import GrammarError
from crv.core.grammar import EBNF_GRAMMAR, PARSED_GRAMMAR, ActionKind, PatchOp
from crv.core.grammar.ebnf import load_grammar

IN_CORE = Path(__file__).parent.parent / "crates/crv-core/src/grammar/core.ebnf"
BESIDE_THE_MODULE = Path(grammar.__file__).parent / "core.ebnf"


def test_the_text_is_the_cores_byte_for_byte() -> None:
    assert BESIDE_THE_MODULE.read_bytes() == IN_CORE.read_bytes()
    assert EBNF_GRAMMAR.encode() == BESIDE_THE_MODULE.read_bytes()
    # The compiled-in text: a stale build would have another.
    assert json.loads(core_spec())["ebnf_grammar"] == EBNF_GRAMMAR


def test_the_text_is_the_standards_plain_notation() -> None:
    assert EBNF_GRAMMAR.isascii() and EBNF_GRAMMAR.endswith(";\n")
    # In the standard, quotes and question marks in a comment must be paired.
    comments = re.findall(r"\(\*.*?\*\)", EBNF_GRAMMAR, re.DOTALL)
    assert comments and not [comment for comment in comments if re.search("['\"?]", comment)]


@pytest.mark.parametrize(("name", "values"), [("action_request", ActionKind), ("patch_edit", PatchOp)])
def test_the_choices_are_the_enums_in_order(name: str, values: type[ActionKind] | type[PatchOp]) -> None:
    expected = [member.value for member in values]
    production = PARSED_GRAMMAR.production(name)
    assert production.name == name
    assert production.alternatives == expected
    assert production.leading_terminals == expected
    assert PARSED_GRAMMAR.lower_snake_terminals(name) == expected == list(PARSED_GRAMMAR.lower_snake_terminals(name))
    assert " ".join(production.expression.split()) == " | ".join(expected)


def test_productions_are_in_the_order_of_the_text_and_end_with_the_words() -> None:
    names = [production.name for production in PARSED_GRAMMAR.productions]
    assert names == re.findall(r"^([A-Za-z_]+)\s*=", EBNF_GRAMMAR, re.MULTILINE)
    assert names[-9:] == (
        "Ident Number String string_character string_unescaped escape_sequence character letter digit".split()
    )
    assert PARSED_GRAMMAR.production(names[1]) is PARSED_GRAMMAR.productions[1]


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("gift_token", '"gift_token", "(", from_agent_id, ",", to_agent_id, ",", token_id, ",", quantity, ")"'),
        ("relinquish_token", '"relinquish_token", "(", agent_id, ",", token_id, [ ",", quantity ], ")"'),
        ("representation_patch", '"[", patch_edit, { ",", patch_edit }, "]"'),
        ("payload", "String | Ident"),
        ("utterance", "String"),
        ("legs", "Ident"),
        ("decay_lambda", "Number"),
        ("string_unescaped", "character - ( '\"' | \"\\\" )"),
    ],
)
def test_an_expression_is_the_text_as_written(name: str, expression: str) -> None:
    assert " ".join(PARSED_GRAMMAR.production(name).expression.split()) == expression


def test_leading_terminals_that_are_no_words_are_left_out_of_the_lower_snake_ones() -> None:
    assert PARSED_GRAMMAR.production("letter").leading_terminals[:2] == ("A", "B")
    assert PARSED_GRAMMAR.lower_snake_terminals("letter")[:2] == ("a", "b")
    assert PARSED_GRAMMAR.production("String").leading_terminals == ['"']
    assert PARSED_GRAMMAR.lower_snake_terminals("String") == []


def test_an_unknown_production_is_named() -> None:
    with pytest.raises(GrammarError, match="^the grammar has no production `steal_token`$"):
        PARSED_GRAMMAR.production("steal_token")
    with pytest.raises(GrammarError, match="`steal_token`"):
        PARSED_GRAMMAR.lower_snake_terminals("steal_token")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("  | gift_token\n", "", "expected alternative `gift_token`, found `send_chat_message`"),
        ("  | remove_identity_edge ;", "  ;", "`remove_identity_edge` is missing from `patch_edit`"),
        ('= "decay_identity_edges"', '= "decay"', 'must begin with the terminal "decay_identity_edges"'),
        ("ttl                     = Number ;", "", "production `ttl` is not defined"),
        ("utterance = String ;", "utterance = String", "expected `,`, `|` or `;`, found `Ident`"),
    ],
)
def test_loading_refuses_a_grammar_that_lists_something_else(before: str, after: str, message: str) -> None:
    assert before in EBNF_GRAMMAR
    with pytest.raises(GrammarError, match=r"^line \d+, column \d+ of the grammar: ") as caught:
        load_grammar(EBNF_GRAMMAR.replace(before, after, 1))
    assert message in str(caught.value)


def test_importing_the_enums_reads_no_file_and_needs_no_native_module() -> None:
    script = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
sys.modules["crv._native"] = None
import crv.core.grammar as grammar
assert "crv.core.grammar.ebnf" not in sys.modules
assert not [path for path in opened if path.endswith(".ebnf")], opened
assert grammar.EBNF_GRAMMAR.startswith("(*")
assert grammar.EBNF_GRAMMAR is grammar.EBNF_GRAMMAR
assert [path for path in opened if path.endswith("core.ebnf")], opened
try:
    grammar.PARSED_GRAMMAR
except ImportError as error:
    assert "_native" in str(error)
else:
    raise AssertionError("parsed without the core")
del sys.modules["crv._native"]
assert grammar.PARSED_GRAMMAR is grammar.PARSED_GRAMMAR
try:
    grammar.NOPE
except AttributeError as error:
    assert str(error) == "module 'crv.core.grammar' has no attribute 'NOPE'"
"""
    subprocess.run([sys.executable, "-c", script], check=True)
