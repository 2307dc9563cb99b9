"""Settings: where runs are stored, how ticks are grouped, how parts are written.

The native module checks the values. A wrong value is an `IoConfigError` with the same text, whether it comes from a
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
    """How holdings are valued, if ``enabled``.

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
    """How runs are stored. Immutable: `dataclasses.replace` makes a copy with other values.

    >>> settings = IoSettings(root_dir="out", tick_bucket_size=50)
    >>> settings.compression
    'zstd'
    >>> IoSettings(tick_bucket_size=0)
    Traceback (most recent call last):
    crv.io.errors.IoConfigError: setting `tick_bucket_size` is `0`, and must be an integer of at least 1...
    """

    root_dir: str = "out"
    """The directory of all runs: a local path. A URL is an error, unless ``fs_protocol`` is ``memory``."""
    partitioning: Literal["tick_buckets"] = "tick_buckets"
    """How rows are divided into directories; there is one strategy."""
    tick_bucket_size: int = 100
    """Ticks in a bucket, at least 1. A table keeps the size it was created with."""
    row_group_size: int = 131_072
    """Rows in a Parquet row group, at least 1."""
    compression: Compression = "zstd"
    """The compression of parts."""
    fs_protocol: str = "file"
    """The storage: ``file`` is the local file system, ``memory`` keeps runs until the process ends."""
    fs_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Options of the storage."""
    strict_schema: bool = True
    """Whether columns that the table does not have are refused. If not, they are kept."""
    write_manifest_every_n: int | None = None
    """Commits between two rewrites of manifest.json. None adapts the number to the length of the run."""
    compact_sealed_buckets: bool | None = None
    """Whether the parts of a bucket are merged, in the background, once a later bucket has begun. None: in runs of
    `start_run` alone. The replaced parts stay in the directory until a vacuum, or, in such runs, for an hour: tools that read the files should ask `Dataset.files` for the live ones."""
    verify_reads: VerifyReads = "checksum"
    """How a part is verified before its rows are returned: by its size and number of rows (``size``), or by the CRC-32C
    of all its bytes, once per dataset (``checksum``). Parts of up to 128 KiB are always verified by their CRC-32C."""
    valuation: ValuationSettings = field(default_factory=ValuationSettings)
    """How holdings are valued."""

    def __post_init__(self) -> None:
        checked = _native.check_settings(vars(self))
        _assign(self, checked | {"valuation": ValuationSettings(**checked["valuation"])})

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Returns the settings of the environment, over those of a TOML file, over the defaults.

        ``path`` is as in `from_toml`.

        Raises:
            IoConfigError: a setting is invalid or unknown, or the file is missing or invalid.
        """
        return cls.from_env(cls.from_toml(path))

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Returns the settings of a TOML file, over the defaults.

        Without a path: ``./crv.toml``, or else ``./pyproject.toml``, or else the defaults. Settings are at the top
        level or in ``[io]``; in pyproject.toml they are in ``[tool.crv.io]``.

        Raises:
            IoConfigError: a setting is invalid or unknown, or the file is missing or invalid.
        """
        return cls(**_native.settings_from_toml(path))

    @classmethod
    def from_env(cls, base: "IoSettings | None" = None, prefix: str = "CRV_IO_") -> Self:
        """Returns ``base`` with the settings of environment variables over it, such as ``CRV_IO_TICK_BUCKET_SIZE=50``.

        Raises:
            IoConfigError: a value is invalid, or a variable with the prefix names no setting.
        """
        return cls(**_native.settings_from_env(base or cls(), prefix, list(os.environ.items())))


def _assign(instance: object, values: Mapping[str, Any]) -> None:
    """Sets the checked fields of a frozen dataclass, in its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
