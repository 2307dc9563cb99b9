"""Versions, constants, ids, hashing and JSON."""

from __future__ import annotations

import json
import pickle
import random
import re
import subprocess
import sys
from typing import Any

import pytest

from crv.core import constants, errors, hashing, ids, serde, typing, versioning
from crv.core.versioning import SCHEMA_V, SchemaVersion


def test_constants_are_the_contracts() -> None:
    assert (constants.TICK_BUCKET_SIZE, constants.ROW_GROUP_SIZE, constants.COMPRESSION) == (
        100,
        131072,
        "zstd",
    )


def test_errors_are_the_kinds_the_contract_says() -> None:
    assert issubclass(errors.GrammarError, ValueError)
    assert issubclass(errors.SchemaError, ValueError)
    assert issubclass(errors.VersionMismatch, RuntimeError)


def test_the_schema_version_is_the_contracts() -> None:
    assert (SCHEMA_V.major, SCHEMA_V.minor, SCHEMA_V.date) == (0, 1, "2025-09-20")
    assert str(SCHEMA_V) == "0.1@2025-09-20"
    assert (versioning.SCHEMA_MAJOR_VERSION, versioning.SCHEMA_MINOR_VERSION) == (0, 1)
    assert (versioning.SCHEMA_COMPAT_MAJOR, versioning.SCHEMA_COMPAT_MINOR) == (0, 1)
    assert pickle.loads(pickle.dumps(SCHEMA_V)) == SCHEMA_V


@pytest.mark.parametrize(
    "date",
    ["2025/09/20", "2025-9-2", "20-09-2025", "20250920", "2025-W38-6", "2025-02-29", "2025-01-01\n", ""],
)
def test_a_date_that_is_not_iso_is_refused(date: str) -> None:
    with pytest.raises(ValueError, match=r"^SchemaVersion date must be ISO"):
        SchemaVersion(0, 1, date)


@pytest.mark.parametrize("part", ["major", "minor"])
def test_a_negative_number_is_refused_by_name(part: str) -> None:
    with pytest.raises(ValueError, match=f"^SchemaVersion {part} must be non-negative, got `-1`"):
        SchemaVersion(**{"major": 0, "minor": 0, "date": "2025-09-20", part: -1})  # type: ignore[arg-type]


def test_compatible_means_same_major_and_minor_whatever_the_day() -> None:
    same_but_day = SchemaVersion(0, 1, "1999-01-01")
    assert versioning.is_compatible(same_but_day)
    versioning.ensure_compatible(same_but_day)
    for other in (SchemaVersion(0, 2, "2025-09-20"), SchemaVersion(1, 1, "2025-09-20")):
        assert not versioning.is_compatible(other)
        with pytest.raises(errors.VersionMismatch, match=f"{other} is not compatible with {SCHEMA_V}"):
            versioning.ensure_compatible(other)


def test_a_version_has_two_successors_and_is_not_its_own() -> None:
    current = SchemaVersion(2, 3, "2025-09-20")
    around = [SchemaVersion(major, minor, "2026-01-01") for major in range(6) for minor in range(6)]
    successors = [(v.major, v.minor) for v in around if versioning.is_successor_of(v, current)]
    assert successors == [(2, 4), (3, 0)]


def test_made_run_ids_end_in_six_hex_digits_and_differ() -> None:
    made = {ids.make_run_id("sweep_a") for _ in range(64)}
    assert len(made) > 60
    assert all(re.fullmatch(r"sweep_a_[0-9a-f]{6}", run) for run in made)
    assert ids.make_run_id().startswith("run_")


def test_making_a_run_id_leaves_a_seeded_simulation_alone() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    ids.make_run_id()
    assert random.random() == expected


@pytest.mark.parametrize("prefix", ["", "Run", "a-b", "a_", "a b", "run\n", "a" * 249])
def test_a_prefix_must_be_lower_snake_and_leave_room_for_the_digits(prefix: str) -> None:
    with pytest.raises(ValueError, match="run id prefix"):
        ids.make_run_id(prefix)


def test_the_longest_run_id_has_255_bytes() -> None:
    assert len(ids.make_run_id("a" * 248)) == 255


def test_plain_ids_are_strings() -> None:
    made: list[Any] = [
        ids.RunId("r"),
        ids.AgentId("a"),
        ids.TokenId("t"),
        ids.VenueId("v"),
        ids.SignatureId("s"),
    ]
    assert "".join([*made, typing.GroupId("g"), typing.RoomId("o")]) == "ratvsgo"
    assert typing.Tick is int


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        ({"b": 2, "a": 1}, "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"),
        (
            {"x": 1.0, "y": 1e16, "z": 123456789012345680.0, "u": "🙂"},
            "d7de9f697887b189f37def41c30090980abf3ebf806a2aabe8693939442f637d",
        ),
    ],
)
def test_the_two_vectors_of_the_contract(value: object, digest: str) -> None:
    assert hashing.hash_row(value) == hashing.hash_context(value) == hashing.hash_state(value) == digest


def test_canonical_json_sorts_by_code_point_and_keeps_text_as_it_is() -> None:
    value = {"🙂": 1, "～": 2, "b": [1e22, 1e-7, -0.0, 5e-324, 2**70], "B": None, "": True}
    assert hashing.json_dumps_canonical(value) == (
        '{"":true,"B":null,"b":[1e+22,1e-07,-0.0,5e-324,1180591620717411303424],"～":2,"🙂":1}'
    )
    assert serde.json_dumps_canonical is hashing.json_dumps_canonical


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(ValueError):
        hashing.json_dumps_canonical({"a": [number]})
    with pytest.raises(ValueError):
        hashing.hash_row(number)
    with pytest.raises(ValueError, match="not a JSON number"):
        serde.json_loads(json.dumps(number))


def test_half_a_surrogate_pair_has_no_hash() -> None:
    with pytest.raises(ValueError):
        hashing.hash_row("\ud800")


def test_json_loads_reads_what_was_written() -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {"c": 2**80}}
    assert serde.json_loads(serde.json_dumps_canonical(value)) == value
    assert serde.json_loads(b"[1]") == [1]
    with pytest.raises(ValueError):
        serde.json_loads("[1,]")


def test_importing_the_contracts_loads_nothing_but_the_standard_library() -> None:
    code = """
import sys
import crv.core.constants, crv.core.errors, crv.core.grammar, crv.core.hashing, crv.core.ids
import crv.core.serde, crv.core.tables, crv.core.typing, crv.core.versioning
roots = {name.partition(".")[0] for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(sorted(roots & {"polars", "pyarrow", "pydantic", "numpy", "pandas"}), "crv._native" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[] False\n"


def test_crv_is_a_namespace_package() -> None:
    import crv

    assert getattr(crv, "__file__", None) is None
