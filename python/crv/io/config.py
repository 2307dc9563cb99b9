"""Settings: where runs lie, how ticks are grouped, how parts are written.

The rules live in the native module; a wrong value is an `IoConfigError` with the same words whether it comes from a
call, a file or an environment variable.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from crv import _native

__all__ = ["IoSettings", "ValuationSettings"]

Compression = Literal["zstd", "lz4", "snappy"]
CostMethod = Literal["wac", "fifo", "lifo", "specific_lot"]
VerifyReads = Literal["size", "checksum"]
PriceSource = Literal["last_trade", "baseline_value", "vwap_window", "oracle"]


@dataclass(frozen=True, kw_only=True)
class ValuationSettings:
    """How holdings are valued, when they are.

    >>> ValuationSettings(cost_method="fifo").cost_method
    'fifo'
    """

    enabled: bool = False
    cost_method: CostMethod = "wac"
    price_source: PriceSource = "last_trade"
    vwap_window_ticks: int = 10
    currency: str = "native"

    def __post_init__(self) -> None:
        _assign(self, _native.check_valuation(vars(self)))


@dataclass(frozen=True, kw_only=True)
class IoSettings:
    """How runs are stored. Immutable; `dataclasses.replace` makes a copy with one field changed.

    >>> settings = IoSettings(root_dir="out", tick_bucket_size=50)
    >>> settings.compression
    'zstd'
    >>> IoSettings(tick_bucket_size=0)
    Traceback (most recent call last):
    crv.io.errors.IoConfigError: setting `tick_bucket_size` is `0`, and must be an integer of at least 1...
    """

    root_dir: str = "out"
    """The root of all runs: a local path. A URL is an error, unless ``fs_protocol`` is ``memory``."""
    partitioning: Literal["tick_buckets"] = "tick_buckets"
    """How rows are divided over directories; the only strategy."""
    tick_bucket_size: int = 100
    """Ticks in a bucket, at least 1. A table keeps the size it was first written with."""
    row_group_size: int = 131_072
    """Rows in a Parquet row group, at least 1."""
    compression: Compression = "zstd"
    """The compression of parts."""
    fs_protocol: str = "file"
    """The kind of storage."""
    fs_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Options passed to the store."""
    strict_schema: bool = True
    """Refuse columns that the table does not have; when false they are kept."""
    write_manifest_every_n: int | None = None
    """Commits between two rewrites of manifest.json; None adapts to the length of the run."""
    compact_sealed_buckets: bool = False
    """Merge the parts of a bucket, in the background, when a later one has begun. Until a vacuum, the parts that were
    merged are visible to tools that look into the directory instead of asking `Dataset.files`."""
    verify_reads: VerifyReads = "checksum"
    """How a part is compared with its entry before its rows are handed out: by its size and number of rows, or by the
    CRC-32C of all its bytes, once for each dataset. Parts of up to 128 KiB are compared by their CRC-32C in any case."""
    valuation: ValuationSettings = field(default_factory=ValuationSettings)
    """How holdings are valued."""

    def __post_init__(self) -> None:
        checked = _native.check_settings(vars(self))
        _assign(self, checked | {"valuation": ValuationSettings(**checked["valuation"])})

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Environment over TOML over defaults; ``path`` as in `from_toml`."""
        return cls.from_env(cls.from_toml(path))

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """The settings of a TOML file over the defaults.

        Without a path: ``./crv.toml``, or else ``./pyproject.toml``, or else the defaults. Settings stand at the top
        level or in ``[io]``, in pyproject.toml in ``[tool.crv.io]``.
        """
        return cls(**_native.settings_from_toml(path))

    @classmethod
    def from_env(cls, base: "IoSettings | None" = None, prefix: str = "CRV_IO_") -> Self:
        """``base`` with the settings of the environment over it, such as ``CRV_IO_TICK_BUCKET_SIZE=50``.

        A variable with the prefix that names no setting is an error.
        """
        return cls(**_native.settings_from_env(base or cls(), prefix, list(os.environ.items())))


def _assign(instance: object, values: Mapping[str, Any]) -> None:
    """Sets the checked fields of a frozen dataclass that is being made."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
