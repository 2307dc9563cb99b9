"""Settings: defaults and sources; no invalid value is silently ignored."""

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crv.core import constants
from crv.io import IoConfigError, IoSettings, ValuationSettings


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without settings."""
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_the_documented_ones() -> None:
    assert dataclasses.asdict(IoSettings()) == {
        "root_dir": "out",
        "partitioning": "tick_buckets",
        "tick_bucket_size": constants.TICK_BUCKET_SIZE,
        "row_group_size": constants.ROW_GROUP_SIZE,
        "compression": constants.COMPRESSION,
        "fs_protocol": "file",
        "fs_options": {},
        "strict_schema": True,
        "write_manifest_every_n": None,
        "compact_sealed_buckets": None,
        "verify_reads": "checksum",
        "valuation": {
            "enabled": False,
            "cost_method": "wac",
            "price_source": "last_trade",
            "vwap_window_ticks": 10,
            "currency": "native",
        },
    }


def test_settings_are_immutable_values(tmp_path: Path) -> None:
    settings = IoSettings(tick_bucket_size=7, fs_options={"a": "b"}, valuation=ValuationSettings(enabled=True))
    assert settings == copy.deepcopy(settings) == pickle.loads(pickle.dumps(settings))
    assert hash(settings) == hash(copy.deepcopy(settings))
    changed = dataclasses.replace(settings, root_dir="x")
    assert (changed.root_dir, changed.tick_bucket_size, changed.valuation.enabled) == ("x", 7, True)
    assert changed != settings
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.root_dir = "y"  # type: ignore[misc]
    with pytest.raises(TypeError):
        IoSettings("out")  # type: ignore[call-arg]


def test_values_are_brought_to_their_own_type() -> None:
    settings = IoSettings(root_dir=Path("a/b"), tick_bucket_size=np.int64(5), valuation={"enabled": True})  # type: ignore[arg-type]
    assert (settings.root_dir, type(settings.tick_bucket_size)) == ("a/b", int)
    assert settings.valuation == ValuationSettings(enabled=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("root_dir", ""),
        ("root_dir", 3),
        ("partitioning", "by_agent"),
        ("tick_bucket_size", 0),
        ("tick_bucket_size", -1),
        ("tick_bucket_size", 1.5),
        ("tick_bucket_size", "100"),
        ("tick_bucket_size", True),
        ("tick_bucket_size", 2**63),
        ("row_group_size", 0),
        ("compression", "gzip"),
        ("compression", None),
        ("fs_protocol", "ftp"),
        ("fs_options", [1]),
        ("strict_schema", "maybe"),
        ("strict_schema", 1),
        ("write_manifest_every_n", 0),
        ("compact_sealed_buckets", 1),
        ("verify_reads", "never"),
        ("verify_reads", True),
        ("valuation", 3),
    ],
)
def test_an_invalid_value_names_field_and_value(field: str, value: Any) -> None:
    with pytest.raises(IoConfigError, match=f"`{field}"):
        IoSettings(**{field: value})
    with pytest.raises(IoConfigError, match=f"`{field}"):
        dataclasses.replace(IoSettings(), **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("cost_method", "hifo"), ("price_source", "rumour"), ("vwap_window_ticks", 0), ("currency", "")],
)
def test_an_invalid_valuation_names_field_and_value(field: str, value: Any) -> None:
    with pytest.raises(IoConfigError, match=f"`valuation.{field}`"):
        ValuationSettings(**{field: value})


def test_environment_is_over_toml_is_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert IoSettings.load() == IoSettings()
    (tmp_path / "pyproject.toml").write_text("[tool.crv.io]\ntick_bucket_size = 1\n")
    assert IoSettings.load().tick_bucket_size == 1
    (tmp_path / "crv.toml").write_text(
        "[io]\ntick_bucket_size = 2\nrow_group_size = 3\n[io.valuation]\nenabled = true\n"
    )
    settings = IoSettings.load()
    assert (settings.tick_bucket_size, settings.row_group_size, settings.valuation.enabled) == (2, 3, True)
    monkeypatch.setenv("CRV_IO_TICK_BUCKET_SIZE", "4")
    monkeypatch.setenv("CRV_IO_STRICT_SCHEMA", "off")
    settings = IoSettings.load()
    assert (settings.tick_bucket_size, settings.row_group_size, settings.strict_schema) == (4, 3, False)
    (tmp_path / "other.toml").write_text("tick_bucket_size = 5\n")
    assert IoSettings.from_toml("other.toml").tick_bucket_size == 5
    assert IoSettings.from_toml(tmp_path / "other.toml").tick_bucket_size == 5


def test_the_environment_may_have_another_prefix_and_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_VALUATION_CURRENCY", "CHF")
    settings = IoSettings.from_env(IoSettings(root_dir="base"), prefix="LAB_")
    assert (settings.root_dir, settings.valuation.currency) == ("base", "CHF")
    monkeypatch.setenv("LAB_ROOT_DIRR", "x")
    with pytest.raises(IoConfigError, match="(?s)LAB_ROOT_DIRR.*did you mean `LAB_ROOT_DIR`"):
        IoSettings.from_env(prefix="LAB_")


def test_a_wrong_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crv.toml").write_text("[io]\ntick_bucket_sise = 2\n")
    with pytest.raises(IoConfigError, match=r"(?s)tick_bucket_sise.*crv\.toml.*did you mean `tick_bucket_size`"):
        IoSettings.load()
    with pytest.raises(IoConfigError, match=r"missing\.toml"):
        IoSettings.from_toml("missing.toml")
    (tmp_path / "crv.toml").unlink()
    monkeypatch.setenv("CRV_IO_COMPRESSION", "brotli")
    with pytest.raises(IoConfigError, match="CRV_IO_COMPRESSION.*brotli.*zstd, lz4, snappy"):
        IoSettings.load()


def test_a_keyword_that_is_no_setting_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="tick_bucket_sise"):
        IoSettings(tick_bucket_sise=3)  # type: ignore[call-arg]
