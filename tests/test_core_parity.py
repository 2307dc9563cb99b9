"""Python's lists and bytes equal the Rust core's."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import pytest

from crv._native import core_spec
from crv._native import json_dumps_canonical as rust_dumps
from crv.core import constants, grammar, versioning
from crv.core.hashing import json_dumps_canonical
from crv.core.tables import list_tables

SPEC: dict[str, Any] = json.loads(core_spec())


def test_the_enums_are_the_same_in_name_member_value_and_order() -> None:
    names = [enum["name"] for enum in SPEC["enums"]]
    assert sorted(names) == sorted(
        name for name in grammar.__all__ if isinstance(getattr(grammar, name), type)
    )
    for enum in SPEC["enums"]:
        ours = [[member.name, member.value] for member in getattr(grammar, enum["name"])]
        assert ours == enum["members"], enum["name"]


def test_the_tables_are_the_same_to_the_last_column() -> None:
    ours = [
        {
            "name": table.name.value,
            "columns": [list(item) for item in table.columns.items()],
            "required": list(table.required),
            "nullable": list(table.nullable),
            "partitioning": list(table.partitioning),
            "version": version_object(table.version),
        }
        for table in list_tables()
    ]
    assert ours == SPEC["tables"]


def test_the_required_slots_are_the_same() -> None:
    ours = [[kind.value, list(kind.required_slots())] for kind in grammar.RepresentationEdgeKind]
    assert ours == SPEC["required_slots"]


def test_the_constants_and_versions_are_the_same() -> None:
    ours = {name: getattr(constants, name) for name in constants.__all__}
    ours |= {name: getattr(versioning, name) for name in versioning.__all__ if name.isupper()}
    ours["SCHEMA_V"] = version_object(versioning.SCHEMA_V)
    assert ours == SPEC["constants"]


def version_object(version: versioning.SchemaVersion) -> dict[str, Any]:
    return {"major": version.major, "minor": version.minor, "date": version.date}


def random_float(rng: random.Random) -> float:
    shape = rng.randrange(5)
    if shape == 0:
        # Random bits, hence every exponent; the exponent of all ones is infinity or NaN.
        bits = rng.getrandbits(64)
        value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
        return value if math.isfinite(value) else 0.0
    if shape == 1:
        # Many of these are exactly halfway between two decimal texts of the same length.
        return math.ldexp(rng.getrandbits(54), -rng.randrange(12))
    if shape == 2:
        # Powers of ten around the limits of the exponent form.
        return rng.choice([-1, 1]) * rng.randrange(1, 1000) * math.pow(10.0, rng.randrange(-8, 24))
    if shape == 3:
        return math.ldexp(1.0, rng.randrange(-1074, 1024))
    return rng.choice([0.0, -0.0, 1.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308])


def random_text(rng: random.Random) -> str:
    alphabet = (
        'abzAZ09 "\\/\b\f\n\r\t\x00\x1f\x7f\x85\u00e9\u2028\u2029\uff5e\ue000\uffff\U0001f642\U0010ffff'
    )
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(8)))


def random_json(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(6 if depth > 4 else 8)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([-1, 1]) * rng.getrandbits(rng.choice([1, 8, 53, 64, 65, 200]))
    if kind in (2, 3):
        return random_float(rng)
    if kind in (4, 5):
        return random_text(rng)
    if kind == 6:
        return [random_json(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {random_text(rng): random_json(rng, depth + 1) for _ in range(rng.randrange(6))}


@pytest.mark.parametrize("seed", range(8))
def test_canonical_json_is_the_same_for_random_values(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(1000):
        value = random_json(rng)
        expected = json_dumps_canonical(value)
        # Spacing, order and escapes of the input text do not matter.
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1), expected):
            assert rust_dumps(text) == expected, text


def test_canonical_floats_are_the_same_for_many_floats() -> None:
    rng = random.Random(20250920)
    values = [random_float(rng) for _ in range(20_000)]
    assert rust_dumps(json.dumps(values)) == json_dumps_canonical(values)


@pytest.mark.parametrize(
    "text",
    ["-0", "1E5", "1e-7", "-0e5", "1.50", "2e-324", '{"a":1,"b":2,"a":3}', '"\\/\\u00e9\\ud83d\\ude42"'],
)
def test_canonical_json_is_the_same_however_a_value_is_written(text: str) -> None:
    assert rust_dumps(text) == json_dumps_canonical(json.loads(text))


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "1e999", "-1e999"])
def test_what_json_does_not_have_is_refused_by_both(text: str) -> None:
    with pytest.raises(ValueError):
        rust_dumps(text)
    with pytest.raises(ValueError):
        json_dumps_canonical(json.loads(text))
