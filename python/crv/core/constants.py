"""Defaults that the store and its readers share."""

from __future__ import annotations

from typing import Final

__all__ = ["COMPRESSION", "ROW_GROUP_SIZE", "TICK_BUCKET_SIZE"]

TICK_BUCKET_SIZE: Final = 100
"""Ticks per bucket: ``bucket = tick // TICK_BUCKET_SIZE``."""

ROW_GROUP_SIZE: Final = 131_072
"""Rows per Parquet row group."""

COMPRESSION: Final = "zstd"
"""The Parquet compression codec."""
